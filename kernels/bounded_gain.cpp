#include "kernels/bounded_gain.h"

#include <cmath>

#include "runtime/dispatch.h"

namespace dae {
namespace {

// Three numbers an image: no loop here is worth a second thread.
void bounded_gain_cpu(const Tensor& o, const Tensor& g) {
  const float* const in = o.as<const float>();
  float* const out = g.as<float>();
  for (int64_t i = 0; i < o.count(); i++) out[i] = std::exp(std::tanh(in[i]));
}

void bounded_gain_backward_cpu(const Tensor& o, const Tensor& g, const Tensor& dg,
                               const Tensor& d_o) {
  const float *const in = o.as<const float>(), *const gain = g.as<const float>(),
                     *const d_gain = dg.as<const float>();
  float* const out = d_o.as<float>();
  for (int64_t i = 0; i < o.count(); i++) {
    const float t = std::tanh(in[i]);
    out[i] = d_gain[i] * gain[i] * (1 - t * t);
  }
}

// g and its gradient are f32; o and its gradient have one type.
void check(const char* op, const Queue& q, const Tensor& o, const Tensor& g) {
  check_float(op, "o", o, q.device);
  check_same_layout(op, "g and o", g, o);
  check_dtype(op, "g", g, DType::f32);
}

}  // namespace

void bounded_gain(const Queue& q, const Tensor& o, const Tensor& g) {
  check("bounded_gain", q, o, g);
  DAE_DISPATCH(q, bounded_gain_cpu(o, g), cuda::bounded_gain(q.stream, o, g));
}

void bounded_gain_backward(const Queue& q, const Tensor& o, const Tensor& g, const Tensor& dg,
                           const Tensor& d_o) {
  const char* const op = "bounded_gain_backward";
  check(op, q, o, g);
  check_same_layout(op, "dg and g", dg, g);
  check_dtype(op, "dg", dg, DType::f32);
  check_same_layout(op, "d_o and o", d_o, o);
  check_dtype(op, "d_o", d_o, o.dtype);
  DAE_DISPATCH(q, bounded_gain_backward_cpu(o, g, dg, d_o),
               cuda::bounded_gain_backward(q.stream, o, g, dg, d_o));
}

}  // namespace dae
