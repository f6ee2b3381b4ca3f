#include "kernels/bias.h"

#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

// A feature map as the loops see it: `images` runs of `pixels` times `width` adjacent channels.
// Plain: one run an image, all channels. Blocked: C/b runs an image, b channels each.
struct Runs {
  int64_t runs, pixels, width, groups;  // groups: runs an image

  explicit Runs(const Tensor& t)
      : runs(t.folded().shape[0]),
        pixels(t.shape[1] * t.shape[2]),
        width(t.folded().shape[3]),
        groups(width == 0 ? 0 : t.shape[3] / width) {}
};

void bias_relu_cpu(const Tensor& b, const Tensor& addend, const Tensor& y, bool relu) {
  const Runs r(y);
  const float* const bias = b.as<const float>();
  const float* const extra = addend.data ? addend.as<const float>() : nullptr;
  float* const out = y.as<float>();
  const int64_t rows = y.shape[1], row_pixels = y.shape[2];
  parallel_chunks(r.runs * rows, 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const float* const run_bias = bias + row / rows % r.groups * r.width;
      float* to = out + row * row_pixels * r.width;
      const float* from = extra ? extra + row * row_pixels * r.width : nullptr;
      for (int64_t p = 0; p < row_pixels; p++, to += r.width) {
        for (int64_t c = 0; c < r.width; c++) {
          const float sum = to[c] + run_bias[c] + (from ? from[c] : 0.0f);
          to[c] = relu && !(sum > 0) ? 0.0f : sum;
        }
        if (from) from += r.width;
      }
    }
  });
}

// One partial sum a run: partial {runs, width}, then added over the images in order.
void relu_bias_backward_cpu(const Tensor& y, const Tensor& dy, const Tensor& db, bool relu,
                            const Tensor& workspace) {
  const Runs r(dy);
  const float* const value = relu ? y.as<const float>() : nullptr;
  float* const gradient = dy.as<float>();
  float* const partial = workspace.as<float>();
  parallel_chunks(r.runs, 1, [=](int64_t begin, int64_t end) {
    for (int64_t run = begin; run < end; run++) {
      float* const sum = partial + run * r.width;
      std::fill(sum, sum + r.width, 0.0f);
      float* g = gradient + run * r.pixels * r.width;
      const float* v = relu ? value + run * r.pixels * r.width : nullptr;
      for (int64_t p = 0; p < r.pixels; p++, g += r.width) {
        if (relu) {
          for (int64_t c = 0; c < r.width; c++) g[c] = v[c] > 0 ? g[c] : 0.0f;
          v += r.width;
        }
        for (int64_t c = 0; c < r.width; c++) sum[c] += g[c];
      }
    }
  });
  float* const out = db.as<float>();
  const int64_t channels = db.count();
  for (int64_t c = 0; c < channels; c++) {
    double sum = 0;
    for (int64_t i = 0; i < r.runs * r.width; i += channels) sum += partial[i + c];
    out[c] = static_cast<float>(sum);
  }
}

void check_map(const char* op, const Queue& q, const Tensor& map) {
  if (map.shape.rank() != 4) fail("{}: expected an NHWC tensor, got {}", op, to_string(map));
  check_float(op, "the feature map", map, q.device);
  check_layout(op, "the feature map", map, q.device);
}

void check_bias(const char* op, const Tensor& map, const Tensor& b) {
  if (b.dtype != DType::f32) check_dtype(op, "the bias", b, map.dtype);
  check_shape(op, "the bias", b, {map.shape[3]});
}

}  // namespace

void bias_relu(const Queue& q, const Tensor& b, const Tensor& addend, const Tensor& y, bool relu) {
  check_map("bias_relu", q, y);
  check_bias("bias_relu", y, b);
  check_dtype("bias_relu", "the bias", b, y.dtype);
  if (addend.data) {
    check_same_layout("bias_relu", "the addend and y", addend, y);
    check_dtype("bias_relu", "the addend", addend, y.dtype);
  }
  DAE_DISPATCH(q, bias_relu_cpu(b, addend, y, relu), cuda::bias_relu(q.stream, b, addend, y, relu));
}

int64_t relu_bias_backward_workspace_count(const Tensor& dy) {
  // CPU: a row of channels an image. CUDA: a row for each of the blocks of pixels.
  const int64_t pixels = dy.shape[0] * dy.shape[1] * dy.shape[2];
  return dy.shape[3] * std::max(dy.shape[0], bias_backward_blocks(pixels));
}

void relu_bias_backward(const Queue& q, const Tensor& y, const Tensor& dy, const Tensor& db,
                        bool relu, const Tensor& workspace) {
  check_map("relu_bias_backward", q, dy);
  if (q.device == Device::cpu || db.data) check_bias("relu_bias_backward", dy, db);
  if (relu) {
    check_same_layout("relu_bias_backward", "y and dy", y, dy);
    check_dtype("relu_bias_backward", "y", y, dy.dtype);
  }
  check_shape(
      "relu_bias_backward", "workspace", workspace,
      db.data ? Shape{relu_bias_backward_workspace_count(dy)} : bias_backward_sums(dy.shape));
  check_dtype("relu_bias_backward", "workspace", workspace, DType::f32);
  DAE_DISPATCH(q, relu_bias_backward_cpu(y, dy, db, relu, workspace),
               cuda::relu_bias_backward(q.stream, y, dy, db, relu, workspace));
}

}  // namespace dae
