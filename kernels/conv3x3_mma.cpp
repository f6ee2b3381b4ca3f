#include "kernels/conv3x3_mma.h"

#include "runtime/dispatch.h"
#include "runtime/error.h"
#include "runtime/rounding.h"

namespace dae {

bool suits_mma(const Shape& map, DType dtype) {
  return dtype == DType::bf16 && map.rank() == 4 && (map[3] == 32 || map[3] == 64);
}

MmaTiles mma_tiles(const Shape& map) {
  const auto in_tiles = [](int64_t pixels) {
    return static_cast<unsigned>(ceil_div(pixels, kMmaSide));
  };
  const unsigned down = in_tiles(map[1]), across = in_tiles(map[2]);
  return {down, across, static_cast<unsigned>(map[0]) * down * across};
}

void check_mma_map(const char* op, const char* what, const Tensor& map, Device device) {
  if (device == Device::cpu)
    fail("{}: tensor cores are a GPU's; the CPU computes convolutions in f32 by conv2d_forward",
         op);
  check_layout(op, what, map, device);
  if (!suits_mma(map.shape, map.dtype))
    fail("{}: {} is {}, expected bf16 NHWC with 32 or 64 channels", op, what, to_string(map));
  check_mma_tensor(op, what, map, map.shape);
}

void check_mma_tensor(const char* op, const char* what, const Tensor& tensor, const Shape& shape) {
  check_shape(op, what, tensor, shape);
  check_dtype(op, what, tensor, DType::bf16);
  check_aligned(op, what, tensor, 16);
}

void conv3x3_mma(const Queue& q, const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& y,
                 bool relu) {
  const char* const op = "conv3x3_mma";
  check_mma_map(op, "x", x, q.device);
  const int64_t channels = x.shape[3];
  check_mma_tensor(op, "y", y, x.shape);
  check_mma_tensor(op, "w", w, {channels, 3, 3, channels});
  check_mma_tensor(op, "b", b, {channels});
  DAE_DISPATCH(q, (void)relu, cuda::conv3x3_mma(q.stream, x, w, b, y, relu));
}

}  // namespace dae
