#include "kernels/partial_sums.h"

#include "runtime/dispatch.h"

namespace dae {

void sum_partials(const Queue& q, std::span<const PartialSum> sums) {
  const char* const op = "sum_partials";
  if (q.device == Device::cpu) fail("{}: partial sums are a GPU's alone", op);
  if (sums.size() > kMostPartialSums)
    fail("{}: {} sums, expected {} at most", op, sums.size(), kMostPartialSums);
  for (const auto& [partial, sum] : sums) {
    if (partial.shape.rank() != 2) fail("{}: expected a matrix, got {}", op, to_string(partial));
    check_dtype(op, "the partial sums", partial, DType::f32);
    check_float(op, "the sum", sum, q.device);
    check_shape(op, "the sum", sum, {partial.shape[1]});
  }
  DAE_DISPATCH(q, {}, cuda::sum_partials(q.stream, sums));
}

}  // namespace dae
