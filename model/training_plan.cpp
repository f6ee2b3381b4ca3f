#include "model/training_plan.h"

#include "kernels/dct_loss.h"
#include "kernels/ms_ssim_loss.h"
#include "kernels/output_backward.h"
#include "kernels/pixel_loss.h"
#include "kernels/residual_mse.h"
#include "kernels/sigmoid_mse.h"
#include "kernels/ssim_loss.h"
#include "kernels/step_state.h"
#include "model/perceptual.h"
#include "runtime/error.h"

namespace dae {
namespace {

bool has_sigmoid(const NetworkConfig& config) {
  return config.kind != NetworkKind::unet;
}

// What a step that leads back into the residual output touches besides its own: reads its input and
// gain, where the network has them, and writes the gain's gradient.
struct ResidualOutput {
  TensorId input = kNoTensor, d_gain = kNoTensor;
};
ResidualOutput wire_residual_output(Builder& b, const NetworkConfig& config, TensorId gain,
                                    TensorId x, std::vector<TensorId>& reads,
                                    std::vector<TensorId>& writes) {
  ResidualOutput output;
  if (config.residual) {
    output.input = x;
    reads.push_back(x);
  }
  if (gain != kNoTensor) {
    output.d_gain = b.tensor_like("d(gain)", gain);
    b.set_gradient(gain, output.d_gain);
    reads.push_back(gain);
    writes.push_back(output.d_gain);
  }
  return output;
}

struct LossOp {
  const char* op;
  void (*run)(const Queue&, const Tensor& y, const Tensor& target, const LossTerm&,
              const Tensor& workspace);
  int64_t (*workspace_count)(const Shape&);
};

LossOp op_of(LossKind kind) {
  switch (kind) {
    case LossKind::mse:
      return {"mse_loss", mse_loss, pixel_loss_workspace_count};
    case LossKind::l1:
      return {"l1_loss", l1_loss, pixel_loss_workspace_count};
    case LossKind::ssim:
      return {"ssim_loss", ssim_loss, ssim_loss_workspace_count};
    case LossKind::ms_ssim:
      return {"ms_ssim_loss", ms_ssim_loss, ms_ssim_loss_workspace_count};
    case LossKind::dct:
      return {"dct_loss", dct_loss, dct_loss_workspace_count};
    case LossKind::perceptual:
      break;
  }
  fail("loss: {} is no single op", name_of(kind));
}

// From dy to the gradients of the network's output.
void add_output_backward(Builder& b, const NetworkConfig& config, const NetworkOutput& network,
                         TensorId x, TensorId y, TensorId dy) {
  Plan& plan = b.plan();
  const TensorId values = network.values, gain = network.gain;
  const TensorId d_values = b.tensor_like("d(values)", values);
  b.set_gradient(values, d_values);
  if (has_sigmoid(config)) {
    plan.add({.op = "sigmoid_backward",
              .name = "output",
              .phase = Phase::backward,
              .reads = {y, dy},
              .writes = {d_values},
              .run = [=](const Queue& q, const TensorTable& t) {
                sigmoid_backward(q, t[y], t[dy], t[d_values]);
              }});
    return;
  }
  const TensorId workspace =
      plan.tensor("output.workspace", {loss_workspace_count(plan.shape(values))});
  std::vector<TensorId> reads = {values, dy}, writes = {d_values};
  const auto [input, d_gain] = wire_residual_output(b, config, gain, x, reads, writes);
  plan.add({.op = "residual_output_backward",
            .name = "output",
            .phase = Phase::backward,
            .reads = reads,
            .writes = writes,
            .scratch = {workspace},
            .run = [=](const Queue& q, const TensorTable& t) {
              residual_output_backward(q, t[values], t[input], t[gain], t[dy], t[d_values],
                                       t[d_gain], t[workspace]);
            }});
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
    std::vector<TensorId> reads = {values, target}, writes = {d_values, loss};
    const auto [input, d_gain] = wire_residual_output(b, config, gain, x, reads, writes);
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

int64_t loss_record_size(const LossSpec& loss) {
  return loss.is_plain_mse() ? 1 : 1 + 2 * static_cast<int64_t>(loss.terms.size());
}

void add_loss_and_backward(Builder& b, const NetworkConfig& config, const LossSpec& loss,
                           const NetworkOutput& network, TensorId x, TensorId target,
                           TensorId record, const std::vector<int64_t>& feature_widths) {
  if (loss.is_plain_mse()) {
    add_mse_and_backward(b, config, network, x, target, record);
    return;
  }
  Plan& plan = b.plan();
  const Shape& image = plan.shape(target);
  const TensorId y = plan.tensor("restoration", image), dy = plan.tensor("d(restoration)", image);
  const TensorId total = plan.slice(record, "loss.total", 0, {1});
  add_restoration(b, config, network, x, y);
  for (size_t i = 0; i < loss.terms.size(); i++) {
    const LossSpec::Term term = loss.terms[i];
    const std::string name = std::string("loss.") + name_of(term.kind);
    const bool first = i == 0;
    const TensorId report = plan.slice(record, name, 1 + 2 * static_cast<int64_t>(i), {2});
    if (term.kind == LossKind::perceptual) {
      add_perceptual_loss(b, feature_widths, {term.weight, first, y, target, dy, total, report});
      continue;
    }
    const LossOp loss_op = op_of(term.kind);
    const TensorId workspace =
        plan.tensor(name + ".workspace", {loss_op.workspace_count(plan.shape(target))});
    plan.add({.op = loss_op.op,
              .name = name,
              .phase = Phase::loss,
              .reads = first ? std::vector{y, target} : std::vector{y, target, dy, total},
              .writes = {dy, total, report},
              .scratch = {workspace},
              .run = [=](const Queue& q, const TensorTable& t) {
                loss_op.run(q, t[y], t[target], {term.weight, first, t[dy], t[total], t[report]},
                            t[workspace]);
              }});
  }
  add_output_backward(b, config, network, x, y, dy);
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
  const auto declare = [&](const char* name) {
    return plan.external(name, shape, DType::f32, Role::state);
  };
  const TensorId m = declare("moment1"), v = declare("moment2"), ema = declare("ema");
  return {
      m, v, ema,
      plan.external("state", {static_cast<int64_t>(sizeof(StepState))}, DType::u8, Role::state)};
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
