#include "kernels/conv3x3_mma_weights.h"

#include <algorithm>

#include "runtime/dispatch.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

constexpr unsigned kLeastRun = 4;  // a block's sums are as many bytes as a tile

int64_t filters_count(const Shape& map) {
  return 9 * map[3] * map[3];
}

}  // namespace

MmaRuns mma_runs(const MmaTiles& tiles, unsigned most_blocks) {
  const unsigned run = std::max(ceil_div(tiles.count, most_blocks), kLeastRun);
  return {run, ceil_div(tiles.count, run)};
}

int64_t conv3x3_mma_weights_workspace_count(const Shape& map) {
  return mma_runs(mma_tiles(map), kMmaWeightsRuns).blocks * filters_count(map);
}

void conv3x3_mma_weights(const Queue& q, const Tensor& x, const Tensor& dy, const Tensor& dw,
                         const Tensor& workspace) {
  const char* const op = "conv3x3_mma_weights";
  check_mma_map(op, "x", x, q.device);
  const int64_t channels = x.shape[3];
  check_mma_tensor(op, "dy", dy, x.shape);
  check_mma_tensor(op, "dw", dw, {channels, 3, 3, channels});
  check_shape(op, "workspace", workspace, {conv3x3_mma_weights_workspace_count(x.shape)});
  check_dtype(op, "workspace", workspace, DType::f32);
  DAE_DISPATCH(q, {}, cuda::conv3x3_mma_weights(q.stream, x, dy, dw, workspace));
}

}  // namespace dae
