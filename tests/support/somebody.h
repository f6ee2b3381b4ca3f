// Root may read and write everything: a test of what the system refuses becomes somebody else meanwhile.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

namespace dae::test {

class Somebody {
 public:
  Somebody() {
    if (before_ == 0) {
      EXPECT_EQ(seteuid(65534), 0);
    }
  }
  ~Somebody() { EXPECT_EQ(seteuid(before_), 0); }
  Somebody(const Somebody&) = delete;
  Somebody& operator=(const Somebody&) = delete;

 private:
  const uid_t before_ = geteuid();
};

}  // namespace dae::test
