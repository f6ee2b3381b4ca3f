#include "model/output_stage.h"

#include "kernels/output_backward.h"
#include "kernels/residual_mse.h"
#include "kernels/sigmoid_mse.h"

namespace dae {
namespace {

TensorId add_workspace(Builder& b, const char* name, TensorId values) {
  return b.plan().tensor(name, {loss_workspace_count(b.plan().shape(values))});
}

TensorId add_gradient(Builder& b, const char* name, TensorId of) {
  const TensorId gradient = b.tensor_like(name, of);
  b.set_gradient(of, gradient);
  return gradient;
}

class SigmoidStage final : public OutputStage {
 public:
  explicit SigmoidStage(TensorId values) : values_(values) {}

  void add_restoration(Builder& b, TensorId y) const override {
    b.plan().add({.op = "sigmoid",
                  .name = "output",
                  .phase = Phase::forward,
                  .reads = {values_},
                  .writes = {y},
                  .run = [values = values_, y](const Queue& q, const TensorTable& t) {
                    sigmoid(q, t[values], t[y]);
                  }});
  }

  void add_backward(Builder& b, TensorId y, TensorId dy) const override {
    const TensorId d_values = add_gradient(b, "d(values)", values_);
    b.plan().add({.op = "sigmoid_backward",
                  .name = "output",
                  .phase = Phase::backward,
                  .reads = {y, dy},
                  .writes = {d_values},
                  .run = [=](const Queue& q, const TensorTable& t) {
                    sigmoid_backward(q, t[y], t[dy], t[d_values]);
                  }});
  }

  void add_mse(Builder& b, TensorId target, TensorId loss) const override {
    const TensorId d_values = add_gradient(b, "d(values)", values_);
    const TensorId workspace = add_workspace(b, "loss.workspace", values_);
    b.plan().add({.op = "sigmoid_mse",
                  .name = "loss",
                  .phase = Phase::loss,
                  .reads = {values_, target},
                  .writes = {d_values, loss},
                  .scratch = {workspace},
                  .run = [=, values = values_](const Queue& q, const TensorTable& t) {
                    sigmoid_mse(q, t[values], t[target], t[d_values], t[loss], t[workspace]);
                  }});
  }

 private:
  TensorId values_;
};

class ResidualStage final : public OutputStage {
 public:
  // `input` and `gain` are kNoTensor where the network has none.
  ResidualStage(TensorId values, TensorId input, TensorId gain)
      : values_(values), input_(input), gain_(gain) {}

  void add_restoration(Builder& b, TensorId y) const override {
    b.plan().add({.op = "residual_output",
                  .name = "output",
                  .phase = Phase::forward,
                  .reads = with_input_and_gain({values_}),
                  .writes = {y},
                  .run = [values = values_, input = input_, gain = gain_, y](const Queue& q,
                                                                             const TensorTable& t) {
                    residual_output(q, t[values], t[input], t[gain], t[y]);
                  }});
  }

  void add_backward(Builder& b, TensorId, TensorId dy) const override {
    const TensorId d_values = add_gradient(b, "d(values)", values_);
    const TensorId workspace = add_workspace(b, "output.workspace", values_);
    std::vector<TensorId> writes = {d_values};
    const TensorId d_gain = add_gain_gradient(b, writes);
    b.plan().add({.op = "residual_output_backward",
                  .name = "output",
                  .phase = Phase::backward,
                  .reads = with_input_and_gain({values_, dy}),
                  .writes = writes,
                  .scratch = {workspace},
                  .run = [=, values = values_, input = input_, gain = gain_](const Queue& q,
                                                                             const TensorTable& t) {
                    residual_output_backward(q, t[values], t[input], t[gain], t[dy], t[d_values],
                                             t[d_gain], t[workspace]);
                  }});
  }

  void add_mse(Builder& b, TensorId target, TensorId loss) const override {
    const TensorId d_values = add_gradient(b, "d(values)", values_);
    const TensorId workspace = add_workspace(b, "loss.workspace", values_);
    std::vector<TensorId> writes = {d_values, loss};
    const TensorId d_gain = add_gain_gradient(b, writes);
    b.plan().add({.op = "residual_mse",
                  .name = "loss",
                  .phase = Phase::loss,
                  .reads = with_input_and_gain({values_, target}),
                  .writes = writes,
                  .scratch = {workspace},
                  .run = [=, values = values_, input = input_, gain = gain_](const Queue& q,
                                                                             const TensorTable& t) {
                    residual_mse(q, t[values], t[input], t[gain], t[target], t[d_values], t[d_gain],
                                 t[loss], t[workspace]);
                  }});
  }

 private:
  std::vector<TensorId> with_input_and_gain(std::vector<TensorId> reads) const {
    for (const TensorId id : {input_, gain_})
      if (id != kNoTensor) reads.push_back(id);
    return reads;
  }

  TensorId add_gain_gradient(Builder& b, std::vector<TensorId>& writes) const {
    if (gain_ == kNoTensor) return kNoTensor;
    writes.push_back(add_gradient(b, "d(gain)", gain_));
    return writes.back();
  }

  TensorId values_, input_, gain_;
};

}  // namespace

std::unique_ptr<OutputStage> output_stage(const NetworkConfig& config, const NetworkOutput& output,
                                          TensorId x) {
  if (ends_in_sigmoid(config)) return std::make_unique<SigmoidStage>(output.values);
  return std::make_unique<ResidualStage>(output.values, config.residual ? x : kNoTensor,
                                         output.gain);
}

}  // namespace dae
