#include "model/builder.h"

#include <algorithm>
#include <cmath>

#include "kernels/activation.h"
#include "kernels/bias.h"
#include "kernels/cast.h"
#include "kernels/noise_input.h"
#include "kernels/partial_sums.h"
#include "runtime/error.h"

namespace dae {
namespace {

constexpr size_t kMostBehind = 4;  // gradients of weights, two residual blocks' of convolutions

}  // namespace

Builder::Builder(Device device, Plan& plan, ParameterSet& parameters, bool training, DType dtype)
    : device_(device),
      plan_(plan),
      parameters_(parameters),
      training_(training),
      dtype_(dtype),
      weights_(plan.external("weights", {parameters.count()}, DType::f32, Role::state)),
      layer_weights_(weights_) {
  if (dtype != DType::f32 && (dtype != DType::bf16 || device == Device::cpu))
    fail("builder: {} has no layers that compute in {}", name_of(device), name_of(dtype));
  if (dtype == DType::bf16 && training)
    layer_weights_ = plan.external("weights.bf16", {parameters.count()}, dtype, Role::state);
  if (dtype == DType::bf16 && !training) {
    layer_weights_ = plan.tensor("weights.bf16", {parameters.count()}, dtype);
    add_cast("weights", Phase::forward, weights_, layer_weights_);
  }
  if (training) gradients_ = plan.external("gradients", {parameters.count()}, dtype, Role::state);
}

Builder::Builder(const Network& n)
    : device_(n.device),
      plan_(n.plan),
      parameters_(n.parameters),
      training_(n.training),
      frozen_(n.frozen),
      dtype_(n.dtype),
      weights_(n.weights),
      layer_weights_(n.layer_weights),
      gradients_(n.gradients),
      parts_(n.parts),
      streams_(n.streams) {}

Builder Builder::frozen(Device device, Plan& plan, ParameterSet& parameters,
                        const std::string& weights) {
  const TensorId known = plan.find_if_any(weights);
  const TensorId values =
      known != kNoTensor ? known : plan.external(weights, {0}, DType::f32, Role::state);
  return Builder({.device = device,
                  .plan = plan,
                  .parameters = parameters,
                  .training = false,
                  .frozen = true,
                  .dtype = DType::f32,
                  .weights = values,
                  .layer_weights = values,
                  .gradients = kNoTensor,
                  .parts = 1,
                  .streams = {}});
}

void Builder::add_cast(const std::string& name, Phase phase, TensorId x, TensorId y) {
  plan_step({.op = "cast",
             .name = name,
             .phase = phase,
             .reads = {x},
             .writes = {y},
             .run = [=](const Queue& q, const TensorTable& t) { dae::cast(q, t[x], t[y]); }});
}

TensorId Builder::input(TensorId x) {
  if (dtype_ == plan_.view(x).dtype) return x;
  const auto [known, first] = input_of_.try_emplace(x, kNoTensor);
  if (first) {
    known->second = plan_.tensor(plan_.tensors()[x].name + ".bf16", plan_.shape(x), dtype_);
    add_cast("input", Phase::forward, x, known->second);
    reach_[known->second] = reach(x);
  }
  return known->second;
}

void Builder::has_input(TensorId x, TensorId copy) {
  if (copy == kNoTensor) return;
  input_of_[x] = copy;
  reach_[copy] = reach(x);
}

TensorId Builder::noise_input(const std::string& name, TensorId x, TensorId told) {
  const Shape& s = plan_.shape(x);
  const TensorId y = plan_.tensor(name, {s[0], s[1] / 2, s[2] / 2, 16});
  plan_step({.op = "noise_input",
             .name = name,
             .phase = Phase::forward,
             .reads = {x, told},
             .writes = {y},
             .run = [=](const Queue& q, const TensorTable& t) {
               dae::noise_input(q, t[x], t[told], t[y]);
             }});
  reach_[y] = reach(x).convolved(2, 2, 0);
  return y;
}

Builder Builder::another_pass(TensorId gradients) const {
  return Builder({.device = device_,
                  .plan = plan_,
                  .parameters = parameters_,
                  .training = training_,
                  .frozen = frozen_,
                  .dtype = dtype_,
                  .weights = weights_,
                  .layer_weights = layer_weights_,
                  .gradients = gradients == kNoTensor ? gradients_ : gradients,
                  .parts = parts_,
                  .streams = streams_});
}

Reach Builder::reach(TensorId value) const {
  const auto known = reach_.find(value);
  return known == reach_.end() ? Reach() : known->second;
}

// --- Memory -----------------------------------------------------------------------------------

Builder::Weight Builder::weight(const std::string& name, const Shape& shape, double bound) {
  const Parameter& parameter = parameters_.declare(name, shape, bound);
  plan_.grow(weights_, parameters_.count());
  Weight w{plan_.slice(weights_, name, parameter.offset, shape), kNoTensor, kNoTensor};
  w.master = w.value;
  if (layer_weights_ != weights_) {
    plan_.grow(layer_weights_, parameters_.count());
    w.value = plan_.slice(layer_weights_, name + ".bf16", parameter.offset, shape);
  }
  if (training_) {
    plan_.grow(gradients_, parameters_.count());
    w.gradient = plan_.slice(gradients_, "d(" + name + ")", parameter.offset, shape);
  }
  return w;
}

TensorId Builder::feature_map(const std::string& name, const Shape& shape) {
  return plan_.tensor(name, shape, dtype_, preferred_block(device_, shape[3]));
}

TensorId Builder::tensor_like(const std::string& name, TensorId like) {
  const Tensor view = plan_.view(like);
  return plan_.tensor(name, view.shape, view.dtype, view.block);
}

TensorId Builder::gradient_map(const std::string& name, TensorId x) {
  return tensor_like("d(" + plan_.tensors()[x].name + ") by " + name, x);
}

TensorId Builder::scratch(const std::string& name, int64_t bytes) {
  return plan_.tensor(name + ".workspace", {bytes}, DType::u8);
}

// --- Steps ------------------------------------------------------------------------------------

void Builder::plan_step(Step step) {
  step.stream = stream_;
  const size_t weight_steps = weight_steps_.size();
  if (stream_ == 0 && weight_steps > kMostBehind)
    step.after = {weight_steps_[weight_steps - 1 - kMostBehind]};
  plan_.add(std::move(step));
}

// Nothing in backward waits for what these write. They may fall so far behind the data gradients:
// what they read is kept for them, all feature maps and their gradients at worst.
void Builder::plan_weights_step(Step step) {
  for (const TensorId id : step.writes)
    if (plan_.tensors()[id].root == gradients_) go_on_to(id);
  if (stream_ != 0 || streams_.weights == 0) return plan_step(std::move(step));
  step.stream = streams_.weights;
  weight_steps_.push_back(static_cast<int>(plan_.steps().size()));
  plan_.add(std::move(step));
}

// --- The tape ---------------------------------------------------------------------------------

void Builder::on_backward(TensorId output, std::vector<TensorId> inputs,
                          std::function<void(TensorId)> add_steps) {
  trained_.insert(output);
  if (!training_ && !frozen_) return;
  for (const TensorId input : inputs) uses_[input]++;
  tape_.push_back({output, std::move(inputs), stream_, std::move(add_steps)});
}

void Builder::set_gradient(TensorId value, TensorId gradient) {
  gradient_of_[value] = gradient;
}

// sum += x.
void Builder::add_in_place(const std::string& name, Phase phase, TensorId x, TensorId sum) {
  plan_step({.op = "add",
             .name = name,
             .phase = phase,
             .reads = {x, sum},
             .writes = {sum},
             .run = [=](const Queue& q, const TensorTable& t) { add(q, t[x], t[sum]); }});
}

// A value used twice receives two gradients; the second is added to the first in place. That is
// sound although an addition hands one gradient tensor to both its terms: the layer that made the
// other term has had its backward steps added, and with them every reader of the shared tensor,
// before an earlier use of the addend comes up.
void Builder::accumulate(const std::string& name, TensorId value, TensorId gradient) {
  const auto [known, first] = gradient_of_.try_emplace(value, gradient);
  if (!first) add_in_place(name, phase(Phase::backward), gradient, known->second);
}

// After the layer that made y, to which it added `addend`, if any: y's gradient is the addend's
// too.
void Builder::pass_on_gradient(const std::string& name, TensorId y, TensorId addend) {
  if (!trained_.contains(addend)) return;
  on_backward(y, {addend}, [=, this](TensorId dy) { accumulate(name, addend, dy); });
}

void Builder::backward() {
  for (auto node = tape_.rbegin(); node != tape_.rend(); ++node) {
    const auto gradient = gradient_of_.find(node->output);
    if (gradient == gradient_of_.end())
      fail("builder: {} has no gradient", plan_.tensors()[node->output].name);
    stream_ = node->stream;
    node->add_steps(gradient->second);
    for (const TensorId input : node->inputs) uses_[input]--;
  }
  stream_ = 0;
  tape_.clear();
  add_partial_sums();
}

// --- What layers share ------------------------------------------------------------------------

// He's bound for uniform weights (He et al., 2015): keeps the variance of activations from layer to
// layer, twice as large before a ReLU, which zeroes half of them.
double Builder::he_bound(int64_t fan_in, bool relu) {
  return std::sqrt((relu ? 6.0 : 3.0) / static_cast<double>(fan_in));
}

std::vector<TensorId> Builder::given(std::vector<TensorId> ids) {
  std::erase(ids, kNoTensor);
  return ids;
}

void Builder::relu_backward(const std::string& name, TensorId y, TensorId dy) {
  plan_step(
      {.op = "relu_backward",
       .name = name,
       .phase = phase(Phase::backward),
       .reads = {y, dy},
       .writes = {dy},
       .run = [=](const Queue& q, const TensorTable& t) { dae::relu_backward(q, t[y], t[dy]); }});
}

Builder::Finish Builder::finish_of_gradient(TensorId x) const {
  const auto relu = relu_of_.find(x);
  const bool is_last = device_ == Device::cuda && relu != relu_of_.end() && uses_.at(x) == 1;
  if (!is_last) return {};
  return {.gate = relu->second ? x : kNoTensor, .sums = true};
}

void Builder::bias_backward(const std::string& name, TensorId y, TensorId dy, TensorId db,
                            bool relu) {
  if (const auto made = sums_of_.find(y); made != sums_of_.end())
    return add_later(made->second, db);
  // A matrix is an image of one pixel.
  const auto as_image = [&](TensorId id) {
    const Shape& s = plan_.shape(id);
    return s.rank() == 4 ? id : plan_.reshape(id, {s[0], 1, 1, s[1]});
  };
  const TensorId out = as_image(y), gradient = as_image(dy);
  const bool leaves_parts = device_ == Device::cuda;
  const TensorId sums =
      leaves_parts ? plan_.tensor(name + ".db.parts", bias_backward_sums(plan_.shape(gradient)))
                   : plan_.tensor(name + ".db.workspace",
                                  {relu_bias_backward_workspace_count(plan_.view(gradient))});
  const TensorId result = leaves_parts ? kNoTensor : db;
  std::vector<TensorId> reads = {gradient}, writes = {leaves_parts ? sums : db};
  if (relu) {
    reads.push_back(out);
    writes.push_back(gradient);
  }
  plan_step({.op = "relu_bias_backward",
             .name = name,
             .phase = Phase::backward,
             .reads = reads,
             .writes = writes,
             .scratch = leaves_parts ? std::vector<TensorId>{} : std::vector{sums},
             .run = [=](const Queue& q, const TensorTable& t) {
               relu_bias_backward(q, t[relu ? out : kNoTensor], t[gradient], t[result], relu,
                                  t[sums]);
             }});
  if (leaves_parts) add_later(sums, db);
}

void Builder::add_later(TensorId partial, TensorId sum) {
  go_on_to(sum);
  left_.push_back({partial, sum});
}

// All sums that are left are of one part of the gradients, and complete it where another begins.
void Builder::go_on_to(TensorId gradient) {
  const std::vector<int64_t> begins = gradient_parts();
  const auto part_of = [&](TensorId id) {
    const TensorInfo& info = plan_.tensors()[id];
    const auto place = static_cast<int64_t>(info.offset / size_of(info.view.dtype));
    return std::ranges::upper_bound(begins, place) - begins.begin();
  };
  if (!left_.empty() && part_of(gradient) != part_of(left_.back().sum)) add_partial_sums();
}

void Builder::add_partial_sums() {
  for (size_t first = 0; first < left_.size(); first += kMostPartialSums) {
    const size_t count = std::min(kMostPartialSums, left_.size() - first);
    const std::vector<Left> all(left_.begin() + static_cast<ptrdiff_t>(first),
                                left_.begin() + static_cast<ptrdiff_t>(first + count));
    Step step{.op = "sum_partials", .name = "gradients", .phase = Phase::backward};
    for (const auto& [partial, sum] : all) {
      step.reads.push_back(partial);
      step.writes.push_back(sum);
    }
    // A step allocates nothing, so the list is there before.
    step.run = [all, sums = std::vector<PartialSum>(count)](const Queue& q,
                                                            const TensorTable& t) mutable {
      for (size_t i = 0; i < all.size(); i++) sums[i] = {t[all[i].partial], t[all[i].sum]};
      sum_partials(q, sums);
    };
    plan_weights_step(std::move(step));
  }
  left_.clear();
}

// oneDNN sums dy over pixels while it makes dw, for nothing; cuDNN and cuBLASLt do not, so there
// one kernel passes over dy for ReLU and bias together. Returns what the weight gradient is still
// to write: db or nothing.
bool Builder::library_makes_db() const {
  return device_ == Device::cpu;
}
TensorId Builder::activation_backward(const std::string& name, TensorId y, TensorId dy, TensorId db,
                                      bool relu) {
  if (!library_makes_db()) {
    bias_backward(name, y, dy, db, relu);
    return kNoTensor;
  }
  if (relu) relu_backward(name, y, dy);
  return db;
}

}  // namespace dae
