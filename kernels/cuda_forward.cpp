#include "kernels/cuda_forward.h"

#include "kernels/bias.h"
#include "runtime/error.h"

namespace dae {

CudaForward::CudaForward(const cuda_libraries::Convolution& problem)
    : bias_(problem.bias), relu_(problem.relu) {
  if (relu_ && !bias_) fail("conv2d: cuda has ReLU together with a bias alone");
  cuda_libraries::Convolution alone = problem;
  alone.bias = alone.relu = false;
  if (bias_) try {
      routine_ = cuda_libraries::plan(problem);
      return;
    } catch (const Error&) {  // no engine fuses this: the plain one's error counts
      fused_ = false;
    }
  routine_ = cuda_libraries::plan(alone);
}

int64_t CudaForward::workspace_bytes() const {
  return static_cast<int64_t>(routine_->workspace_bytes());
}

void CudaForward::run(const Queue& q, const Tensor& x, const Tensor& w, const Tensor& b,
                      const Tensor& y, const Tensor& workspace) const {
  if (bias_ && fused_) {
    routine_->run(q.stream, {x.data, w.data, y.data, b.data}, workspace.data);
    return;
  }
  routine_->run(q.stream, {x.data, w.data, y.data}, workspace.data);
  if (bias_) bias_relu(q, b, y, relu_);
}

}  // namespace dae
