// Layers. Each call adds the layer's forward steps to a plan and remembers how to add its backward
// steps; backward() then adds those, last layer first. The gradient of every weight is written
// once, by one step, into the flat gradient buffer.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "kernels/layers/conv2d.h"
#include "model/parameters.h"
#include "model/reach.h"
#include "model/residual_form.h"
#include "runtime/plan.h"

namespace dae {

class Builder {
 public:
  // Feature maps and their gradients are of type `dtype`: f32, or bf16 on cuda, where layers then
  // read a bf16 copy of the f32 weights: in training the one that the update leaves, else one made
  // by the plan's first step. Without `training` no backward steps are kept. `parameters` may
  // already hold the weights of another plan of the same network: equal names share memory.
  Builder(Device device, Plan& plan, ParameterSet& parameters, bool training,
          DType dtype = DType::f32);

  // Layers whose f32 weights lie in the external tensor `weights`, shared by all in the plan that
  // name it, and stay as they are. Convolutions alone; their backward steps lead to what
  // require_gradient() marks, never to weights. All of it counts to the loss.
  static Builder frozen(Device device, Plan& plan, ParameterSet& parameters,
                        const std::string& weights);
  void require_gradient(TensorId x) { trained_.insert(x); }
  TensorId gradient_of(TensorId value) const { return gradient_of_.at(value); }

  // x f32 as layers read it: x itself, or its bf16 copy, made once.
  TensorId input(TensorId x);
  // Says that a step has made that copy already; kNoTensor says nothing. Before input(x).
  void has_input(TensorId x, TensorId copy);

  // On which streams of the plan work runs beside a pass's own, which is 0's: what makes the gradients of
  // weights and biases, and in both directions what is added while aside(true) holds. In this pass and
  // those after it.
  struct Streams {
    int weights = 0, aside = 0;
  };
  void use_streams(const Streams& streams) { streams_ = streams; }
  void aside(bool is) { stream_ = is ? streams_.aside : 0; }

  // For running the network once more in the same plan, on other inputs: the same weights and
  // gradients, or others of their own in the flat tensor `gradients`, and an empty tape. What a tape holds
  // refers to its builder, so none is copied or moved.
  Builder another_pass(TensorId gradients = kNoTensor) const;
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  struct Conv {
    int64_t filters = 0;
    int kernel = 3, stride = 1, pad = 1;
    bool relu = true;
    double gain = 1;              // scales the first weights
    TensorId addend = kNoTensor;  // added to the result; then no ReLU
  };
  TensorId conv(const std::string& name, TensorId x, const Conv& conv);

  // x + conv(relu(conv(x))), the convolutions 3x3 with as many filters as x has channels and named
  // NAME.a and NAME.b, computed in the form that model/residual_form.h chooses. The second one
  // starts small, so that a deep stack starts close to the identity (Zhang, Dauphin & Ma, 2019) and
  // takes the same learning rate as a shallow one.
  TensorId residual_block(const std::string& name, TensorId x);

  // relu?(3x3 convolution of x upsampled by two), computed in the form that model/upconv_form.h
  // chooses.
  TensorId upconv(const std::string& name, TensorId x, int64_t filters, bool relu = true);

  // The transposed convolution with stride 2, linear, plus `addend`, if any.
  struct TransposedConv {
    int64_t filters = 0;
    int kernel = 2;               // even; the result is twice as large
    double gain = 1;              // scales the first weights
    TensorId addend = kNoTensor;  // added to the result
  };
  TensorId transposed_conv(const std::string& name, TensorId x, const TransposedConv& conv);

  // x at half its size beside the level of noise that `told` {N} has (kernels/noise_input.h).
  TensorId noise_input(const std::string& name, TensorId x, TensorId told);

  TensorId dense(const std::string& name, TensorId x, int64_t outputs, bool relu, double gain = 1);
  TensorId flatten(const std::string& name, TensorId x);  // {N, H, W, C} to {N, H*W*C}
  TensorId unflatten(const std::string& name, TensorId x, const Shape& image);
  TensorId global_pool(const std::string& name, TensorId x);   // {N, 2C}: means, then maxima
  TensorId bounded_gain(const std::string& name, TensorId o);  // exp(tanh(o))

  // How far a layer's result sees in what the network was given, which sees itself.
  Reach reach(TensorId value) const;

  // Adds the backward steps of everything that leads to the tensors given a gradient by
  // set_gradient(), usually by a loss.
  void set_gradient(TensorId value, TensorId gradient);
  void backward();

