#include "kernels/cast.h"

#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

void cast_cpu(const Tensor& x, const Tensor& y) {
  const float* const in = x.as<const float>();
  BFloat16* const out = y.as<BFloat16>();
  parallel_chunks(x.count(), 1 << 14, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) out[i] = to_bf16(in[i]);
  });
}

}  // namespace

void cast(const Queue& q, const Tensor& x, const Tensor& y) {
  check_dtype("cast", "x", x, DType::f32);
  check_dtype("cast", "y", y, DType::bf16);
  check_same_layout("cast", "y and x", y, x);
  DAE_DISPATCH(q, cast_cpu(x, y), cuda::cast(q.stream, x, y));
}

}  // namespace dae
