#include "kernels/adam.h"

#include "kernels/adam_formula.h"
#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

// 4 bytes a weight for the norm (in cache for small networks), then one pass of 36: read g, w, m,
// v, ema, write w, m, v, ema. At 9 million weights (fc) that is 0.36 GB a step and memory bound.
void adam_cpu(const AdamConfig& config, const AdamTensors& t) {
  StepState& state = *static_cast<StepState*>(t.state.data);
  const float* const g = t.gradients.as<const float>();
  float* const partial = t.workspace.as<float>();
  const int64_t count = t.gradients.count();
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
  for (int64_t i = 0; i < t.workspace.count(); i++) squared_norm += partial[i];
  begin_update(config, state);
  note_clipping(clipping_of(config, squared_norm), state);
  if (state.gradient_scale == 0) return;

  float *const w = t.weights.as<float>(), *const m = t.m.as<float>(), *const v = t.v.as<float>(),
               *const ema = t.ema.as<float>();
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

void adam(const Queue& q, const AdamConfig& config, const AdamTensors& t) {
  check_dtype("adam", "state", t.state, DType::u8);
  check_shape("adam", "state", t.state, {static_cast<int64_t>(sizeof(StepState))});
  check_aligned("adam", "state", t.state, alignof(StepState));
  const Shape flat = {t.gradients.count()};
  const auto check = [&](const char* name, const Tensor& tensor) {
    check_shape("adam", name, tensor, flat);
    check_aligned("adam", name, tensor, 16);
  };
  check_float("adam", "gradients", t.gradients, q.device);
  check("gradients", t.gradients);
  const std::pair<const char*, const Tensor*> buffers[] = {
      {"weights", &t.weights}, {"m", &t.m}, {"v", &t.v}, {"ema", &t.ema}};
  for (const auto& [name, tensor] : buffers) {
    check_dtype("adam", name, *tensor, DType::f32);
    check(name, *tensor);
  }
  if (t.weights_bf16.data) {
    check_float("adam", "weights_bf16", t.weights_bf16, q.device);
    check_dtype("adam", "weights_bf16", t.weights_bf16, DType::bf16);
    check("weights_bf16", t.weights_bf16);
  }
  check_shape("adam", "workspace", t.workspace, {adam_workspace_count(t.gradients.count())});
  DAE_DISPATCH(q, adam_cpu(config, t), cuda::adam(q.stream, config, t));
}

}  // namespace dae
