// What the simulated GPU found during a test fails that test.
#include <gtest/gtest.h>

#include "tests/simulated_gpu/simulator.h"

namespace simulated {
namespace {

class Listener : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo&) override {
    for (const std::string& finding : take_findings())
      ADD_FAILURE() << "simulated GPU: " << finding;
    settings() = {};
    set_capacity(kCapacity);
    set_devices(1);
  }
};

[[maybe_unused]] const bool listening = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new Listener);
  return true;
}();

}  // namespace
}  // namespace simulated
