#include "kernels/residual_block.h"

#include "kernels/conv3x3_mma_weights.h"
#include "runtime/dispatch.h"

namespace dae {

void residual_block(const Queue& q, const Tensor& x, const Tensor& w1, const Tensor& b1,
                    const Tensor& w2, const Tensor& b2, const Tensor& h, const Tensor& y) {
  const char* const op = "residual_block";
  check_mma_map(op, "x", x, q.device);
  const Shape biases = {x.shape[3]}, filters = {x.shape[3], 3, 3, x.shape[3]};
  check_mma_tensor(op, "w1", w1, filters);
  check_mma_tensor(op, "b1", b1, biases);
  check_mma_tensor(op, "w2", w2, filters);
  check_mma_tensor(op, "b2", b2, biases);
  if (h.data) check_mma_tensor(op, "h", h, x.shape);
  check_mma_tensor(op, "y", y, x.shape);
  DAE_DISPATCH(q, {}, cuda::residual_block(q.stream, x, w1, b1, w2, b2, h, y));
}

Shape residual_block_sums(const Shape& map) {
  return {2, mma_tiles(map).count, map[3]};
}

Shape residual_block_filter_sums(const Shape& map) {
  return {mma_runs(mma_tiles(map), kResidualBlockRuns).blocks, 9 * map[3] * map[3]};
}

bool suits_filter_sums(const Shape& map) {
  return map[3] == 32;
}

void residual_block_backward(const Queue& q, const Tensor& dy, const Tensor& w1, const Tensor& w2,
                             const Tensor& h, const Tensor& dh, const Tensor& dx,
                             const Tensor& sums, const Tensor& filter_sums) {
  const char* const op = "residual_block_backward";
  check_mma_map(op, "dy", dy, q.device);
  const Shape filters = {dy.shape[3], 3, 3, dy.shape[3]};
  check_mma_tensor(op, "w1", w1, filters);
  check_mma_tensor(op, "w2", w2, filters);
  check_mma_tensor(op, "h", h, dy.shape);
  check_mma_tensor(op, "dh", dh, dy.shape);
  check_mma_tensor(op, "dx", dx, dy.shape);
  check_shape(op, "sums", sums, residual_block_sums(dy.shape));
  check_dtype(op, "sums", sums, DType::f32);
  if (filter_sums.data) {
    if (!suits_filter_sums(dy.shape))
      fail("{}: sums of the filters' gradient are for 32 channels, got {}", op, to_string(dy));
    check_shape(op, "filter_sums", filter_sums, residual_block_filter_sums(dy.shape));
    check_dtype(op, "filter_sums", filter_sums, DType::f32);
    check_aligned(op, "filter_sums", filter_sums, 16);
  }
  DAE_DISPATCH(q, {},
               cuda::residual_block_backward(q.stream, dy, w1, w2, h, dh, dx, sums, filter_sums));
}

}  // namespace dae
