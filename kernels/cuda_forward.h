// The forward convolution with bias and ReLU on a GPU, as kernels/conv2d.h and kernels/dense.h
// share it: fused where the library offers an engine for that, else followed by the kernel of
// bias.h.
#pragma once

#include <memory>

#include "runtime/cuda_libraries.h"
#include "runtime/queue.h"

namespace dae {

class CudaForward {
 public:
  explicit CudaForward(const cuda_libraries::Convolution& problem);

  int64_t workspace_bytes() const;

  // y as an NHWC image; `b` is read where the problem has a bias.
  void run(const Queue& q, const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& y,
           const Tensor& workspace) const;

 private:
  std::shared_ptr<Routine> routine_;
  bool bias_ = false, relu_ = false;  // of the problem
  bool fused_ = true;
};

}  // namespace dae
