// The networks. docs/models.md has their shapes and parameter counts.
//
//   fc    the classic: convolutions down to size/8, a dense latent, dense back, upsampling up, and
//         a sigmoid. One size only.
//   conv  the same without the dense layers; its latent is a feature map.
//   unet  residual blocks on four levels with additive skips; the output is the input plus what the
//         network found, times one gain a channel that a global path sets from the whole picture.
//
// And a fourth for the study of edges (laboratory/edge_study.h), not for photographs:
//
//   mlp   4x4 patches taken together linearly, then dense layers and a sigmoid. One size only.
#pragma once

#include <string>

#include "model/layers.h"

namespace dae {

enum class NetworkKind { fc, conv, unet, mlp };
const char* name_of(NetworkKind kind);

struct NetworkConfig {
  NetworkKind kind = NetworkKind::unet;
  int64_t size = 64;     // training crops; a multiple of grid_of()
  int64_t width = 32;    // unet: channels of the top level, doubled on each of the next;
                         // mlp: of a patch
  int64_t blocks = 2;    // unet: residual blocks a level
  int64_t levels = 4;    // unet: each below the first has half the size of the one above
  int64_t stem = 1;      // unet: the first convolution's stride, 1 or 2; with 2 the top level has
                         // half the picture's size, and the last convolution doubles it
  int64_t latent = 512;  // fc: numbers in the latent; conv: the same, a multiple of (size/8)^2;
                         // mlp: units of each of two hidden layers
  bool skips = true;     // unet: add encoder features to the decoder's
  bool global = true;    // unet: the global path
  bool residual = true;  // unet: add the input to the output
  bool noise_input = false;  // unet: is told the level of noise; stem is 2 then
  DType dtype = DType::f32;  // of feature maps and their gradients: f32, or bf16 on cuda

  bool operator==(const NetworkConfig&) const = default;
};

// Throws FieldError when a network cannot be built so.
void check(const NetworkConfig& config);

// A network's layers, which all else follows from: the body that makes its values, and the global path
// that makes the gain {N, 3}, where it has one.
LayerList body_layers(const NetworkConfig& config);
LayerList gain_layers();
bool has_gain(const NetworkConfig& config);

// What the restoration is: the values' sigmoid (fc, conv, mlp), or the values and, where
// config.residual, the input, times the gain.
bool ends_in_sigmoid(const NetworkConfig& config);

// What a network makes of its input: `values` {N, H, W, 3} are logits for a sigmoid (fc, conv), or
// the restoration before the input is added and the gain applied (unet).
struct NetworkOutput {
  TensorId values = kNoTensor;
  TensorId gain = kNoTensor;  // {N, 3}; none without a global path
};

// The whole network on x {N, H, W, 3}; H and W are multiples of grid_of(), and config.size for fc.
// With a noise input, `told` f32 {N} is what it is told (kernels/noise_input.h).
NetworkOutput build_network(Builder& builder, const NetworkConfig& config, TensorId x,
                            TensorId told = kNoTensor);

// Its two parts, for a picture whose gain is found once and whose pixels are restored in tiles.
TensorId build_gain(Builder& builder, TensorId x);  // {N, 3}
TensorId build_body(Builder& builder, const NetworkConfig& config, TensorId x,
                    TensorId told = kNoTensor);

// The tensor of that name, f32 {batch}, for a network that wants to be told; else kNoTensor.
TensorId declare_told(Plan& plan, const NetworkConfig& config, int64_t batch,
                      const std::string& name = "told");

// The tensor of that name for what a network that computes in bf16 reads of `image`; else kNoTensor.
TensorId declare_rounded(Plan& plan, const NetworkConfig& config, const Shape& image,
                         const std::string& name = "corrupted.bf16");

// The weights it has, whatever device it will run on.
ParameterSet parameters_of(const NetworkConfig& config);

// What sides must be multiples of: by how much the network shrinks a picture, 8 where nothing is
// said.
int64_t grid_of(const NetworkConfig& config);

// Whether it takes pictures of config.size alone: fc and mlp.
bool has_one_size(const NetworkConfig& config);

// How far an output pixel sees, in pixels each way: what tiles must overlap by. For those of
// one size, which see their whole crop, the overlap that hides seams: a quarter of the size.
int64_t receptive_radius(const NetworkConfig& config);

}  // namespace dae
