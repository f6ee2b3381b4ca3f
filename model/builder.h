// Layers. Each call adds the layer's forward steps to a plan and remembers how to add its backward
// steps; backward() then adds those, last layer first. The gradient of every weight is written
// once, by one step, into the flat gradient buffer.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kernels/conv2d.h"
#include "model/parameters.h"
#include "runtime/plan.h"

namespace dae {

class Builder {
 public:
  // Without `training` no backward steps are kept. `parameters` may already hold the weights of
  // another plan of the same network: equal names share memory.
  Builder(Device device, Plan& plan, ParameterSet& parameters, bool training);

  // For running the network once more in the same plan, on other inputs: the same weights and
  // gradients, an empty tape.
  Builder another_pass() const;

  struct Conv {
    int64_t filters = 0;
    int kernel = 3, stride = 1, pad = 1;
    bool relu = true;
    double gain = 1;  // scales the first weights
  };
  TensorId conv(const std::string& name, TensorId x, const Conv& spec);

  // relu?(3x3 convolution of x upsampled by two), as one transposed convolution.
  TensorId upconv(const std::string& name, TensorId x, int64_t filters, bool relu = true);

  // The 2x2 transposed convolution with stride 2, linear.
  TensorId transposed_conv(const std::string& name, TensorId x, int64_t filters);

  // y + x, in y's memory: y must be a value that no other step has read.
  TensorId add(const std::string& name, TensorId x, TensorId y);

  TensorId dense(const std::string& name, TensorId x, int64_t outputs, bool relu, double gain = 1);
  TensorId flatten(const std::string& name, TensorId x);  // {N, H, W, C} to {N, H*W*C}
  TensorId unflatten(const std::string& name, TensorId x, const Shape& image);
  TensorId global_pool(const std::string& name, TensorId x);   // {N, 2C}: means, then maxima
  TensorId bounded_gain(const std::string& name, TensorId o);  // exp(tanh(o))

  // Adds the backward steps of everything that leads to the tensors given a gradient by
  // set_gradient(), usually by a loss.
  void set_gradient(TensorId value, TensorId gradient);
  void backward();

  // A tensor shaped and stored like `like`.
  TensorId tensor_like(const std::string& name, TensorId like);

  Plan& plan() { return plan_; }
  Device device() const { return device_; }
  bool training() const { return training_; }
  TensorId weights() const { return weights_; }      // the flat buffers {P}
  TensorId gradients() const { return gradients_; }  // kNoTensor unless training

 private:
  struct Weight {
    TensorId value, gradient;
  };
  Weight weight(const std::string& name, const Shape& shape, double bound);
  TensorId feature_map(const std::string& name, const Shape& shape);
  TensorId scratch(const std::string& name, int64_t bytes);
  void on_backward(TensorId output, std::function<void(TensorId gradient)> add_steps);
  TensorId stored_as(const std::string& name, TensorId x, int block, Phase phase);
  void accumulate(const std::string& name, TensorId value, TensorId gradient);
  TensorId transposed(const std::string& name, TensorId x, int64_t filters, int kernel, int pad,
                      Weight w, bool relu);
  void relu_backward(const std::string& name, TensorId y, TensorId dy);
  void bias_backward(const std::string& name, TensorId y, TensorId dy, TensorId db, bool relu);
  bool library_makes_db() const;
  TensorId activation_backward(const std::string& name, TensorId y, TensorId dy, TensorId db,
                               bool relu);

  Device device_;
  Plan& plan_;
  ParameterSet& parameters_;
  bool training_;
  TensorId weights_, gradients_ = kNoTensor;

  struct Node {
    TensorId output;
    std::function<void(TensorId gradient)> add_steps;
  };
  std::vector<Node> tape_;
  std::map<TensorId, bool> trained_;  // values that depend on weights
  std::map<TensorId, TensorId> gradient_of_;
};

}  // namespace dae
