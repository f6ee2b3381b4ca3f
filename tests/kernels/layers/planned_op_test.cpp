#include "kernels/layers/planned_op.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/support/said.h"

namespace dae::test {
namespace {

class CountedRoutine : public Routine {
 public:
  size_t workspace_bytes() const override { return 100; }
  void run(void*, std::span<const void* const>, void*) override { runs++; }
  int runs = 0;
};

class CountedOp : public PlannedOp {
 public:
  explicit CountedOp(std::shared_ptr<Routine> routine) { routine_ = std::move(routine); }
  void run_with(int64_t bytes) const {
    run("op", Queue{}, {}, Tensor{nullptr, {bytes}, DType::u8});
  }
};

TEST(PlannedOp, WantsTheWorkspaceOfItsRoutine) {
  const auto routine = std::make_shared<CountedRoutine>();
  const CountedOp op(routine);
  EXPECT_EQ(op.workspace_bytes(), 100);
  EXPECT_EQ(said([&] { op.run_with(99); }), "op: needs 100 bytes of workspace, got 99");
  EXPECT_EQ(routine->runs, 0);
  EXPECT_EQ(said([&] { op.run_with(100); }), "accepted");
  EXPECT_EQ(said([&] { op.run_with(101); }), "accepted");
  EXPECT_EQ(routine->runs, 2);
}

}  // namespace
}  // namespace dae::test
