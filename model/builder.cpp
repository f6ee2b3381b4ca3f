#include "model/builder.h"

#include <cmath>

#include "kernels/activation.h"
#include "kernels/bias.h"
#include "kernels/bounded_gain.h"
#include "kernels/cast.h"
#include "kernels/dense.h"
#include "kernels/global_pool.h"
#include "kernels/pixel_shuffle.h"
#include "kernels/relayout.h"
#include "kernels/upconv_weights.h"
#include "model/upconv_form.h"
#include "runtime/error.h"

namespace dae {
namespace {

// He's bound for uniform weights (He et al., 2015): keeps the variance of activations from layer to
// layer, twice as large before a ReLU, which zeroes half of them.
double he_bound(int64_t fan_in, bool relu) {
  return std::sqrt((relu ? 6.0 : 3.0) / static_cast<double>(fan_in));
}

// Those of `ids` that are tensors.
std::vector<TensorId> given(std::vector<TensorId> ids) {
  std::erase(ids, kNoTensor);
  return ids;
}

}  // namespace

Builder::Builder(Device device, Plan& plan, ParameterSet& parameters, bool training, DType dtype)
    : device_(device),
      plan_(plan),
      parameters_(parameters),
      training_(training),
      dtype_(dtype),
      weights_(plan.external("weights", {parameters.count()})),
      layer_weights_(weights_) {
  if (dtype != DType::f32 && (dtype != DType::bf16 || device == Device::cpu))
    fail("builder: {} has no layers that compute in {}", name_of(device), name_of(dtype));
  if (dtype == DType::bf16 && training)
    layer_weights_ = plan.external("weights.bf16", {parameters.count()}, dtype);
  if (dtype == DType::bf16 && !training) {
    layer_weights_ = plan.tensor("weights.bf16", {parameters.count()}, dtype);
    add_cast("weights", weights_, layer_weights_);
  }
  if (training) gradients_ = plan.external("gradients", {parameters.count()}, dtype);
}

void Builder::add_cast(const std::string& name, TensorId x, TensorId y) {
  plan_.add({.op = "cast",
             .name = name,
             .phase = Phase::forward,
             .reads = {x},
             .writes = {y},
             .run = [=](const Queue& q, const TensorTable& t) { dae::cast(q, t[x], t[y]); }});
}

TensorId Builder::input(TensorId x) {
  if (dtype_ == plan_.view(x).dtype) return x;
  const auto [known, first] = input_of_.try_emplace(x, kNoTensor);
  if (first) {
    known->second = plan_.tensor(plan_.tensors()[x].name + ".bf16", plan_.shape(x), dtype_);
    add_cast("input", x, known->second);
  }
  return known->second;
}

Builder Builder::another_pass() const {
  Builder pass = *this;
  pass.tape_.clear();
  pass.trained_.clear();
  pass.gradient_of_.clear();
  pass.input_of_.clear();
  return pass;
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

TensorId Builder::scratch(const std::string& name, int64_t bytes) {
  return plan_.tensor(name + ".workspace", {bytes}, DType::u8);
}

// --- The tape ---------------------------------------------------------------------------------

void Builder::on_backward(TensorId output, std::function<void(TensorId)> add_steps) {
  trained_[output] = true;
  if (training_) tape_.push_back({output, std::move(add_steps)});
}

void Builder::set_gradient(TensorId value, TensorId gradient) {
  gradient_of_[value] = gradient;
}

// sum += x.
void Builder::add_in_place(const std::string& name, Phase phase, TensorId x, TensorId sum) {
  plan_.add({.op = "add",
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
  if (!first) add_in_place(name, Phase::backward, gradient, known->second);
}

// After the layer that made y, to which it added `addend`, if any: y's gradient is the addend's
// too.
void Builder::pass_on_gradient(const std::string& name, TensorId y, TensorId addend) {
  if (addend == kNoTensor || !trained_[addend]) return;
  on_backward(y, [=, this](TensorId dy) { accumulate(name, addend, dy); });
}

void Builder::backward() {
  for (auto node = tape_.rbegin(); node != tape_.rend(); ++node) {
    const auto gradient = gradient_of_.find(node->output);
    if (gradient == gradient_of_.end())
      fail("builder: {} has no gradient", plan_.tensors()[node->output].name);
    node->add_steps(gradient->second);
  }
  tape_.clear();
}

// --- Convolutions -----------------------------------------------------------------------------

void Builder::relu_backward(const std::string& name, TensorId y, TensorId dy) {
  plan_.add(
      {.op = "relu_backward",
       .name = name,
       .phase = Phase::backward,
       .reads = {y, dy},
       .writes = {dy},
       .run = [=](const Queue& q, const TensorTable& t) { dae::relu_backward(q, t[y], t[dy]); }});
}

void Builder::bias_backward(const std::string& name, TensorId y, TensorId dy, TensorId db,
                            bool relu) {
  // A matrix is an image of one pixel.
  const auto as_image = [&](TensorId id) {
    const Shape& s = plan_.shape(id);
    return s.rank() == 4 ? id : plan_.reshape(id, {s[0], 1, 1, s[1]});
  };
  const TensorId out = as_image(y), gradient = as_image(dy);
  const TensorId workspace = plan_.tensor(
      name + ".db.workspace", {relu_bias_backward_workspace_count(plan_.view(gradient))});
  std::vector<TensorId> reads = {gradient};
  if (relu) reads.push_back(out);
  plan_.add({.op = "relu_bias_backward",
             .name = name,
             .phase = Phase::backward,
             .reads = reads,
             .writes = relu ? std::vector{gradient, db} : std::vector{db},
             .scratch = {workspace},
             .run = [=](const Queue& q, const TensorTable& t) {
               relu_bias_backward(q, t[relu ? out : kNoTensor], t[gradient], t[db], relu,
                                  t[workspace]);
             }});
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

// dw, db unless it is kNoTensor, and, where x depends on weights, dx.
void Builder::add_conv_gradients(const std::string& name, ConvSpec spec, TensorId x, TensorId dy,
                                 const Weight& w, TensorId db) {
  spec.bias = db != kNoTensor;
  const Conv2dBackwardWeights weights_op(device_, spec);
  const TensorId dw_space = scratch(name + ".dw", weights_op.workspace_bytes());
  plan_.add({.op = "conv2d_backward_weights",
             .name = name,
             .phase = Phase::backward,
             .reads = {x, dy},
             .writes = given({w.gradient, db}),
             .scratch = {dw_space},
             .flops = spec.flops(),
             .run = [=](const Queue& q, const TensorTable& t) {
               weights_op(q, t[x], t[dy], t[w.gradient], t[db], t[dw_space]);
             }});
  if (!trained_[x]) return;
  const Conv2dBackwardData data_op(device_, spec);
  const TensorId dx_space = scratch(name + ".dx", data_op.workspace_bytes());
  const TensorId dx = tensor_like("d(" + plan_.tensors()[x].name + ") by " + name, x);
  plan_.add({.op = "conv2d_backward_data",
             .name = name,
             .phase = Phase::backward,
             .reads = {dy, w.value},
             .writes = {dx},
             .scratch = {dx_space},
             .flops = spec.flops(),
             .run = [=](const Queue& q, const TensorTable& t) {
               data_op(q, t[dy], t[w.value], t[dx], t[dx_space]);
             }});
  accumulate(name, x, dx);
}

TensorId Builder::conv(const std::string& name, TensorId x, const Conv& conv) {
  const Tensor in = plan_.view(x);
  const Shape out = conv_output(in.shape, conv.filters, conv.kernel, conv.stride, conv.pad);
  const TensorId y = feature_map(name, out);
  // oneDNN's Winograd has no third operand: there the addition is a step of its own.
  const TensorId fused_addend = device_ == Device::cpu ? kNoTensor : conv.addend;
  if (conv.addend != kNoTensor && conv.relu) fail("builder: {} adds, then applies ReLU", name);
  const ConvSpec spec{.x = in.shape,
                      .y = out,
                      .x_block = in.block,
                      .y_block = plan_.view(y).block,
                      .kernel = conv.kernel,
                      .stride = conv.stride,
                      .pad = conv.pad,
                      .addend = fused_addend != kNoTensor,
                      .relu = conv.relu,
                      .dtype = dtype_};
  const int64_t fan_in = in.shape[3] * conv.kernel * conv.kernel;
  const Weight w =
      weight(name + ".weight", spec.weights(), conv.gain * he_bound(fan_in, conv.relu));
  const Weight b = weight(name + ".bias", {conv.filters}, 0);

  const Conv2dForward forward(device_, spec);
  const TensorId workspace = scratch(name, forward.workspace_bytes());
  plan_.add({.op = "conv2d_forward",
             .name = name,
             .phase = Phase::forward,
             .reads = given({x, w.value, b.value, fused_addend}),
             .writes = {y},
             .scratch = {workspace},
             .flops = spec.flops(),
             .run = [=](const Queue& q, const TensorTable& t) {
               forward(q, t[x], t[w.value], t[b.value], t[fused_addend], t[y], t[workspace]);
             }});

  on_backward(y, [=, this](TensorId dy) {
    const TensorId db = activation_backward(name, y, dy, b.gradient, spec.relu);
    add_conv_gradients(name, spec, x, dy, w, db);
  });
  if (conv.addend != fused_addend) add_in_place(name, Phase::forward, conv.addend, y);
  pass_on_gradient(name, y, conv.addend);
  return y;
}

// The transposed convolution of x is the data gradient of an ordinary one from y's channels to x's;
// its own data gradient is then that convolution's forward, and its weight gradient that
// convolution's with x and dy changed over.
TensorId Builder::transposed(const std::string& name, TensorId x, int64_t filters, int kernel,
                             int pad, Weight w, bool relu, TensorId addend) {
  const Tensor in = plan_.view(x);
  const TensorId y = feature_map(name, {in.shape[0], 2 * in.shape[1], 2 * in.shape[2], filters});
  const ConvSpec spec{.x = plan_.shape(y),
                      .y = in.shape,
                      .x_block = plan_.view(y).block,
                      .y_block = in.block,
                      .kernel = kernel,
                      .stride = 2,
                      .pad = pad,
                      .bias = false,
                      .dtype = dtype_};
  const Weight b = weight(name + ".bias", {filters}, 0);

  const Conv2dBackwardData forward(device_, spec);
  const TensorId workspace = scratch(name, forward.workspace_bytes());
  plan_.add({.op = "conv2d_backward_data",
             .name = name,
             .phase = Phase::forward,
             .reads = {x, w.value},
             .writes = {y},
             .scratch = {workspace},
             .flops = spec.flops(),
             .run = [=](const Queue& q, const TensorTable& t) {
               forward(q, t[x], t[w.value], t[y], t[workspace]);
             }});
  plan_.add({.op = "bias_relu",
             .name = name,
             .phase = Phase::forward,
             .reads = given({b.value, addend, y}),
             .writes = {y},
             .run = [=](const Queue& q, const TensorTable& t) {
               bias_relu(q, t[b.value], t[addend], t[y], relu);
             }});

  on_backward(y, [=, this](TensorId dy) {
    bias_backward(name, y, dy, b.gradient, relu);
    const Conv2dBackwardWeights weights_op(device_, spec);
    const TensorId dw_space = scratch(name + ".dw", weights_op.workspace_bytes());
    plan_.add({.op = "conv2d_backward_weights",
               .name = name,
               .phase = Phase::backward,
               .reads = {dy, x},
               .writes = {w.gradient},
               .scratch = {dw_space},
               .flops = spec.flops(),
               .run = [=](const Queue& q, const TensorTable& t) {
                 weights_op(q, t[dy], t[x], t[w.gradient], t[kNoTensor], t[dw_space]);
               }});
    const Conv2dForward data_op(device_, spec);
    const TensorId dx_space = scratch(name + ".dx", data_op.workspace_bytes());
    const TensorId dx = tensor_like("d(" + plan_.tensors()[x].name + ") by " + name, x);
    plan_.add({.op = "conv2d_forward",
               .name = name,
               .phase = Phase::backward,
               .reads = {dy, w.value},
               .writes = {dx},
               .scratch = {dx_space},
               .flops = spec.flops(),
               .run = [=](const Queue& q, const TensorTable& t) {
                 data_op(q, t[dy], t[w.value], t[kNoTensor], t[kNoTensor], t[dx], t[dx_space]);
               }});
    accumulate(name, x, dx);
  });
  pass_on_gradient(name, y, addend);
  return y;
}

TensorId Builder::transposed_conv(const std::string& name, TensorId x, int64_t filters,
                                  TensorId addend) {
  const int64_t channels = plan_.shape(x)[3];
  // Each output sees one kernel tap of each input channel.
  return transposed(name, x, filters, 2, 0,
                    weight(name + ".weight", {channels, 2, 2, filters}, he_bound(channels, false)),
                    false, addend);
}

// A 2x2 convolution to the four phases of the output, which are then put into their places.
TensorId Builder::phases(const std::string& name, TensorId x, int64_t filters, const Weight& w,
                         bool relu) {
  const Shape in = plan_.shape(x);
  const ConvSpec spec{.x = in,
                      .y = {in[0], in[1] + 1, in[2] + 1, 4 * filters},
                      .kernel = 2,
                      .pad = 1,
                      .bias = false,
                      .dtype = dtype_};
  const TensorId z = plan_.tensor(name + ".phases", spec.y, dtype_);
  const TensorId y = feature_map(name, {in[0], 2 * in[1], 2 * in[2], filters});
  const Weight b = weight(name + ".bias", {filters}, 0);
  const Conv2dForward forward(device_, spec);
  const TensorId workspace = scratch(name, forward.workspace_bytes());
  plan_.add({.op = "conv2d_forward",
             .name = name,
             .phase = Phase::forward,
             .reads = {x, w.value},
             .writes = {z},
             .scratch = {workspace},
             .flops = spec.flops(),
             .run = [=](const Queue& q, const TensorTable& t) {
               forward(q, t[x], t[w.value], t[kNoTensor], t[kNoTensor], t[z], t[workspace]);
             }});
  plan_.add({.op = "pixel_shuffle",
             .name = name,
             .phase = Phase::forward,
             .reads = {z, b.value},
             .writes = {y},
             .run = [=](const Queue& q, const TensorTable& t) {
               pixel_shuffle(q, t[z], t[b.value], t[y], relu);
             }});
  on_backward(y, [=, this](TensorId dy) {
    bias_backward(name, y, dy, b.gradient, relu);
    const TensorId dz = tensor_like("d(" + name + ".phases)", z);
    plan_.add({.op = "pixel_shuffle_backward",
               .name = name,
               .phase = Phase::backward,
               .reads = {dy},
               .writes = {dz},
               .run = [=](const Queue& q, const TensorTable& t) {
                 pixel_shuffle_backward(q, t[dy], t[dz]);
               }});
    add_conv_gradients(name, spec, x, dz, w, kNoTensor);
  });
  return y;
}

TensorId Builder::upconv(const std::string& name, TensorId x, int64_t filters, bool relu) {
  const int64_t channels = plan_.shape(x)[3];
  const Weight w3 =
      weight(name + ".weight", {filters, 3, 3, channels}, he_bound(9 * channels, relu));
  const UpconvForm form = choose_upconv_form(device_, plan_.shape(x), filters, dtype_);
  const bool transposes = form == UpconvForm::transposed;
  const Shape shape =
      transposes ? Shape{channels, 4, 4, filters} : Shape{4 * filters, 2, 2, channels};
  Weight w{plan_.tensor(name + ".weight_sums", shape, dtype_), kNoTensor, kNoTensor};
  plan_.add({.op = "upconv_weights",
             .name = name,
             .phase = Phase::forward,
             .reads = {w3.master},
             .writes = {w.value},
             .run = [=](const Queue& q, const TensorTable& t) {
               upconv_weights(q, t[w3.master], t[w.value]);
             }});
  if (training_) {
    w.gradient = plan_.tensor("d(" + name + ".weight_sums)", shape, dtype_);
    // Recorded before the convolution, so it runs after the convolution's gradients.
    tape_.push_back({w.value, [=, this](TensorId) {
                       plan_.add({.op = "upconv_weights_backward",
                                  .name = name,
                                  .phase = Phase::backward,
                                  .reads = {w.gradient},
                                  .writes = {w3.gradient},
                                  .run = [=](const Queue& q, const TensorTable& t) {
                                    upconv_weights_backward(q, t[w.gradient], t[w3.gradient]);
                                  }});
                     }});
    gradient_of_[w.value] = w.gradient;
  }
  return transposes ? transposed(name, x, filters, 4, 1, w, relu, kNoTensor)
                    : phases(name, x, filters, w, relu);
}

// --- The rest ---------------------------------------------------------------------------------

TensorId Builder::dense(const std::string& name, TensorId x, int64_t outputs, bool relu,
                        double gain) {
  const DenseSpec spec{plan_.shape(x)[0], plan_.shape(x)[1], outputs, relu, dtype_};
  const TensorId y = plan_.tensor(name, {spec.batch, outputs}, dtype_);
  const Weight w =
      weight(name + ".weight", {outputs, spec.inputs}, gain * he_bound(spec.inputs, relu));
  const Weight b = weight(name + ".bias", {outputs}, 0);
  const DenseForward forward(device_, spec);
  const TensorId workspace = scratch(name, forward.workspace_bytes());
  plan_.add({.op = "dense_forward",
             .name = name,
             .phase = Phase::forward,
             .reads = {x, w.value, b.value},
             .writes = {y},
             .scratch = {workspace},
             .flops = spec.flops(),
             .run = [=](const Queue& q, const TensorTable& t) {
               forward(q, t[x], t[w.value], t[b.value], t[y], t[workspace]);
             }});

  on_backward(y, [=, this](TensorId dy) {
    const TensorId db = activation_backward(name, y, dy, b.gradient, relu);
    const DenseBackwardWeights weights_op(device_, spec);
    const TensorId dw_space = scratch(name + ".dw", weights_op.workspace_bytes());
    plan_.add({.op = "dense_backward_weights",
               .name = name,
               .phase = Phase::backward,
               .reads = {x, dy},
               .writes = given({w.gradient, db}),
               .scratch = {dw_space},
               .flops = spec.flops(),
               .run = [=](const Queue& q, const TensorTable& t) {
                 weights_op(q, t[x], t[dy], t[w.gradient], t[db], t[dw_space]);
               }});
    const DenseBackwardData data_op(device_, spec);
    const TensorId dx_space = scratch(name + ".dx", data_op.workspace_bytes());
    const TensorId dx = tensor_like("d(" + plan_.tensors()[x].name + ") by " + name, x);
    plan_.add({.op = "dense_backward_data",
               .name = name,
               .phase = Phase::backward,
               .reads = {dy, w.value},
               .writes = {dx},
               .scratch = {dx_space},
               .flops = spec.flops(),
               .run = [=](const Queue& q, const TensorTable& t) {
                 data_op(q, t[dy], t[w.value], t[dx], t[dx_space]);
               }});
    accumulate(name, x, dx);
  });
  return y;
}

// x's elements in another channel layout; x itself when it is stored so already.
TensorId Builder::stored_as(const std::string& name, TensorId x, int block, Phase phase) {
  if (plan_.view(x).block == block) return x;
  const TensorId y = plan_.tensor(name + ".relayout", plan_.shape(x), DType::f32, block);
  plan_.add({.op = "relayout",
             .name = name,
             .phase = phase,
             .reads = {x},
             .writes = {y},
             .run = [=](const Queue& q, const TensorTable& t) { relayout(q, t[x], t[y]); }});
  return y;
}

TensorId Builder::flatten(const std::string& name, TensorId x) {
  const Tensor in = plan_.view(x);
  const TensorId plain = stored_as(name, x, 1, Phase::forward);
  const TensorId y = plan_.reshape(plain, {in.shape[0], in.shape[1] * in.shape[2] * in.shape[3]});
  on_backward(y, [=, this](TensorId dy) {
    set_gradient(
        x, stored_as("d(" + name + ")", plan_.reshape(dy, in.shape), in.block, Phase::backward));
  });
  return y;
}

TensorId Builder::unflatten(const std::string& name, TensorId x, const Shape& image) {
  const Shape flat = plan_.shape(x);
  const TensorId y =
      stored_as(name, plan_.reshape(x, image), preferred_block(device_, image[3]), Phase::forward);
  on_backward(y, [=, this](TensorId dy) {
    set_gradient(x, plan_.reshape(stored_as("d(" + name + ")", dy, 1, Phase::backward), flat));
  });
  return y;
}

TensorId Builder::global_pool(const std::string& name, TensorId x) {
  const Shape in = plan_.shape(x);
  const TensorId y = plan_.tensor(name, {in[0], 2 * in[3]}, dtype_);
  const TensorId argmax = plan_.tensor(name + ".argmax", {in[0], in[3]}, DType::i32);
  plan_.add({.op = "global_pool",
             .name = name,
             .phase = Phase::forward,
             .reads = {x},
             .writes = {y, argmax},
             .run = [=](const Queue& q, const TensorTable& t) {
               dae::global_pool(q, t[x], t[y], t[argmax]);
             }});
  on_backward(y, [=, this](TensorId dy) {
    const TensorId dx = tensor_like("d(" + plan_.tensors()[x].name + ") by " + name, x);
    plan_.add({.op = "global_pool_backward",
               .name = name,
               .phase = Phase::backward,
               .reads = {dy, argmax},
               .writes = {dx},
               .run = [=](const Queue& q, const TensorTable& t) {
                 global_pool_backward(q, t[dy], t[argmax], t[dx]);
               }});
    accumulate(name, x, dx);
  });
  return y;
}

TensorId Builder::bounded_gain(const std::string& name, TensorId o) {
  const TensorId g = plan_.tensor(name, plan_.shape(o));
  plan_.add(
      {.op = "bounded_gain",
       .name = name,
       .phase = Phase::forward,
       .reads = {o},
       .writes = {g},
       .run = [=](const Queue& q, const TensorTable& t) { dae::bounded_gain(q, t[o], t[g]); }});
  on_backward(g, [=, this](TensorId dg) {
    const TensorId d_o = tensor_like("d(" + name + ".input)", o);
    plan_.add({.op = "bounded_gain_backward",
               .name = name,
               .phase = Phase::backward,
               .reads = {o, g, dg},
               .writes = {d_o},
               .run = [=](const Queue& q, const TensorTable& t) {
                 bounded_gain_backward(q, t[o], t[g], t[dg], t[d_o]);
               }});
    accumulate(name, o, d_o);
  });
  return g;
}

}  // namespace dae
