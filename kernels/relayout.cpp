#include "kernels/relayout.h"

#include "runtime/error.h"
#include "runtime/parallel.h"

namespace dae {

void relayout(const Queue& q, const Tensor& x, const Tensor& y) {
  if (q.device != Device::cpu) fail("relayout: feature maps are blocked on the CPU only");
  check_shape("relayout", "y", y, x.shape);
  check_dtype("relayout", "x", x, DType::f32);
  check_dtype("relayout", "y", y, DType::f32);
  const auto* const in = x.as<const float>();
  auto* const out = y.as<float>();
  const int64_t pixels = x.shape[1] * x.shape[2], channels = x.shape[3];
  // Element (n, p, c) of a tensor blocked by b lies at ((n * C/b + c/b) * P + p) * b + c % b.
  const auto offset = [=](int64_t n, int64_t p, int64_t c, int64_t b) {
    return ((n * (channels / b) + c / b) * pixels + p) * b + c % b;
  };
  const int64_t x_block = x.block == 1 ? channels : x.block;
  const int64_t y_block = y.block == 1 ? channels : y.block;
  parallel_chunks(x.shape[0] * pixels, 64, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++)
      for (int64_t c = 0; c < channels; c++)
        out[offset(i / pixels, i % pixels, c, y_block)] =
            in[offset(i / pixels, i % pixels, c, x_block)];
  });
}

}  // namespace dae
