#include "kernels/global_pool.h"

#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

// The feature maps here are a sixteenth of the image a side (16 KiB an image): one read, in cache.
void global_pool_cpu(const Tensor& x, const Tensor& y, const Tensor& argmax) {
  const Tensor runs = x.folded();
  const int64_t channels = x.shape[3], width = runs.shape[3], pixels = x.shape[1] * x.shape[2];
  const int64_t groups = channels / width;
  const float* const in = x.as<const float>();
  float* const out = y.as<float>();
  int32_t* const at = argmax.as<int32_t>();
  parallel_chunks(runs.shape[0], 1, [=](int64_t begin, int64_t end) {
    for (int64_t run = begin; run < end; run++) {
      const int64_t image = run / groups, first = run % groups * width;
      float* const mean = out + image * 2 * channels + first;
      float* const top = mean + channels;
      int32_t* const position = at + image * channels + first;
      const float* pixel = in + run * pixels * width;
      for (int64_t c = 0; c < width; c++) {
        mean[c] = 0;
        top[c] = pixel[c];
        position[c] = 0;
      }
      for (int64_t p = 0; p < pixels; p++, pixel += width)
        for (int64_t c = 0; c < width; c++) {
          mean[c] += pixel[c];
          if (pixel[c] > top[c]) {
            top[c] = pixel[c];
            position[c] = static_cast<int32_t>(p);
          }
        }
      for (int64_t c = 0; c < width; c++) mean[c] /= static_cast<float>(pixels);
    }
  });
}

void global_pool_backward_cpu(const Tensor& dy, const Tensor& argmax, const Tensor& dx) {
  const Tensor runs = dx.folded();
  const int64_t channels = dx.shape[3], width = runs.shape[3], pixels = dx.shape[1] * dx.shape[2];
  const int64_t groups = channels / width;
  const float* const in = dy.as<const float>();
  const int32_t* const at = argmax.as<const int32_t>();
  float* const out = dx.as<float>();
  const float share = 1.0f / static_cast<float>(pixels);
  parallel_chunks(runs.shape[0], 1, [=](int64_t begin, int64_t end) {
    for (int64_t run = begin; run < end; run++) {
      const int64_t image = run / groups, first = run % groups * width;
      const float* const d_mean = in + image * 2 * channels + first;
      float* const to = out + run * pixels * width;
      for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < width; c++) to[p * width + c] = share * d_mean[c];
      for (int64_t c = 0; c < width; c++)
        to[at[image * channels + first + c] * width + c] += d_mean[channels + c];
    }
  });
}

void check(const char* op, const Queue& q, const Tensor& map, const Tensor& pooled,
           const Tensor& argmax) {
  const Shape& s = map.shape;
  if (s.rank() != 4 || s[1] * s[2] < 1)
    fail("{}: expected an NHWC tensor of at least a pixel, got {}", op, to_string(map));
  check_float(op, "the feature map", map, q.device);
  check_layout(op, "the feature map", map, q.device);
  check_dtype(op, "the pooled tensor", pooled, map.dtype);
  check_dtype(op, "argmax", argmax, DType::i32);
  check_shape(op, "the pooled tensor", pooled, {s[0], 2 * s[3]});
  check_shape(op, "argmax", argmax, {s[0], s[3]});
}

}  // namespace

void global_pool(const Queue& q, const Tensor& x, const Tensor& y, const Tensor& argmax) {
  check("global_pool", q, x, y, argmax);
  DAE_DISPATCH(q, global_pool_cpu(x, y, argmax), cuda::global_pool(q.stream, x, y, argmax));
}

void global_pool_backward(const Queue& q, const Tensor& dy, const Tensor& argmax,
                          const Tensor& dx) {
  check("global_pool_backward", q, dx, dy, argmax);
  DAE_DISPATCH(q, global_pool_backward_cpu(dy, argmax, dx),
               cuda::global_pool_backward(q.stream, dy, argmax, dx));
}

}  // namespace dae