  // Has backward() complete the gradients in so many parts, one after the other as its layers come, the last
  // of them first: who gives them away need not wait for its end. In this pass and those after it.
  void divide_gradients(int parts) { parts_ = parts; }
  std::vector<int64_t> gradient_parts() const { return parameters_.part_begins(parts_); }

  // A tensor shaped and stored like `like`.
  TensorId tensor_like(const std::string& name, TensorId like);

  Plan& plan() { return plan_; }
  Device device() const { return device_; }
  bool training() const { return training_; }
  DType dtype() const { return dtype_; }
  // The flat buffers {P}: weights f32; gradients of dtype(), kNoTensor unless training; the weights
  // of dtype(), which are those themselves in f32.
  TensorId weights() const { return weights_; }
  TensorId gradients() const { return gradients_; }
  TensorId layer_weights() const { return layer_weights_; }

 private:
  struct Weight {
    TensorId value;     // as layers read it
    TensorId gradient;  // kNoTensor unless training
    TensorId master;    // f32
  };
  // What passes over one network share.
  struct Network {
    Device device;
    Plan& plan;
    ParameterSet& parameters;
    bool training, frozen;
    DType dtype;
    TensorId weights, layer_weights, gradients;
    int parts;
    Streams streams;
  };
  explicit Builder(const Network& network);
  void plan_step(Step step);          // on the stream of this part of the pass
  void plan_weights_step(Step step);  // on that of gradients which only the update reads
  Phase phase(Phase of_trained) const { return frozen_ ? Phase::loss : of_trained; }
  static double he_bound(int64_t fan_in, bool relu);
  static std::vector<TensorId> given(std::vector<TensorId> ids);  // those that are tensors
  Weight weight(const std::string& name, const Shape& shape, double bound);
  TensorId feature_map(const std::string& name, const Shape& shape);
  TensorId scratch(const std::string& name, int64_t bytes);
  // Once `output` has its gradient, `add_steps` adds the steps that make those of `inputs` or a part of them.
  void on_backward(TensorId output, std::vector<TensorId> inputs,
                   std::function<void(TensorId gradient)> add_steps);
  // The step of an op that is planned, as kernels/layers/conv2d.h has them: it runs on `operands`
  // and a workspace of its own.
  template <class Op, class... Operands>
  void add_planned(const std::string& scratch_name, Step step, const Op& op, Operands... operands) {
    plan_step(planned(scratch_name, std::move(step), op, operands...));
  }
  template <class Op, class... Operands>
  Step planned(const std::string& scratch_name, Step step, const Op& op, Operands... operands) {
    const TensorId workspace = scratch(scratch_name, op.workspace_bytes());
    step.scratch = {workspace};
    step.run = [=](const Queue& q, const TensorTable& t) { op(q, t[operands]..., t[workspace]); };
    return step;
  }
  // dw, and db unless it is kNoTensor, by the planned op `op` of type Op.
  template <class Op, class Spec>
  void add_weight_gradient(const char* op, const std::string& name, const Spec& spec, TensorId x,
                           TensorId dy, const Weight& w, TensorId db) {
    plan_weights_step(planned(name + ".dw",
                              {.op = op,
                               .name = name,
                               .phase = Phase::backward,
                               .reads = {x, dy},
                               .writes = given({w.gradient, db}),
                               .flops = spec.flops()},
                              Op(device_, spec), x, dy, w.gradient, db));
  }
  TensorId gradient_map(const std::string& name, TensorId x);  // for dx, as the layer `name` has it
  TensorId stored_as(const std::string& name, TensorId x, int block, Phase phase);
  void accumulate(const std::string& name, TensorId value, TensorId gradient);
  TensorId transposed(const std::string& name, TensorId x, int64_t filters, int kernel, int pad,
                      Weight w, bool relu, TensorId addend);
  // A convolution whose result and weights are there, its steps not yet.
  struct DeclaredConv {
    ConvSpec spec;
    Weight w, b;
    TensorId y;
  };
  DeclaredConv declare_conv(const std::string& name, TensorId x, const Conv& conv);
  void add_conv_forward(const std::string& name, TensorId x, const DeclaredConv& conv,
                        TensorId addend);
  void on_conv_backward(const std::string& name, TensorId x, const DeclaredConv& conv);
  void on_residual_backward(const std::string& name, TensorId x, const DeclaredConv& a,
                            const DeclaredConv& b, ResidualForm form);
  TensorId add_residual_gradients(const std::string& name, TensorId x, TensorId dy,
                                  const DeclaredConv& a, const DeclaredConv& b, TensorId dh,
                                  ResidualForm form);
  void add_conv_gradients(const std::string& name, ConvSpec spec, TensorId x, TensorId dy,
                          const Weight& w, TensorId db);
  void add_conv_data_gradient(const std::string& name, const ConvSpec& spec, TensorId x,
                              TensorId dy, const Weight& w);
  // What is done to a data gradient (kernels/layers/conv2d.h), by the tensors that it takes.
  struct Finish {
    TensorId addend = kNoTensor, bias = kNoTensor, gate = kNoTensor;
    bool relu = false, sums = false;
  };
  // Returns the sums, if they were asked for.
  TensorId add_data_gradient(const std::string& name, Phase phase, const ConvSpec& spec,
                             TensorId dy, const Weight& w, const Finish& finish, TensorId dx);
  template <class Op>
  TensorId add_finished(Step step, const Op& op, TensorId in, const Weight& w, const Finish& finish,
                        TensorId result) {
    const std::string name = plan_.tensors()[result].name;
    const TensorId workspace = scratch(name, op.workspace_bytes());
    const TensorId sums =
        finish.sums ? plan_.tensor(name + ".sums", {op.sum_rows(), plan_.shape(result)[3]})
                    : kNoTensor;
    step.reads = given({in, w.value, finish.addend, finish.bias, finish.gate});
    step.writes = given({result, sums});
    step.scratch = {workspace};
    step.run = [=](const Queue& q, const TensorTable& t) {
      op(q, t[in], t[w.value],
         {.addend = t[finish.addend],
          .bias = t[finish.bias],
          .gate = t[finish.gate],
          .sums = t[sums]},
         t[result], t[workspace]);
    };
    plan_step(std::move(step));
    return sums;
  }
  // What makes the last part of x's gradient does at once, on a GPU, what is to be done to that next.
  Finish finish_of_gradient(TensorId x) const;
  TensorId phases(const std::string& name, TensorId x, int64_t filters, const Weight& w, bool relu);
  TensorId by_weight_sums(const std::string& name, TensorId x, int64_t filters, bool relu,
                          bool transposes);
  TensorId upsampled(const std::string& name, TensorId x, int64_t filters, bool relu);
  void add_cast(const std::string& name, Phase phase, TensorId x, TensorId y);
  void add_in_place(const std::string& name, Phase phase, TensorId x, TensorId sum);
  void pass_on_gradient(const std::string& name, TensorId y, TensorId addend);
  void relu_backward(const std::string& name, TensorId y, TensorId dy);
  // Gradients of biases, and of filters by residual blocks, are sums whose ends are left for one step of all of them:
  // `partial` {rows, columns} is to be added up into `sum`.
  void add_later(TensorId partial, TensorId sum);
  void go_on_to(TensorId gradient);
  void add_partial_sums();
  void bias_backward(const std::string& name, TensorId y, TensorId dy, TensorId db, bool relu);
  bool library_makes_db() const;
  TensorId activation_backward(const std::string& name, TensorId y, TensorId dy, TensorId db,
                               bool relu);

