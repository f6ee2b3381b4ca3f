#include "kernels/output_backward.h"

#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

constexpr float kOnes[3] = {1, 1, 1};

// Twelve bytes an element, sixteen for the residual output: memory speed with plain code.
void sigmoid_backward_cpu(const Tensor& y, const Tensor& dy, const Tensor& dz) {
  const float *const value = y.as<const float>(), *const gradient = dy.as<const float>();
  float* const out = dz.as<float>();
  parallel_chunks(y.count(), 4096, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) out[i] = gradient[i] * value[i] * (1 - value[i]);
  });
}

void residual_output_backward_cpu(const Tensor& r, const Tensor& x, const Tensor& gain,
                                  const Tensor& dy, const Tensor& dr, const Tensor& dgain,
                                  const Tensor& workspace) {
  const float* const found = r.as<const float>();
  const float* const input = x.data ? x.as<const float>() : nullptr;
  const float* const gains = gain.data ? gain.as<const float>() : nullptr;
  const float* const gradient = dy.as<const float>();
  float *const out = dr.as<float>(), *const partial = workspace.as<float>();
  const int64_t pixels = r.shape[1] * r.shape[2], chunks = loss_chunks_an_image(r.shape);
  parallel_chunks(r.shape[0] * chunks, 1, [=](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; chunk++) {
      const int64_t image = chunk / chunks, from = chunk % chunks * kLossPixels;
      const int64_t to = std::min(from + kLossPixels, pixels);
      const float* const g = gains ? gains + image * 3 : kOnes;
      float slopes[3] = {0, 0, 0};
      for (int64_t p = image * pixels + from; p < image * pixels + to; p++)
        for (int64_t i = 3 * p, c = 0; c < 3; c++, i++) {
          slopes[c] += gradient[i] * ((input ? input[i] : 0.0f) + found[i]);
          out[i] = gradient[i] * g[c];
        }
      for (int c = 0; c < 3; c++) partial[chunk * kLossPartials + 1 + c] = slopes[c];
    }
  });
  if (!gains) return;
  float* const d_gains = dgain.as<float>();
  for (int64_t image = 0; image < r.shape[0]; image++)
    for (int c = 0; c < 3; c++) {
      double slope = 0;
      for (int64_t k = 0; k < chunks; k++)
        slope += partial[(image * chunks + k) * kLossPartials + 1 + c];
      d_gains[image * 3 + c] = static_cast<float>(slope);
    }
}

}  // namespace

void sigmoid_backward(const Queue& q, const Tensor& y, const Tensor& dy, const Tensor& dz) {
  const char* const op = "sigmoid_backward";
  check_dtype(op, "y", y, DType::f32);
  check_dtype(op, "dy", dy, DType::f32);
  check_float(op, "dz", dz, q.device);
  check_same_layout(op, "dy and y", dy, y);
  check_same_layout(op, "dz and y", dz, y);
  DAE_DISPATCH(q, sigmoid_backward_cpu(y, dy, dz), cuda::sigmoid_backward(q.stream, y, dy, dz));
}

void residual_output_backward(const Queue& q, const Tensor& r, const Tensor& x, const Tensor& gain,
                              const Tensor& dy, const Tensor& dr, const Tensor& dgain,
                              const Tensor& workspace) {
  const char* const op = "residual_output_backward";
  const Shape& s = r.shape;
  if (s.rank() != 4 || s[3] != 3 || r.block != 1)
    fail("{}: r must be plain {{N, H, W, 3}}, got {}", op, to_string(r));
  check_float(op, "r", r, q.device);
  check_same_layout(op, "dy and r", dy, r);
  check_dtype(op, "dy", dy, DType::f32);
  check_same_layout(op, "dr and r", dr, r);
  check_dtype(op, "dr", dr, r.dtype);
  if (x.data) {
    check_same_layout(op, "x and r", x, r);
    check_dtype(op, "x", x, DType::f32);
  }
  if (gain.data) {
    check_shape(op, "gain", gain, {s[0], 3});
    check_dtype(op, "gain", gain, DType::f32);
    check_same_layout(op, "dgain and gain", dgain, gain);
    check_dtype(op, "dgain", dgain, DType::f32);
  }
  check_shape(op, "workspace", workspace, {loss_workspace_count(s)});
  check_dtype(op, "workspace", workspace, DType::f32);
  DAE_DISPATCH(q, residual_output_backward_cpu(r, x, gain, dy, dr, dgain, workspace),
               cuda::residual_output_backward(q.stream, r, x, gain, dy, dr, dgain, workspace));
}

}  // namespace dae
