// 2-D convolution and its two gradients. cpu: oneDNN; cuda: the fastest of what
// kernels/layers/cuda_libraries.h finds.
//
//   y[n, i, j, k] = b[k] + sum over u, v, c of x[n, i*stride + u - pad, j*stride + v - pad, c]
//                                              * w[k, u, v, c]      (x is zero outside)
//                   + addend[n, i, j, k], then ReLU
//
// Layout: x {N, H, W, C} and y {N, H', W', K}, NHWC or blocked as the spec says; w {K, kernel,
// kernel, C} is plain; b {K} and the addend {N, H', W', K} may be left out. All of one type, f32 or
// (cuda) bf16; sums are f32. H' = (H + 2 pad - kernel) / stride + 1.
// A transposed convolution is the data gradient of an ordinary one: see kernels/upconv_weights.h.
//
// These ops are planned: an object is made once for a spec, says how much workspace a call needs,
// and then runs without allocating. A call whose tensors do not fit the spec throws Error naming
// the op and the shapes. One object is not for two threads at once.
//
// Bits: the same for every run on one kind of CPU and number of threads; between those, sums are
// ordered differently (docs/numerics.md).
#pragma once

#include "kernels/layers/planned_op.h"

namespace dae {

struct ConvSpec {
  Shape x, y;  // NHWC; y is checked against x, kernel, stride and pad
  int x_block = 1, y_block = 1;
  int kernel = 3, stride = 1, pad = 1;
  bool bias = true;
  bool addend = false;  // forward on cuda only, with a bias
  bool relu = false;    // forward only; the gradients take dy after relu_backward
  // Forward on cuda only, as a transposed convolution's data gradient: see ConvFinish.
  bool gate = false, sums = false;
  DType dtype = DType::f32;

  Shape weights() const { return {y[3], kernel, kernel, x[3]}; }
  int64_t flops() const { return 2 * y.count() * kernel * kernel * x[3]; }  // of each direction
};

// The y of a convolution of x.
Shape conv_output(const Shape& x, int64_t filters, int kernel, int stride, int pad);

// The channel block in which convolutions of this device run fastest on `channels` channels.
int preferred_block(Device device, int64_t channels);

// What is done to a result before it is rounded: an addend shaped like it and a bias of its channels C are added, then
// ReLU; or, with `gate`, ReLU's gradient: where a map shaped like the result, which that ReLU gave, is not
// positive, the result is zero. With `sums` its channels' sums are written as well.
struct ConvFinish {
  bool addend = false, bias = false, relu = false, gate = false, sums = false;
};
// What of it is read, and the sums: f32 {sum_rows(), C}, rows that kernels/partial_sums.h adds up.
struct ConvMore {
  Tensor addend = {}, bias = {}, gate = {}, sums = {};
};

class Conv2dForward : public PlannedOp {
 public:
  Conv2dForward(Device device, const ConvSpec& spec);
  // `b` and `addend` are read where the spec has them.
  void operator()(const Queue& q, const Tensor& x, const Tensor& w, const Tensor& b,
                  const Tensor& addend, const Tensor& y, const Tensor& workspace) const;
  void operator()(const Queue& q, const Tensor& x, const Tensor& w, const ConvMore& more,
                  const Tensor& y, const Tensor& workspace) const;
  int64_t sum_rows() const { return routine_->sum_rows(); }

 private:
  ConvSpec spec_;
};

// dx from dy: written, not added to.
class Conv2dBackwardData : public PlannedOp {
 public:
  // `finish` is for cuda only, and its ReLU wants a bias. The spec's own are forward's, and do not count.
  Conv2dBackwardData(Device device, const ConvSpec& spec, const ConvFinish& finish = {});
  void operator()(const Queue& q, const Tensor& dy, const Tensor& w, const Tensor& dx,
                  const Tensor& workspace) const;
  void operator()(const Queue& q, const Tensor& dy, const Tensor& w, const ConvMore& more,
                  const Tensor& dx, const Tensor& workspace) const;
  int64_t sum_rows() const { return routine_->sum_rows(); }

 private:
  ConvSpec spec_;
  ConvFinish finish_;
};

// dw, and db where the spec has a bias (cpu only: on cuda kernels/bias.h makes it, together with
// ReLU's gradient): written, not added to.
class Conv2dBackwardWeights : public PlannedOp {
 public:
  Conv2dBackwardWeights(Device device, const ConvSpec& spec);
  void operator()(const Queue& q, const Tensor& x, const Tensor& dy, const Tensor& dw,
                  const Tensor& db, const Tensor& workspace) const;

 private:
  ConvSpec spec_;
};

}  // namespace dae
