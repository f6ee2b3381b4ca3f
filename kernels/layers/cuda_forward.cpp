#include "kernels/layers/cuda_forward.h"

#include "kernels/bias.h"
#include "kernels/layers/engines.h"
#include "runtime/error.h"

namespace dae {

CudaForward::CudaForward(const cuda_libraries::Convolution& problem)
    : bias_(problem.bias), addend_(problem.addend), relu_(problem.relu) {
  if ((addend_ || relu_) && !bias_)
    fail("conv2d_forward: cuda has an addend or ReLU together with a bias alone");
  try {
    routine_ = cuda_libraries::plan(problem);
  } catch (const cuda_libraries::NoEngine&) {
    if (!bias_) throw;
    fused_ = false;
    cuda_libraries::Convolution alone = problem;
    alone.bias = alone.addend = alone.relu = false;
    routine_ = cuda_libraries::plan(alone);
  }
}

int64_t CudaForward::workspace_bytes() const {
  return static_cast<int64_t>(routine_->workspace_bytes());
}

void CudaForward::run(const Queue& q, const Tensor& x, const Tensor& w, const Tensor& b,
                      const Tensor& addend, const Tensor& y, const Tensor& workspace) const {
  if (fused_ && addend_) {
    routine_->run(q.stream, {x.data, w.data, y.data, b.data, addend.data}, workspace.data);
  } else if (fused_ && bias_) {
    routine_->run(q.stream, {x.data, w.data, y.data, b.data}, workspace.data);
  } else {
    routine_->run(q.stream, {x.data, w.data, y.data}, workspace.data);
    if (bias_) bias_relu(q, b, addend_ ? addend : Tensor{}, y, relu_);
  }
}

}  // namespace dae
