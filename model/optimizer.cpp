#include "model/optimizer.h"

#include "kernels/schedule.h"
#include "kernels/step_state.h"

namespace dae {

OptimizerTensors declare_optimizer(Builder& b) {
  Plan& plan = b.plan();
  const auto declare = [&](const char* name) {
    return plan.external(name, plan.shape(b.weights()), DType::f32, Role::state);
  };
  const TensorId m = declare("moment1"), v = declare("moment2"), ema = declare("ema");
  return {.weights = b.weights(),
          .weights_bf16 = b.layer_weights() == b.weights() ? kNoTensor : b.layer_weights(),
          .gradients = b.gradients(),
          .m = m,
          .v = v,
          .ema = ema,
          .state = plan.external("state", {static_cast<int64_t>(sizeof(StepState))}, DType::u8,
                                 Role::state)};
}

void add_update(Plan& plan, const OptimizerTensors& o, const AdamConfig& config) {
  std::vector<TensorId> writes = {o.state, o.weights, o.m, o.v, o.ema};
  if (o.weights_bf16 != kNoTensor) writes.push_back(o.weights_bf16);
  plan.add({.op = "advance",
            .name = "schedule",
            .phase = Phase::update,
            .reads = {o.state},
            .writes = {o.state},
            .run = [=](const Queue& q, const TensorTable& t) { advance(q, t[o.state]); }});
  const TensorId workspace =
      plan.tensor("adam.workspace", {adam_workspace_count(plan.shape(o.weights).count())});
  plan.add({.op = "adam",
            .name = "update",
            .phase = Phase::update,
            .reads = {o.state, o.gradients, o.weights, o.m, o.v, o.ema},
            .writes = writes,
            .scratch = {workspace},
            .run = [=](const Queue& q, const TensorTable& t) {
              adam(q, config,
                   {.state = t[o.state],
                    .gradients = t[o.gradients],
                    .weights = t[o.weights],
                    .m = t[o.m],
                    .v = t[o.v],
                    .ema = t[o.ema],
                    .weights_bf16 = t[o.weights_bf16],
                    .workspace = t[workspace]});
            }});
}

}  // namespace dae
