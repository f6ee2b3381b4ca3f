// The dense layer y = relu?(x w^T + b) and its gradients. cpu: oneDNN; cuda: cuBLASLt, bias and
// ReLU in its epilogue.
//
// Layout: x {N, I}, w {O, I}, b {O}, y {N, O}, all of one type, f32 or (cuda) bf16; sums are f32.
// Planned like kernels/layers/conv2d.h: made once for a spec, runs without allocating, throws Error
// naming the op and the shapes.
//
// At the batches of a small machine (16 rows) both directions of an 8192 x 512 layer are bound by
// reading w: 16 MiB, against 0.13 GFLOP.
#pragma once

#include "kernels/layers/planned_op.h"

namespace dae {

struct DenseSpec {
  int64_t batch = 0, inputs = 0, outputs = 0;
  bool relu = false;  // forward only; the gradients take dy after relu_backward
  DType dtype = DType::f32;

  int64_t flops() const { return 2 * batch * inputs * outputs; }  // of each direction
};

class DenseForward : public PlannedOp {
 public:
  DenseForward(Device device, const DenseSpec& spec);
  void operator()(const Queue& q, const Tensor& x, const Tensor& w, const Tensor& b,
                  const Tensor& y, const Tensor& workspace) const;

 private:
  DenseSpec spec_;
};

// dx = dy w: written, not added to.
class DenseBackwardData : public PlannedOp {
 public:
  DenseBackwardData(Device device, const DenseSpec& spec);
  void operator()(const Queue& q, const Tensor& dy, const Tensor& w, const Tensor& dx,
                  const Tensor& workspace) const;

 private:
  DenseSpec spec_;
};

// dw = dy^T x and db = the sum of dy's rows (cpu only: on cuda db is left out, kernels/bias.h makes
// it, together with ReLU's gradient): written, not added to.
class DenseBackwardWeights : public PlannedOp {
 public:
  DenseBackwardWeights(Device device, const DenseSpec& spec);
  void operator()(const Queue& q, const Tensor& x, const Tensor& dy, const Tensor& dw,
                  const Tensor& db, const Tensor& workspace) const;

 private:
  DenseSpec spec_;
};

}  // namespace dae
