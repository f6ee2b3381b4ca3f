#include "kernels/sigmoid_mse.h"

#include <cmath>

#include "kernels/division.h"
#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

float sigmoid_of(float z) {
  return 1.0f / (1.0f + std::exp(-z));  // exp may overflow to infinity: the result is then 0
}

void sigmoid_cpu(const Tensor& z, const Tensor& y) {
  const float* const in = z.as<const float>();
  float* const out = y.as<float>();
  parallel_chunks(z.count(), 4096, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) out[i] = sigmoid_of(in[i]);
  });
}

void sigmoid_mse_cpu(const Tensor& z, const Tensor& target, const Tensor& dz, const Tensor& loss,
                     const Tensor& workspace) {
  const float* const in = z.as<const float>();
  const uint8_t* const wanted = target.as<const uint8_t>();
  float *const gradient = dz.as<float>(), *const partial = workspace.as<float>();
  const int64_t image = z.shape[1] * z.shape[2] * 3, chunks = loss_chunks_an_image(z.shape);
  const float scale = 2.0f / static_cast<float>(z.count());
  parallel_chunks(z.shape[0] * chunks, 1, [=](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; chunk++) {
      const int64_t begin = chunk / chunks * image + chunk % chunks * kLossPixels * 3;
      const int64_t end = std::min(begin + kLossPixels * 3, (chunk / chunks + 1) * image);
      float sum = 0;
      for (int64_t i = begin; i < end; i++) {
        const float y = sigmoid_of(in[i]);
        const float error = y - over_255(wanted[i]);
        sum += error * error;
        gradient[i] = scale * error * y * (1 - y);
      }
      partial[chunk * kLossPartials] = sum;
    }
  });
  double sum = 0;
  for (int64_t chunk = 0; chunk < z.shape[0] * chunks; chunk++)
    sum += partial[chunk * kLossPartials];
  loss.as<float>()[0] = static_cast<float>(sum / static_cast<double>(z.count()));
}

}  // namespace

void sigmoid(const Queue& q, const Tensor& z, const Tensor& y) {
  check_float("sigmoid", "z", z, q.device);
  check_dtype("sigmoid", "y", y, DType::f32);
  check_same_layout("sigmoid", "y and z", y, z);
  DAE_DISPATCH(q, sigmoid_cpu(z, y), cuda::sigmoid(q.stream, z, y));
}

void sigmoid_mse(const Queue& q, const Tensor& z, const Tensor& target, const Tensor& dz,
                 const Tensor& loss, const Tensor& workspace) {
  const char* const op = "sigmoid_mse";
  const Shape& s = z.shape;
  if (s.rank() != 4 || s[3] != 3 || s.count() == 0 || z.block != 1)
    fail("{}: z must be plain {{N, H, W, 3}}, got {}", op, to_string(z));
  check_float(op, "z", z, q.device);
  check_dtype(op, "target", target, DType::u8);
  check_shape(op, "target", target, s);
  check_same_layout(op, "dz and z", dz, z);
  check_dtype(op, "dz", dz, z.dtype);
  check_shape(op, "loss", loss, {1});
  check_dtype(op, "loss", loss, DType::f32);
  check_shape(op, "workspace", workspace, {loss_workspace_count(s)});
  check_dtype(op, "workspace", workspace, DType::f32);
  DAE_DISPATCH(q, sigmoid_mse_cpu(z, target, dz, loss, workspace),
               cuda::sigmoid_mse(q.stream, z, target, dz, loss, workspace));
}

}  // namespace dae
