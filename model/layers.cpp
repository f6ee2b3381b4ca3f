#include "model/layers.h"

namespace dae {
namespace {

// Adds one kind of layer each; `value_of` finds the tensor of a value.
struct Adding {
  Builder& builder;
  const std::string& name;
  TensorId x, told;
  const std::vector<TensorId>& values;

  // A convolution alone may read what is not yet stored as layers read it.
  TensorId operator()(const ConvLayer& layer) const {
    return builder.conv(name, builder.input(x),
                        {.filters = layer.filters,
                         .kernel = layer.kernel,
                         .stride = layer.stride,
                         .pad = layer.pad,
                         .relu = layer.relu,
                         .gain = layer.gain});
  }
  TensorId operator()(const ResidualBlockLayer&) const { return builder.residual_block(name, x); }
  TensorId operator()(const UpconvLayer& layer) const {
    return builder.upconv(name, x, layer.filters);
  }
  TensorId operator()(const TransposedConvLayer& layer) const {
    const ValueId addend = layer.addend;
    return builder.transposed_conv(
        name, x,
        {.filters = layer.filters,
         .kernel = layer.kernel,
         .gain = layer.gain,
         .addend = addend == kNoValue ? kNoTensor : values[static_cast<size_t>(addend)]});
  }
  TensorId operator()(const DenseLayer& layer) const {
    return builder.dense(name, x, layer.outputs, layer.relu, layer.gain);
  }
  TensorId operator()(const NoiseInputLayer&) const { return builder.noise_input(name, x, told); }
  TensorId operator()(const FlattenLayer&) const { return builder.flatten(name, x); }
  TensorId operator()(const UnflattenLayer& layer) const {
    const int64_t batch = builder.plan().shape(x)[0];
    return builder.unflatten(name, x, {batch, layer.height, layer.width, layer.channels});
  }
  TensorId operator()(const GlobalPoolLayer&) const { return builder.global_pool(name, x); }
  TensorId operator()(const BoundedGainLayer&) const { return builder.bounded_gain(name, x); }
};

}  // namespace

TensorId add_layers(Builder& builder, const LayerList& list, TensorId picture, TensorId told) {
  std::vector<TensorId> values;
  for (const Layer& layer : list.layers()) {
    const TensorId x = layer.x == kPicture ? picture : values[static_cast<size_t>(layer.x)];
    values.push_back(std::visit(Adding{builder, layer.name, x, told, values}, layer.what));
  }
  return values.back();
}

}  // namespace dae
