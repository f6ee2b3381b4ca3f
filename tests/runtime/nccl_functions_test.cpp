// Each of NCCL's functions is called by its own name: nccl_stand_in.cpp has NCCL's soname, and is opened before NCCL
// could be, so that it is what is found.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "runtime/nccl.h"

namespace dae::test {
namespace {

TEST(NcclFunctions, EachIsCalledByItsName) {
  ASSERT_NE(dlopen(DAE_NCCL_STAND_IN, RTLD_NOW), nullptr) << dlerror();
  const nccl::Library& library = nccl::library();
  EXPECT_EQ(library.get_unique_id(nullptr), 101);
  EXPECT_EQ(library.init_rank(nullptr, 1, {}, 0), 102);
  EXPECT_EQ(library.destroy(nullptr), 103);
  EXPECT_EQ(library.abort(nullptr), 104);
  EXPECT_EQ(library.async_error(nullptr, nullptr), 105);
  EXPECT_EQ(library.group_start(), 106);
  EXPECT_EQ(library.group_end(), 107);
  EXPECT_EQ(library.send(nullptr, 0, nccl::kBytes, 0, nullptr, nullptr), 108);
  EXPECT_EQ(library.receive(nullptr, 0, nccl::kBytes, 0, nullptr, nullptr), 109);
  EXPECT_STREQ(library.error_string(nccl::kSuccess), "110");
  EXPECT_STREQ(library.last_error(nullptr), "111");
}

}  // namespace
}  // namespace dae::test
