// The residual block of model/builder.h.
#include "kernels/residual_block.h"
#include "model/builder.h"

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
    on_residual_backward(name, x, a, b, choose_residual_backward(device_, map));
  }
  return b.y;
}

// On a GPU: the data gradients with all that lies between them, and the biases'; then those of the filters that are left.
void Builder::on_residual_backward(const std::string& name, TensorId x, const DeclaredConv& a,
                                   const DeclaredConv& b, ResidualForm form) {
  relu_of_[b.y] = false;
  on_backward(b.y, {x}, [=, this](TensorId dy) {
    const std::string first = name + ".a", second = name + ".b";
    const TensorId h = a.y, dh = gradient_map(second, h);
    bias_backward(second, b.y, dy, b.b.gradient, false);
    if (form == ResidualForm::
                    convolutions)  // ReLU's gradient is applied by one step, which sums the bias's
      add_later(add_data_gradient(second, Phase::backward, b.spec, dy, b.w,
                                  {.gate = h, .sums = true}, dh),
                a.b.gradient);
    else
      accumulate(name, x, add_residual_gradients(name, x, dy, a, b, dh, form));
    const auto add_weights = [&](const std::string& of, ConvSpec spec, TensorId in, TensorId out,
                                 const Weight& w) {
      spec.bias = false;
      add_weight_gradient<Conv2dBackwardWeights>("conv2d_backward_weights", of, spec, in, out, w,
                                                 kNoTensor);
    };
    if (form != ResidualForm::with_filters) add_weights(second, b.spec, h, dy, b.w);
    add_weights(first, a.spec, x, dh, a.w);
    if (form != ResidualForm::convolutions) return;
    accumulate(second, x, dy);
    add_conv_data_gradient(first, a.spec, x, dh, a.w);
  });
}

// Writes dh and what is added up to the gradients of its bias, of x's and of the second filters, where the form is with
// them, and returns dx, to which dy has been added.
TensorId Builder::add_residual_gradients(const std::string& name, TensorId x, TensorId dy,
                                         const DeclaredConv& a, const DeclaredConv& b, TensorId dh,
                                         ResidualForm form) {
  const TensorId h = a.y, dx = gradient_map(name, x);
  const Shape map = plan_.shape(x), shape = residual_block_sums(map), rows = {shape[1], shape[2]};
  const bool filters = form == ResidualForm::with_filters;
  const TensorId sums = plan_.tensor(name + ".db.parts", shape),
                 filter_sums =
                     filters ? plan_.tensor(name + ".b.dw.parts", residual_block_filter_sums(map))
                             : kNoTensor;
  plan_step({.op = "residual_block_backward",
             .name = name,
             .phase = Phase::backward,
             .reads = {dy, a.w.value, b.w.value, h},
             .writes = given({dh, dx, sums, filter_sums}),
             .flops = a.spec.flops() + (filters ? 2 : 1) * b.spec.flops(),
             .run = [=](const Queue& q, const TensorTable& t) {
               residual_block_backward(q, t[dy], t[a.w.value], t[b.w.value], t[h], t[dh], t[dx],
                                       t[sums], t[filter_sums]);
             }});
  add_later(plan_.slice(sums, name + ".a.db.parts", 0, rows), a.b.gradient);
  if (filters)
    add_later(filter_sums, plan_.reshape(b.w.gradient, {plan_.shape(b.w.gradient).count()}));
  const Finish finish = finish_of_gradient(x);
  if (finish.sums && finish.gate == kNoTensor && !gradient_of_.contains(x))
    sums_of_[x] = plan_.slice(sums, name + ".dx.sums", rows.count(), rows);
  return dx;
}

}  // namespace dae
