// fp64 convolution and its gradients as plain loops: the reference of kernels/layers/conv2d.h.
#pragma once

#include <cmath>

#include "kernels/layers/conv2d.h"
#include "tests/support/op_case.h"

namespace dae::test {

// Calls f(x index, w index, y index) for each product that an output sums: NHWC x and y, OHWI w.
template <class F>
void for_each_product(const ConvSpec& s, const F& f) {
  const auto at = [](const Shape& t, int64_t n, int64_t i, int64_t j, int64_t c) {
    return ((n * t[1] + i) * t[2] + j) * t[3] + c;
  };
  for (int64_t n = 0; n < s.y[0]; n++)
    for (int64_t i = 0; i < s.y[1]; i++)
      for (int64_t j = 0; j < s.y[2]; j++)
        for (int64_t k = 0; k < s.y[3]; k++)
          for (int64_t u = 0; u < s.kernel; u++)
            for (int64_t v = 0; v < s.kernel; v++) {
              const int64_t row = i * s.stride + u - s.pad, column = j * s.stride + v - s.pad;
              if (row < 0 || row >= s.x[1] || column < 0 || column >= s.x[2]) continue;
              for (int64_t c = 0; c < s.x[3]; c++)
                f(at(s.x, n, row, column, c), ((k * s.kernel + u) * s.kernel + v) * s.x[3] + c,
                  at(s.y, n, i, j, k));
            }
}

// `addend` may be empty.
inline Values conv_forward(const ConvSpec& s, const Values& x, const Values& w, const Values& b,
                           const Values& addend) {
  Values y(s.y.count());
  for (size_t i = 0; i < y.size(); i++) y[i] = s.bias ? b[i % s.y[3]] : 0;
  for_each_product(s, [&](int64_t xi, int64_t wi, int64_t yi) { y[yi] += x[xi] * w[wi]; });
  for (size_t i = 0; i < addend.size(); i++) y[i] += addend[i];
  if (s.relu)
    for (double& value : y) value = value > 0 ? value : 0;
  return y;
}

inline Values conv_backward_data(const ConvSpec& s, const Values& dy, const Values& w) {
  Values dx(s.x.count());
  for_each_product(s, [&](int64_t xi, int64_t wi, int64_t yi) { dx[xi] += dy[yi] * w[wi]; });
  return dx;
}

inline Values conv_backward_weights(const ConvSpec& s, const Values& x, const Values& dy) {
  Values dw(s.weights().count());
  for_each_product(s, [&](int64_t xi, int64_t wi, int64_t yi) { dw[wi] += dy[yi] * x[xi]; });
  return dw;
}

inline Values conv_backward_bias(const ConvSpec& s, const Values& dy) {
  Values db(s.y[3]);
  for (size_t i = 0; i < dy.size(); i++) db[i % s.y[3]] += dy[i];
  return db;
}

// Values for a convolution whose sums are exact in f32, in any order, so that no tolerance hides a
// wrong element: whole multiples of 1 / 8, up to `largest` of them.
inline Values eighths(const Shape& shape, uint64_t seed, int largest = 8) {
  Values values = random_values(shape.count(), seed, -largest, largest);
  for (double& v : values) v = std::round(v) / 8;
  return values;
}

}  // namespace dae::test
