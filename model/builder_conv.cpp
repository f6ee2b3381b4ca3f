// The convolutional layers of model/builder.h.
#include "kernels/bias.h"
#include "kernels/pixel_shuffle.h"
#include "kernels/upconv_weights.h"
#include "kernels/upsample.h"
#include "model/builder.h"
#include "model/upconv_form.h"
#include "runtime/error.h"

namespace dae {

// dw, db unless it is kNoTensor, and, where it is asked for, dx.
void Builder::add_conv_gradients(const std::string& name, ConvSpec spec, TensorId x, TensorId dy,
                                 const Weight& w, TensorId db) {
  spec.bias = db != kNoTensor;
  add_weight_gradient<Conv2dBackwardWeights>("conv2d_backward_weights", name, spec, x, dy, w, db);
  if (trained_.contains(x)) add_conv_data_gradient(name, spec, x, dy, w);
}

void Builder::add_conv_data_gradient(const std::string& name, const ConvSpec& spec, TensorId x,
                                     TensorId dy, const Weight& w) {
  const TensorId dx = gradient_map(name, x);
  Finish finish = finish_of_gradient(x);
  // A GPU adds the gradient that x has already while it makes this one.
  const auto known = gradient_of_.find(x);
  const bool adds = device_ == Device::cuda && known != gradient_of_.end();
  if (adds) finish.addend = known->second;
  const TensorId sums = add_data_gradient(name, phase(Phase::backward), spec, dy, w, finish, dx);
  if (finish.sums) sums_of_[x] = sums;
  if (adds)
    known->second = dx;
  else
    accumulate(name, x, dx);
}

TensorId Builder::add_data_gradient(const std::string& name, Phase phase, const ConvSpec& spec,
                                    TensorId dy, const Weight& w, const Finish& finish,
                                    TensorId dx) {
  return add_finished(
      {.op = "conv2d_backward_data", .name = name, .phase = phase, .flops = spec.flops()},
      Conv2dBackwardData(device_, spec,
                         {.addend = finish.addend != kNoTensor,
                          .bias = finish.bias != kNoTensor,
                          .relu = finish.relu,
                          .gate = finish.gate != kNoTensor,
                          .sums = finish.sums}),
      dy, w, finish, dx);
}

Builder::DeclaredConv Builder::declare_conv(const std::string& name, TensorId x, const Conv& conv) {
  if (conv.addend != kNoTensor && conv.relu) fail("builder: {} adds, then applies ReLU", name);
  const Tensor in = plan_.view(x);
  const Shape out = conv_output(in.shape, conv.filters, conv.kernel, conv.stride, conv.pad);
  const TensorId y = feature_map(name, out);
  const ConvSpec spec{.x = in.shape,
                      .y = out,
                      .x_block = in.block,
                      .y_block = plan_.view(y).block,
                      .kernel = conv.kernel,
                      .stride = conv.stride,
                      .pad = conv.pad,
                      // oneDNN's Winograd has no third operand: there the addition is a step of
                      // its own.
                      .addend = conv.addend != kNoTensor && device_ != Device::cpu,
                      .relu = conv.relu,
                      .dtype = dtype_};
  const int64_t fan_in = in.shape[3] * conv.kernel * conv.kernel;
  const Weight w =
      weight(name + ".weight", spec.weights(), conv.gain * he_bound(fan_in, conv.relu));
  const Weight b = weight(name + ".bias", {conv.filters}, 0);
  reach_[y] = reach(x).convolved(conv.kernel, conv.stride, conv.pad);
  if (conv.addend != kNoTensor) reach_[y] = reach_[y].joined(reach(conv.addend));
  return {spec, w, b, y};
}

void Builder::add_conv_forward(const std::string& name, TensorId x, const DeclaredConv& conv,
                               TensorId addend) {
  const TensorId fused_addend = conv.spec.addend ? addend : kNoTensor;
  add_planned(name,
              {.op = "conv2d_forward",
               .name = name,
               .phase = phase(Phase::forward),
               .reads = given({x, conv.w.value, conv.b.value, fused_addend}),
               .writes = {conv.y},
               .flops = conv.spec.flops()},
              Conv2dForward(device_, conv.spec), x, conv.w.value, conv.b.value, fused_addend,
              conv.y);
  if (addend != fused_addend) add_in_place(name, Phase::forward, addend, conv.y);
}

void Builder::on_conv_backward(const std::string& name, TensorId x, const DeclaredConv& conv) {
  if (frozen_) {
    if (trained_.contains(x))
      on_backward(conv.y, {x}, [=, this](TensorId dy) {
        if (conv.spec.relu) relu_backward(name, conv.y, dy);
        add_conv_data_gradient(name, conv.spec, x, dy, conv.w);
      });
  } else {
    relu_of_[conv.y] = conv.spec.relu;
    on_backward(conv.y, {x}, [=, this](TensorId dy) {
      const TensorId db = activation_backward(name, conv.y, dy, conv.b.gradient, conv.spec.relu);
      add_conv_gradients(name, conv.spec, x, dy, conv.w, db);
    });
  }
}

TensorId Builder::conv(const std::string& name, TensorId x, const Conv& conv) {
  const DeclaredConv declared = declare_conv(name, x, conv);
  add_conv_forward(name, x, declared, conv.addend);
  on_conv_backward(name, x, declared);
  pass_on_gradient(name, declared.y, conv.addend);
  return declared.y;
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
  if (device_ == Device::cuda) {
    add_data_gradient(name, Phase::forward, spec, x, w,
                      {.addend = addend, .bias = b.value, .relu = relu}, y);
  } else {  // oneDNN does the convolution alone
    add_data_gradient(name, Phase::forward, spec, x, w, {}, y);
    plan_step({.op = "bias_relu",
               .name = name,
               .phase = Phase::forward,
               .reads = given({b.value, addend, y}),
               .writes = {y},
               .run = [=](const Queue& q, const TensorTable& t) {
                 bias_relu(q, t[b.value], t[addend], t[y], relu);
               }});
  }

  relu_of_[y] = relu;
  on_backward(y, {x}, [=, this](TensorId dy) {
    bias_backward(name, y, dy, b.gradient, relu);
    add_weight_gradient<Conv2dBackwardWeights>("conv2d_backward_weights", name, spec, dy, x, w,
                                               kNoTensor);
    const TensorId dx = gradient_map(name, x);
    const Finish finish = gradient_of_.contains(x) ? Finish{} : finish_of_gradient(x);
    ConvSpec of_gradient = spec;
    of_gradient.gate = finish.gate != kNoTensor;
    of_gradient.sums = finish.sums;
    const TensorId sums = add_finished(
        {.op = "conv2d_forward", .name = name, .phase = Phase::backward, .flops = spec.flops()},
        Conv2dForward(device_, of_gradient), dy, w, finish, dx);
    if (finish.sums) sums_of_[x] = sums;
    accumulate(name, x, dx);
  });
  pass_on_gradient(name, y, addend);
  return y;
}

TensorId Builder::transposed_conv(const std::string& name, TensorId x, const TransposedConv& conv) {
  const int64_t channels = plan_.shape(x)[3];
  const int kernel = conv.kernel, pad = kernel / 2 - 1;
  // Each output sees a quarter of the kernel's taps of each input channel.
  const double bound = conv.gain * he_bound(channels * kernel * kernel / 4, false);
  const Weight w = weight(name + ".weight", {channels, kernel, kernel, conv.filters}, bound);
  const TensorId y = transposed(name, x, conv.filters, kernel, pad, w, false, conv.addend);
  reach_[y] = reach(x).transposed(kernel, 2, pad);
  if (conv.addend != kNoTensor) reach_[y] = reach_[y].joined(reach(conv.addend));
  return y;
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
  add_planned(name,
              {.op = "conv2d_forward",
               .name = name,
               .phase = Phase::forward,
               .reads = {x, w.value},
               .writes = {z},
               .flops = spec.flops()},
              Conv2dForward(device_, spec), x, w.value, kNoTensor, kNoTensor, z);
  plan_step({.op = "pixel_shuffle",
             .name = name,
             .phase = Phase::forward,
             .reads = {z, b.value},
             .writes = {y},
             .run = [=](const Queue& q, const TensorTable& t) {
               pixel_shuffle(q, t[z], t[b.value], t[y], relu);
             }});
  relu_of_[y] = relu;
  on_backward(y, {x}, [=, this](TensorId dy) {
    bias_backward(name, y, dy, b.gradient, relu);
    const TensorId dz = tensor_like("d(" + name + ".phases)", z);
    plan_step({.op = "pixel_shuffle_backward",
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

// In one of the two forms that work at the low resolution, by sums of the 3x3 weights.
TensorId Builder::by_weight_sums(const std::string& name, TensorId x, int64_t filters, bool relu,
                                 bool transposes) {
  const int64_t channels = plan_.shape(x)[3];
  const Weight w3 =
      weight(name + ".weight", {filters, 3, 3, channels}, he_bound(9 * channels, relu));
  const Shape shape =
      transposes ? Shape{channels, 4, 4, filters} : Shape{4 * filters, 2, 2, channels};
  Weight w{plan_.tensor(name + ".weight_sums", shape, dtype_), kNoTensor, kNoTensor};
  plan_step({.op = "upconv_weights",
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
    tape_.push_back({w.value, {}, stream_, [=, this](TensorId) {
                       plan_weights_step({.op = "upconv_weights_backward",
                                          .name = name,
                                          .phase = Phase::backward,
                                          .reads = {w.gradient},
                                          .writes = {w3.gradient},
                                          .run = [=](const Queue& q, const TensorTable& t) {
                                            upconv_weights_backward(q, t[w.gradient],
                                                                    t[w3.gradient]);
                                          }});
                     }});
    gradient_of_[w.value] = w.gradient;
  }
  return transposes ? transposed(name, x, filters, 4, 1, w, relu, kNoTensor)
                    : phases(name, x, filters, w, relu);
}

// In the form that is what the layer says: the upsampled map is written, a convolution reads it.
TensorId Builder::upsampled(const std::string& name, TensorId x, int64_t filters, bool relu) {
  const Shape in = plan_.shape(x);
  const TensorId large = feature_map(name + ".upsampled", {in[0], 2 * in[1], 2 * in[2], in[3]});
  plan_step({.op = "upsample2x",
             .name = name,
             .phase = Phase::forward,
             .reads = {x},
             .writes = {large},
             .run = [=](const Queue& q, const TensorTable& t) { upsample2x(q, t[x], t[large]); }});
  if (trained_.contains(x))
    on_backward(large, {x}, [=, this](TensorId d_large) {
      const TensorId dx = gradient_map(name, x);
      plan_step({.op = "upsample2x_backward",
                 .name = name,
                 .phase = Phase::backward,
                 .reads = {d_large},
                 .writes = {dx},
                 .run = [=](const Queue& q, const TensorTable& t) {
                   upsample2x_backward(q, t[d_large], t[dx]);
                 }});
      accumulate(name, x, dx);
    });
  return conv(name, large, {.filters = filters, .relu = relu});
}

TensorId Builder::upconv(const std::string& name, TensorId x, int64_t filters, bool relu) {
  const UpconvForm form = choose_upconv_form(device_, plan_.shape(x), filters, dtype_);
  const TensorId y = form == UpconvForm::upsampled
                         ? upsampled(name, x, filters, relu)
                         : by_weight_sums(name, x, filters, relu, form == UpconvForm::transposed);
  reach_[y] = reach(x).transposed(2, 2, 0).convolved(3, 1, 1);  // in every form
  return y;
}

}  // namespace dae
