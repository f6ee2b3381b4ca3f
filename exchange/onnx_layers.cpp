#include "exchange/onnx_layers.h"

#include "kernels/noise_input.h"

namespace dae {
namespace {

using Ints = std::vector<int64_t>;

Ints square(int64_t value) {
  return {value, value};
}

Ints all_round(int64_t pad) {
  return {pad, pad, pad, pad};
}

struct Adding {
  OnnxGraph& graph;
  const std::string& name;
  const OnnxValue &x, &told;
  const std::vector<OnnxValue>& values;

  OnnxValue bias() const { return graph.parameter(name + ".bias", {0}); }
  OnnxValue finished(const OnnxValue& y, bool relu) const {
    return relu ? graph.add("Relu", {y}, {}, name + ".relu") : y;
  }

  OnnxValue operator()(const ConvLayer& layer) const {
    return finished(convolved(name, x, layer.kernel, layer.stride, layer.pad), layer.relu);
  }
  OnnxValue operator()(const ResidualBlockLayer&) const {
    const OnnxValue first = convolved(name + ".a", x, 3, 1, 1);
    const OnnxValue between = graph.add("Relu", {first}, {}, name + ".a.relu");
    return graph.plus(convolved(name + ".b", between, 3, 1, 1), x);
  }
  OnnxValue operator()(const UpconvLayer&) const {
    const OnnxValue large = graph.add("Resize", {x, "", graph.numbers({1, 1, 2, 2})},
                                      {{"mode", "nearest"},
                                       {"coordinate_transformation_mode", "asymmetric"},
                                       {"nearest_mode", "floor"}},
                                      name + ".upsampled");
    return finished(convolved(name, large, 3, 1, 1), true);
  }
  OnnxValue operator()(const TransposedConvLayer& layer) const {
    // {C, k, k, K} to {C, K, k, k}.
    const OnnxValue y =
        graph.add("ConvTranspose", {x, graph.parameter(name + ".weight", {0, 3, 1, 2}), bias()},
                  {{"kernel_shape", square(layer.kernel)},
                   {"strides", square(2)},
                   {"pads", all_round(layer.kernel / 2 - 1)}},
                  name);
    if (layer.addend == kNoValue) return y;
    return graph.plus(y, values[static_cast<size_t>(layer.addend)]);
  }
  OnnxValue operator()(const DenseLayer& layer) const {
    const OnnxValue y = graph.add("Gemm", {x, graph.parameter(name + ".weight", {0, 1}), bias()},
                                  {{"transB", int64_t{1}}}, name);
    return finished(y, layer.relu);
  }
  // Four channels, the last even at what the network is told, and then squares of four pixels: ONNX
  // orders them as kernels/noise_input.h does.
  OnnxValue operator()(const NoiseInputLayer&) const {
    const OnnxValue level = graph.add(
        "Unsqueeze", {graph.times(told, graph.number(kNoiseInputScale)), graph.wholes({1, 2, 3})});
    const OnnxValue plane =
        graph.add("Expand", {level, graph.shape({graph.length(x, 0), graph.whole(1),
                                                 graph.length(x, 2), graph.length(x, 3)})});
    const OnnxValue beside = graph.add("Concat", {x, plane}, {{"axis", int64_t{1}}});
    return graph.add("SpaceToDepth", {beside}, {{"blocksize", int64_t{2}}}, name);
  }
  // Dense layers read pixels one after the other, channels last.
  OnnxValue operator()(const FlattenLayer&) const {
    const OnnxValue pixels = graph.add("Transpose", {x}, {{"perm", Ints{0, 2, 3, 1}}});
    return graph.add("Reshape", {pixels, graph.wholes({0, -1})}, {}, name);
  }
  OnnxValue operator()(const UnflattenLayer& layer) const {
    const OnnxValue pixels =
        graph.add("Reshape", {x, graph.wholes({0, layer.height, layer.width, layer.channels})});
    return graph.add("Transpose", {pixels}, {{"perm", Ints{0, 3, 1, 2}}}, name);
  }
  OnnxValue operator()(const GlobalPoolLayer&) const {
    const OnnxValue both =
        graph.add("Concat", {graph.add("GlobalAveragePool", {x}), graph.add("GlobalMaxPool", {x})},
                  {{"axis", int64_t{1}}});
    return graph.add("Flatten", {both}, {}, name);
  }
  OnnxValue operator()(const BoundedGainLayer&) const {
    return graph.add("Exp", {graph.add("Tanh", {x})}, {}, name);
  }

 private:
  // {K, k, k, C} to {K, C, k, k}.
  OnnxValue convolved(const std::string& of, const OnnxValue& input, int kernel, int stride,
                      int pad) const {
    return graph.add(
        "Conv",
        {input, graph.parameter(of + ".weight", {0, 3, 1, 2}), graph.parameter(of + ".bias", {0})},
        {{"kernel_shape", square(kernel)}, {"strides", square(stride)}, {"pads", all_round(pad)}},
        of);
  }
};

}  // namespace

OnnxValue add_onnx_layers(OnnxGraph& graph, const LayerList& list, const OnnxValue& picture,
                          const OnnxValue& told) {
  std::vector<OnnxValue> values;
  for (const Layer& layer : list.layers()) {
    const OnnxValue& x = layer.x == kPicture ? picture : values[static_cast<size_t>(layer.x)];
    values.push_back(std::visit(Adding{graph, layer.name, x, told, values}, layer.what));
  }
  return values.back();
}

}  // namespace dae
