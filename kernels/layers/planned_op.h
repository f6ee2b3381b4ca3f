// What planned ops share (kernels/layers/conv2d.h, kernels/layers/dense.h): the routine that one
// was planned as, and the workspace that its calls need.
#pragma once

#include <memory>
#include <span>

#include "kernels/layers/routine.h"
#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

class PlannedOp {
 public:
  int64_t workspace_bytes() const { return static_cast<int64_t>(routine_->workspace_bytes()); }

 protected:
  // Throws Error naming `op` when the workspace is too small.
  void run(const char* op, const Queue& q, std::span<const void* const> operands,
           const Tensor& workspace) const;

  std::shared_ptr<Routine> routine_;
};

}  // namespace dae
