#include "model/training_plan.h"

#include "kernels/residual_mse.h"
#include "kernels/sigmoid_mse.h"
#include "kernels/step_state.h"

namespace dae {
namespace {

bool has_sigmoid(const NetworkConfig& config) {
  return config.kind != NetworkKind::unet;
}

}  // namespace

void add_mse_and_backward(Builder& b, const NetworkConfig& config, const NetworkOutput& network,
                          TensorId x, TensorId target, TensorId loss) {
  Plan& plan = b.plan();
  const TensorId values = network.values, gain = network.gain;
  const TensorId d_values = b.tensor_like("d(values)", values);
  const TensorId workspace =
      plan.tensor("loss.workspace", {loss_workspace_count(plan.shape(values))});
  b.set_gradient(values, d_values);
  if (has_sigmoid(config)) {
    plan.add({.op = "sigmoid_mse",
              .name = "loss",
              .phase = Phase::loss,
              .reads = {values, target},
              .writes = {d_values, loss},
              .scratch = {workspace},
              .run = [=](const Queue& q, const TensorTable& t) {
                sigmoid_mse(q, t[values], t[target], t[d_values], t[loss], t[workspace]);
              }});
  } else {
    const TensorId input = config.residual ? x : kNoTensor;
    std::vector<TensorId> reads = {values, target}, writes = {d_values, loss};
    if (config.residual) reads.push_back(x);
    TensorId d_gain = kNoTensor;
    if (gain != kNoTensor) {
      d_gain = b.tensor_like("d(gain)", gain);
      b.set_gradient(gain, d_gain);
      reads.push_back(gain);
      writes.push_back(d_gain);
    }
    plan.add({.op = "residual_mse",
              .name = "loss",
              .phase = Phase::loss,
              .reads = reads,
              .writes = writes,
              .scratch = {workspace},
              .run = [=](const Queue& q, const TensorTable& t) {
                residual_mse(q, t[values], t[input], t[gain], t[target], t[d_values], t[d_gain],
                             t[loss], t[workspace]);
              }});
  }
  b.backward();
}

void add_restoration(Builder& b, const NetworkConfig& config, const NetworkOutput& network,
                     TensorId x, TensorId y) {
  const TensorId values = network.values, gain = network.gain;
  if (has_sigmoid(config)) {
    b.plan().add(
        {.op = "sigmoid",
         .name = "output",
         .phase = Phase::forward,
         .reads = {values},
         .writes = {y},
         .run = [=](const Queue& q, const TensorTable& t) { sigmoid(q, t[values], t[y]); }});
    return;
  }
  const TensorId input = config.residual ? x : kNoTensor;
  std::vector<TensorId> reads = {values};
  if (config.residual) reads.push_back(x);
  if (gain != kNoTensor) reads.push_back(gain);
  b.plan().add({.op = "residual_output",
                .name = "output",
                .phase = Phase::forward,
                .reads = reads,
                .writes = {y},
                .run = [=](const Queue& q, const TensorTable& t) {
                  residual_output(q, t[values], t[input], t[gain], t[y]);
                }});
}

OptimizerTensors declare_optimizer(Builder& b) {
  const Shape shape = b.plan().shape(b.weights());
  Plan& plan = b.plan();
  return {plan.external("moment1", shape), plan.external("moment2", shape),
          plan.external("ema", shape),
          plan.external("state", {static_cast<int64_t>(sizeof(StepState))}, DType::u8)};
}

void add_update(Builder& b, const OptimizerTensors& o, const AdamConfig& config) {
  Plan& plan = b.plan();
  const TensorId weights = b.weights(), gradients = b.gradients();
  const TensorId copy = b.layer_weights() == weights ? kNoTensor : b.layer_weights();
  std::vector<TensorId> writes = {o.state, weights, o.m, o.v, o.ema};
  if (copy != kNoTensor) writes.push_back(copy);
  plan.add({.op = "advance",
            .name = "schedule",
            .phase = Phase::update,
            .reads = {o.state},
            .writes = {o.state},
            .run = [=](const Queue& q, const TensorTable& t) { advance(q, t[o.state]); }});
  const TensorId workspace =
      plan.tensor("adam.workspace", {adam_workspace_count(plan.shape(weights).count())});
  plan.add({.op = "adam",
            .name = "update",
            .phase = Phase::update,
            .reads = {o.state, gradients, weights, o.m, o.v, o.ema},
            .writes = writes,
            .scratch = {workspace},
            .run = [=](const Queue& q, const TensorTable& t) {
              adam(q, config,
                   {.state = t[o.state],
                    .gradients = t[gradients],
                    .weights = t[weights],
                    .m = t[o.m],
                    .v = t[o.v],
                    .ema = t[o.ema],
                    .weights_bf16 = t[copy],
                    .workspace = t[workspace]});
            }});
}

}  // namespace dae
