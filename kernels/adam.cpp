#include "kernels/adam.h"

#include "kernels/adam_formula.h"
#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

// 4 bytes a weight for the norm (in cache for small networks), then one pass of 36: read g, w, m,
// v, ema, write w, m, v, ema. At 9 million weights (fc) that is 0.36 GB a step and memory bound.
void adam_cpu(const AdamConfig& config, const Tensor& state_tensor, const Tensor& gradients,
              const Tensor& weights, const Tensor& m_tensor, const Tensor& v_tensor,
              const Tensor& ema_tensor, const Tensor& workspace) {
  StepState& state = *static_cast<StepState*>(state_tensor.data);
  const float* const g = gradients.as<const float>();
  float* const partial = workspace.as<float>();
  const int64_t count = gradients.count();
  parallel_chunks(count, kAdamChunk, [=](int64_t begin, int64_t end) {
    // Sixteen running sums, so that the loop is vector code without reordering anything.
    float sums[16] = {};
    int64_t i = begin;
    for (; i + 16 <= end; i += 16)
      for (int k = 0; k < 16; k++) sums[k] += g[i + k] * g[i + k];
    double sum = 0;
    for (; i < end; i++) sum += double{g[i]} * g[i];
    for (const float s : sums) sum += s;
    partial[begin / kAdamChunk] = static_cast<float>(sum);
  });
  double squared_norm = 0;
  for (int64_t i = 0; i < workspace.count(); i++) squared_norm += partial[i];
  complete_state(config, squared_norm, state);
  if (state.gradient_scale == 0) return;

  float *const w = weights.as<float>(), *const m = m_tensor.as<float>(),
               *const v = v_tensor.as<float>(), *const ema = ema_tensor.as<float>();
  const StepState s = state;
  parallel_chunks(count, kAdamChunk, [=](int64_t begin, int64_t end) {
    const float share = 1 - s.ema_decay;
#pragma omp simd  // five arrays: more than the compiler checks for overlap by itself
    for (int64_t i = begin; i < end; i++)
      adam_element(config, s.gradient_scale, s.learning_rate, s.correction1, s.correction2, share,
                   g[i], w[i], m[i], v[i], ema[i]);
  });
}

}  // namespace

void adam(const Queue& q, const AdamConfig& config, const Tensor& state, const Tensor& gradients,
          const Tensor& weights, const Tensor& m, const Tensor& v, const Tensor& ema,
          const Tensor& workspace) {
  check_dtype("adam", "state", state, DType::u8);
  check_shape("adam", "state", state, {static_cast<int64_t>(sizeof(StepState))});
  check_aligned("adam", "state", state, alignof(StepState));
  const Shape flat = {gradients.count()};
  const std::pair<const char*, const Tensor*> buffers[] = {
      {"gradients", &gradients}, {"weights", &weights}, {"m", &m}, {"v", &v}, {"ema", &ema}};
  for (const auto& [name, tensor] : buffers) {
    check_dtype("adam", name, *tensor, DType::f32);
    check_shape("adam", name, *tensor, flat);
    check_aligned("adam", name, *tensor, 16);
  }
  check_shape("adam", "workspace", workspace, {adam_workspace_count(gradients.count())});
  DAE_DISPATCH(q, adam_cpu(config, state, gradients, weights, m, v, ema, workspace),
               cuda::adam(q.stream, config, state, gradients, weights, m, v, ema, workspace));
}

}  // namespace dae
