#include "kernels/residual_mse.h"

#include "kernels/division.h"
#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

constexpr float kOnes[3] = {1, 1, 1};

// Thirteen bytes an element at most, a few megabytes a batch: memory speed with plain code.
void residual_output_cpu(const Tensor& r, const Tensor& x, const Tensor& gain, const Tensor& y) {
  const float* const found = r.as<const float>();
  const float* const input = x.data ? x.as<const float>() : nullptr;
  const float* const gains = gain.data ? gain.as<const float>() : nullptr;
  float* const out = y.as<float>();
  const int64_t pixels = r.shape[1] * r.shape[2];
  parallel_chunks(r.shape[0] * pixels, kLossPixels, [=](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p++) {
      const float* const g = gains ? gains + p / pixels * 3 : kOnes;
      for (int64_t i = 3 * p, c = 0; c < 3; c++, i++)
        out[i] = g[c] * ((input ? input[i] : 0.0f) + found[i]);
    }
  });
}

void residual_mse_cpu(const Tensor& r, const Tensor& x, const Tensor& gain, const Tensor& target,
                      const Tensor& dr, const Tensor& dgain, const Tensor& loss,
                      const Tensor& workspace) {
  const float* const found = r.as<const float>();
  const float* const input = x.data ? x.as<const float>() : nullptr;
  const float* const gains = gain.data ? gain.as<const float>() : nullptr;
  const uint8_t* const wanted = target.as<const uint8_t>();
  float *const gradient = dr.as<float>(), *const partial = workspace.as<float>();
  const int64_t pixels = r.shape[1] * r.shape[2], chunks = loss_chunks_an_image(r.shape);
  const float scale = 2.0f / static_cast<float>(r.count());
  parallel_chunks(r.shape[0] * chunks, 1, [=](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; chunk++) {
      const int64_t image = chunk / chunks, from = chunk % chunks * kLossPixels;
      const int64_t to = std::min(from + kLossPixels, pixels);
      const float* const g = gains ? gains + image * 3 : kOnes;
      float squares[3] = {0, 0, 0}, slopes[3] = {0, 0, 0};
      for (int64_t p = image * pixels + from; p < image * pixels + to; p++)
        for (int64_t i = 3 * p, c = 0; c < 3; c++, i++) {
          const float base = (input ? input[i] : 0.0f) + found[i];
          const float error = g[c] * base - over_255(wanted[i]);
          squares[c] += error * error;
          slopes[c] += scale * error * base;
          gradient[i] = scale * error * g[c];
        }
      float* const sums = partial + chunk * kLossPartials;
      sums[0] = (squares[0] + squares[1]) + squares[2];
      for (int c = 0; c < 3; c++) sums[1 + c] = slopes[c];
    }
  });
  double sum = 0;
  for (int64_t chunk = 0; chunk < r.shape[0] * chunks; chunk++)
    sum += partial[chunk * kLossPartials];
  loss.as<float>()[0] = static_cast<float>(sum / static_cast<double>(r.count()));
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

void check(const char* op, const Queue& q, const Tensor& r, const Tensor& x, const Tensor& gain) {
  const Shape& s = r.shape;
  if (s.rank() != 4 || s[3] != 3 || r.block != 1)
    fail("{}: r must be plain {{N, H, W, 3}}, got {}", op, to_string(r));
  check_float(op, "r", r, q.device);
  if (x.data) {
    check_same_layout(op, "x and r", x, r);
    check_dtype(op, "x", x, DType::f32);
  }
  if (gain.data) {
    check_shape(op, "gain", gain, {s[0], 3});
    check_dtype(op, "gain", gain, DType::f32);
  }
}

}  // namespace

void residual_output(const Queue& q, const Tensor& r, const Tensor& x, const Tensor& gain,
                     const Tensor& y) {
  check("residual_output", q, r, x, gain);
  check_same_layout("residual_output", "y and r", y, r);
  check_dtype("residual_output", "y", y, DType::f32);
  DAE_DISPATCH(q, residual_output_cpu(r, x, gain, y),
               cuda::residual_output(q.stream, r, x, gain, y));
}

void residual_mse(const Queue& q, const Tensor& r, const Tensor& x, const Tensor& gain,
                  const Tensor& target, const Tensor& dr, const Tensor& dgain, const Tensor& loss,
                  const Tensor& workspace) {
  const char* const op = "residual_mse";
  check(op, q, r, x, gain);
  if (r.count() == 0) fail("{}: the mean over an empty batch is undefined", op);
  check_dtype(op, "target", target, DType::u8);
  check_shape(op, "target", target, r.shape);
  check_same_layout(op, "dr and r", dr, r);
  check_dtype(op, "dr", dr, r.dtype);
  if (gain.data) {
    check_same_layout(op, "dgain and gain", dgain, gain);
    check_dtype(op, "dgain", dgain, DType::f32);
  }
  check_shape(op, "loss", loss, {1});
  check_dtype(op, "loss", loss, DType::f32);
  check_shape(op, "workspace", workspace, {loss_workspace_count(r.shape)});
  check_dtype(op, "workspace", workspace, DType::f32);
  DAE_DISPATCH(q, residual_mse_cpu(r, x, gain, target, dr, dgain, loss, workspace),
               cuda::residual_mse(q.stream, r, x, gain, target, dr, dgain, loss, workspace));
}

}  // namespace dae