  Device device_;
  Plan& plan_;
  ParameterSet& parameters_;
  bool training_, frozen_ = false;
  DType dtype_;
  TensorId weights_, layer_weights_, gradients_ = kNoTensor;
  int parts_ = 1;  // of the gradients

  Streams streams_;
  int stream_ = 0;                 // of the steps that are being added
  std::vector<int> weight_steps_;  // places in the plan of those that are on a stream of their own

  struct Node {
    TensorId output;
    std::vector<TensorId> inputs;
    int stream;
    std::function<void(TensorId gradient)> add_steps;
  };
  std::vector<Node> tape_;
  struct Left {
    TensorId partial, sum;
  };
  std::vector<Left> left_;        // of one part of the gradients
  std::set<TensorId> trained_;    // values whose gradient is asked for
  std::map<TensorId, int> uses_;  // nodes that are still to add to a value's gradient
  // Of results with a bias: whether ReLU is behind it, and sums of the gradient once they were made.
  std::map<TensorId, bool> relu_of_;
  std::map<TensorId, TensorId> sums_of_;
  std::map<TensorId, TensorId> gradient_of_;
  std::map<TensorId, TensorId> input_of_;  // what input() gave
  std::map<TensorId, Reach> reach_;        // of layers' results
};

}  // namespace dae
