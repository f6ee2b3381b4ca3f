// The forward convolution on a GPU, with bias, addend and ReLU: fused where the library offers an
// engine for that, else followed by the kernel of kernels/bias.h.
#pragma once

#include <memory>

#include "kernels/layers/cuda_libraries.h"
#include "runtime/queue.h"

namespace dae {

class CudaForward {
 public:
  // Throws Error when the library cannot do the convolution, or when the problem has an addend or
  // ReLU without a bias, which nothing here needs.
  explicit CudaForward(const cuda_libraries::Convolution& problem);

  int64_t workspace_bytes() const;

  // `b` and `addend` are read where the problem has them.
  void run(const Queue& q, const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& addend,
           const Tensor& y, const Tensor& workspace) const;

 private:
  std::shared_ptr<Routine> routine_;
  bool bias_, addend_, relu_;  // of the problem
  bool fused_ = true;
};

}  // namespace dae
