#include "kernels/layers/planned_op.h"

#include "runtime/error.h"

namespace dae {

void PlannedOp::run(const char* op, const Queue& q, std::span<const void* const> operands,
                    const Tensor& workspace) const {
  if (static_cast<int64_t>(workspace.bytes()) < workspace_bytes())
    fail("{}: needs {} bytes of workspace, got {}", op, workspace_bytes(), workspace.bytes());
  routine_->run(q.stream, operands, workspace.data);
}

}  // namespace dae
