// The other layers of model/builder.h: dense ones, what leads to them and what follows.
#include "kernels/bounded_gain.h"
#include "kernels/global_pool.h"
#include "kernels/layers/dense.h"
#include "kernels/relayout.h"
#include "model/builder.h"

namespace dae {

TensorId Builder::dense(const std::string& name, TensorId x, int64_t outputs, bool relu,
                        double gain) {
  const DenseSpec spec{plan_.shape(x)[0], plan_.shape(x)[1], outputs, relu, dtype_};
  const TensorId y = plan_.tensor(name, {spec.batch, outputs}, dtype_);
  const Weight w =
      weight(name + ".weight", {outputs, spec.inputs}, gain * he_bound(spec.inputs, relu));
  const Weight b = weight(name + ".bias", {outputs}, 0);
  add_planned(name,
              {.op = "dense_forward",
               .name = name,
               .phase = Phase::forward,
               .reads = {x, w.value, b.value},
               .writes = {y},
               .flops = spec.flops()},
              DenseForward(device_, spec), x, w.value, b.value, y);
  reach_[y] = Reach::all();

  on_backward(y, {x}, [=, this](TensorId dy) {
    const TensorId db = activation_backward(name, y, dy, b.gradient, relu);
    add_weight_gradient<DenseBackwardWeights>("dense_backward_weights", name, spec, x, dy, w, db);
    const TensorId dx = gradient_map(name, x);
    add_planned(name + ".dx",
                {.op = "dense_backward_data",
                 .name = name,
                 .phase = Phase::backward,
                 .reads = {dy, w.value},
                 .writes = {dx},
                 .flops = spec.flops()},
                DenseBackwardData(device_, spec), dy, w.value, dx);
    accumulate(name, x, dx);
  });
  return y;
}

// x's elements in another channel layout; x itself when it is stored so already.
TensorId Builder::stored_as(const std::string& name, TensorId x, int block, Phase phase) {
  if (plan_.view(x).block == block) return x;
  const TensorId y = plan_.tensor(name + ".relayout", plan_.shape(x), DType::f32, block);
  plan_step({.op = "relayout",
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
  reach_[y] = Reach::all();
  on_backward(y, {x}, [=, this](TensorId dy) {
    set_gradient(
        x, stored_as("d(" + name + ")", plan_.reshape(dy, in.shape), in.block, Phase::backward));
  });
  return y;
}

TensorId Builder::unflatten(const std::string& name, TensorId x, const Shape& image) {
  const Shape flat = plan_.shape(x);
  const TensorId y =
      stored_as(name, plan_.reshape(x, image), preferred_block(device_, image[3]), Phase::forward);
  reach_[y] = Reach::all();
  on_backward(y, {x}, [=, this](TensorId dy) {
    set_gradient(x, plan_.reshape(stored_as("d(" + name + ")", dy, 1, Phase::backward), flat));
  });
  return y;
}

TensorId Builder::global_pool(const std::string& name, TensorId x) {
  const Shape in = plan_.shape(x);
  const TensorId y = plan_.tensor(name, {in[0], 2 * in[3]}, dtype_);
  const TensorId argmax = plan_.tensor(name + ".argmax", {in[0], in[3]}, DType::i32);
  plan_step({.op = "global_pool",
             .name = name,
             .phase = Phase::forward,
             .reads = {x},
             .writes = {y, argmax},
             .run = [=](const Queue& q, const TensorTable& t) {
               dae::global_pool(q, t[x], t[y], t[argmax]);
             }});
  reach_[y] = Reach::all();
  on_backward(y, {x}, [=, this](TensorId dy) {
    const TensorId dx = gradient_map(name, x);
    plan_step({.op = "global_pool_backward",
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
  plan_step(
      {.op = "bounded_gain",
       .name = name,
       .phase = Phase::forward,
       .reads = {o},
       .writes = {g},
       .run = [=](const Queue& q, const TensorTable& t) { dae::bounded_gain(q, t[o], t[g]); }});
  reach_[g] = reach(o);
  on_backward(g, {o}, [=, this](TensorId dg) {
    const TensorId d_o = tensor_like("d(" + name + ".input)", o);
    plan_step({.op = "bounded_gain_backward",
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
