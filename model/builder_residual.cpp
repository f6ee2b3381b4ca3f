// The residual block of model/builder.h.
#include "kernels/residual_block.h"
#include "model/builder.h"
#include "model/residual_form.h"

namespace dae {

TensorId Builder::residual_block(const std::string& name, TensorId x) {
  const std::string first = name + ".a", second = name + ".b";
  const int64_t channels = plan_.shape(x)[3];
  const DeclaredConv a = declare_conv(first, x, {.filters = channels}),
                     b = declare_conv(
                         second, a.y,
                         {.filters = channels, .relu = false, .gain = 0.1, .addend = x});
  const Tensor map = plan_.view(x);  // a copy: steps that are added may move the list
  if (choose_residual_forward(device_, map, training_) == ResidualForm::at_once) {
    const TensorId h = training_ ? a.y : kNoTensor;
    plan_step({.op = "residual_block",
               .name = name,
               .phase = Phase::forward,
               .reads = {x, a.w.value, a.b.value, b.w.value, b.b.value},
               .writes = given({h, b.y}),
               .flops = a.spec.flops() + b.spec.flops(),
               .run = [=](const Queue& q, const TensorTable& t) {
                 dae::residual_block(q, t[x], t[a.w.value], t[a.b.value], t[b.w.value],
                                     t[b.b.value], t[h], t[b.y]);
               }});
  } else {
    add_conv_forward(first, x, a, kNoTensor);
    add_conv_forward(second, a.y, b, x);
  }
  if (!training_) return b.y;
  if (device_ == Device::cpu) {
    on_conv_backward(first, x, a);
    on_conv_backward(second, a.y, b);
    pass_on_gradient(second, b.y, x);
  } else {
    on_residual_backward(name, x, a, b,
                         choose_residual_backward(device_, map) == ResidualForm::at_once);
  }
  return b.y;
}

// On a GPU: the data gradients with all that lies between them, and the biases'; then the filters'.
void Builder::on_residual_backward(const std::string& name, TensorId x, const DeclaredConv& a,
                                   const DeclaredConv& b, bool at_once) {
  relu_of_[b.y] = false;
  on_backward(b.y, {x}, [=, this](TensorId dy) {
    const std::string first = name + ".a", second = name + ".b";
    const TensorId h = a.y, dh = gradient_map(second, h);
    bias_backward(second, b.y, dy, b.b.gradient, false);
    if (at_once)
      accumulate(name, x, add_residual_gradients(name, x, dy, a, b, dh));
    else  // what ReLU's gradient is applied to is made by one step, in which the bias's is summed
      add_later(add_data_gradient(second, Phase::backward, b.spec, dy, b.w,
                                  {.gate = h, .sums = true}, dh),
                a.b.gradient);
    const auto add_weights = [&](const std::string& of, ConvSpec spec, TensorId in, TensorId out,
                                 const Weight& w) {
      spec.bias = false;
      add_weight_gradient<Conv2dBackwardWeights>("conv2d_backward_weights", of, spec, in, out, w,
                                                 kNoTensor);
    };
    add_weights(second, b.spec, h, dy, b.w);
    add_weights(first, a.spec, x, dh, a.w);
    if (at_once) return;
    accumulate(second, x, dy);
    add_conv_data_gradient(first, a.spec, x, dh, a.w);
  });
}

// Writes dh and what is added up to the gradients of its bias and of x's, and returns dx, to which dy has been
// added.
TensorId Builder::add_residual_gradients(const std::string& name, TensorId x, TensorId dy,
                                         const DeclaredConv& a, const DeclaredConv& b,
                                         TensorId dh) {
  const TensorId h = a.y, dx = gradient_map(name, x);
  const Shape shape = residual_block_sums(plan_.shape(x)), rows = {shape[1], shape[2]};
  const TensorId sums = plan_.tensor(name + ".db.parts", shape);
  plan_step({.op = "residual_block_backward",
             .name = name,
             .phase = Phase::backward,
             .reads = {dy, a.w.value, b.w.value, h},
             .writes = {dh, dx, sums},
             .flops = a.spec.flops() + b.spec.flops(),
             .run = [=](const Queue& q, const TensorTable& t) {
               residual_block_backward(q, t[dy], t[a.w.value], t[b.w.value], t[h], t[dh], t[dx],
                                       t[sums]);
             }});
  add_later(plan_.slice(sums, name + ".a.db.parts", 0, rows), a.b.gradient);
  const Finish finish = finish_of_gradient(x);
  if (finish.sums && finish.gate == kNoTensor && !gradient_of_.contains(x))
    sums_of_[x] = plan_.slice(sums, name + ".dx.sums", rows.count(), rows);
  return dx;
}

}  // namespace dae
