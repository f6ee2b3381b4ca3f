// A network as it is described: a list of typed layers, each of which makes one value of those before
// it, with no batch, no device and no steps. model/network.h writes every network down once, so; a plan
// is built from that list by add_layers(), and files for other programs are written from it
// (exchange/onnx_file.h).
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "model/builder.h"

namespace dae {

// A value by the place in the list of the layer that makes it; or the picture that the network sees.
using ValueId = int;
inline constexpr ValueId kPicture = -1, kNoValue = -2;

// What a layer does is what the function of that name of model/builder.h does; each but the last five
// has weights, NAME.weight and NAME.bias, in the layouts given there; a residual block NAME.a's and
// NAME.b's.
struct ConvLayer {
  int64_t filters = 0;
  int kernel = 3, stride = 1, pad = 1;
  bool relu = true;
  double gain = 1;
};
struct ResidualBlockLayer {};
struct UpconvLayer {  // with ReLU
  int64_t filters = 0;
};
struct TransposedConvLayer {
  int64_t filters = 0;
  int kernel = 2;
  double gain = 1;
  ValueId addend = kNoValue;
};
struct DenseLayer {
  int64_t outputs = 0;
  bool relu = true;
  double gain = 1;
};
struct NoiseInputLayer {};  // reads besides what the network is told
struct FlattenLayer {};
struct UnflattenLayer {
  int64_t height = 0, width = 0, channels = 0;
};
struct GlobalPoolLayer {};
struct BoundedGainLayer {};

struct Layer {
  std::string name;
  ValueId x = kPicture;  // what it reads
  std::variant<ConvLayer, ResidualBlockLayer, UpconvLayer, TransposedConvLayer, DenseLayer,
               NoiseInputLayer, FlattenLayer, UnflattenLayer, GlobalPoolLayer, BoundedGainLayer>
      what;
};

// The last layer's value is what the list makes.
class LayerList {
 public:
  // Appends a layer and gives its value.
  template <class What>
  ValueId add(const std::string& name, ValueId x, const What& what) {
    layers_.push_back({name, x, what});
    return static_cast<ValueId>(layers_.size()) - 1;
  }
  const std::vector<Layer>& layers() const { return layers_; }

 private:
  std::vector<Layer> layers_;
};

// The list's layers on picture {N, H, W, 3}, f32. `told` f32 {N} is what a noise input is told.
TensorId add_layers(Builder& builder, const LayerList& list, TensorId picture,
                    TensorId told = kNoTensor);

}  // namespace dae
