#include "kernels/residual_block.h"

#include "kernels/conv3x3_mma.h"
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

void residual_block_backward(const Queue& q, const Tensor& dy, const Tensor& w1, const Tensor& w2,
                             const Tensor& h, const Tensor& dh, const Tensor& dx,
                             const Tensor& sums) {
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
  DAE_DISPATCH(q, {}, cuda::residual_block_backward(q.stream, dy, w1, w2, h, dh, dx, sums));
}

}  // namespace dae
