#include "model/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "runtime/error.h"

namespace dae {
namespace {

constexpr int kStemKernel = 4;  // of a unet's first and last convolution where they change the size
constexpr int64_t kGlobalWidths[] = {32, 64, 128, 128};

int64_t grid_side(const NetworkConfig& config) {
  return config.size / 8;
}

// fc and conv share their ends: three halvings down, three doublings up.
ValueId encode(LayerList& list, int64_t channels) {
  ValueId x = list.add("encoder.0", kPicture, ConvLayer{.filters = 32});
  x = list.add("encoder.1", x, ConvLayer{.filters = 64, .stride = 2});
  x = list.add("encoder.2", x, ConvLayer{.filters = 128, .stride = 2});
  return list.add("encoder.3", x, ConvLayer{.filters = channels, .stride = 2});
}

void decode(LayerList& list, ValueId x) {
  x = list.add("decoder.0", x, UpconvLayer{128});
  x = list.add("decoder.1", x, UpconvLayer{64});
  x = list.add("decoder.2", x, UpconvLayer{32});
  list.add("decoder.3", x, ConvLayer{.filters = 3, .relu = false});
}

LayerList fc_layers(const NetworkConfig& config) {
  LayerList list;
  const int64_t side = grid_side(config);
  ValueId x = list.add("flatten", encode(list, 128), FlattenLayer{});
  x = list.add("latent", x, DenseLayer{config.latent});
  x = list.add("expand", x, DenseLayer{128 * side * side});
  decode(list, list.add("unflatten", x, UnflattenLayer{side, side, 128}));
  return list;
}

// The last layer starts small, and with it the answer at an even grey, whatever noise comes in:
// from full-sized first weights most hidden units die before they have learnt anything.
LayerList mlp_layers(const NetworkConfig& config) {
  LayerList list;
  const int64_t side = config.size;
  ValueId x = list.add(
      "patches", kPicture,
      ConvLayer{.filters = config.width, .kernel = 4, .stride = 4, .pad = 0, .relu = false});
  x = list.add("flatten", x, FlattenLayer{});
  x = list.add("hidden.0", x, DenseLayer{config.latent});
  x = list.add("hidden.1", x, DenseLayer{config.latent});
  x = list.add("output", x, DenseLayer{.outputs = side * side * 3, .relu = false, .gain = 0.05});
  list.add("unflatten", x, UnflattenLayer{side, side, 3});
  return list;
}

LayerList conv_layers(const NetworkConfig& config) {
  LayerList list;
  decode(list, encode(list, config.latent / (grid_side(config) * grid_side(config))));
  return list;
}

ValueId residual_blocks(LayerList& list, const std::string& name, ValueId x, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    x = list.add(fmt::format("{}.{}", name, i), x, ResidualBlockLayer{});
  return x;
}

LayerList unet_layers(const NetworkConfig& config) {
  LayerList list;
  const auto width = [&](int64_t level) { return config.width << level; };
  const bool shrinks = config.stem == 2;
  std::vector<ValueId> skips;
  ValueId x = kPicture;
  if (config.noise_input) {
    x = list.add("seen", x, NoiseInputLayer{});
    x = list.add("head", x, ConvLayer{.filters = config.width, .relu = false});
  } else {
    x = list.add("head", x,
                 ConvLayer{.filters = config.width,
                           .kernel = shrinks ? kStemKernel : 3,
                           .stride = shrinks ? 2 : 1,
                           .relu = false});
  }
  for (int64_t level = 0; level < config.levels - 1; level++) {
    x = residual_blocks(list, fmt::format("encoder.{}", level), x, config.blocks);
    skips.push_back(x);
    x = list.add(
        fmt::format("down.{}", level), x,
        ConvLayer{.filters = width(level + 1), .kernel = 2, .stride = 2, .pad = 0, .relu = false});
  }
  x = residual_blocks(list, "middle", x, config.blocks);
  for (int64_t level = config.levels - 2; level >= 0; level--) {
    x = list.add(
        fmt::format("up.{}", level), x,
        TransposedConvLayer{.filters = width(level),
                            .addend = config.skips ? skips[static_cast<size_t>(level)] : kNoValue});
    x = residual_blocks(list, fmt::format("decoder.{}", level), x, config.blocks);
  }
  const double gain = config.residual ? 0.1 : 1.0;
  if (shrinks)
    list.add("tail", x, TransposedConvLayer{.filters = 3, .kernel = kStemKernel, .gain = gain});
  else
    list.add("tail", x, ConvLayer{.filters = 3, .relu = false, .gain = gain});
  return list;
}

}  // namespace

const char* name_of(NetworkKind kind) {
  switch (kind) {
    case NetworkKind::fc:
      return "fc";
    case NetworkKind::conv:
      return "conv";
    case NetworkKind::unet:
      return "unet";
    case NetworkKind::mlp:
      break;
  }
  return "mlp";
}

void check(const NetworkConfig& c) {
  if (c.levels < 1 || c.levels > 6) fail_field("levels", "{}: give 1 to 6 levels", c.levels);
  if (c.stem != 1 && c.stem != 2) fail_field("stem", "{}: give 1 or 2", c.stem);
  if (c.noise_input && c.stem != 2) fail_field("stem", "{}: a noise input needs 2", c.stem);
  const int64_t grid = grid_of(c);
  if (c.size < grid || c.size % grid != 0 || c.size > 4096)
    fail_field("size", "{}: crops must be a multiple of {} pixels, from {} to 4096", c.size, grid,
               grid);
  if (c.width < 1 || c.width > 1024) fail_field("width", "{}: give 1 to 1024 channels", c.width);
  if (c.blocks < 1 || c.blocks > 64) fail_field("blocks", "{}: give 1 to 64 blocks", c.blocks);
  if (c.latent < 1 || c.latent > 1 << 20)
    fail_field("latent", "{}: give 1 to {} numbers", c.latent, 1 << 20);
  const int64_t pixels = grid_side(c) * grid_side(c);
  if (c.kind == NetworkKind::conv && c.latent % pixels != 0)
    fail_field("latent",
               "{}: the latent of conv at size {} is a {}x{} map, so give a multiple of {}",
               c.latent, c.size, grid_side(c), grid_side(c), pixels);
}

LayerList gain_layers() {
  LayerList list;
  ValueId x = kPicture;
  for (int i = 0; i < 4; i++)
    x = list.add(fmt::format("global.{}", i), x,
                 ConvLayer{.filters = kGlobalWidths[i], .stride = 2});
  x = list.add("global.pool", x, GlobalPoolLayer{});
  x = list.add("global.hidden", x, DenseLayer{64});
  // Zeros: training starts with a gain of one.
  x = list.add("global.output", x, DenseLayer{.outputs = 3, .relu = false, .gain = 0});
  list.add("global.gain", x, BoundedGainLayer{});
  return list;
}

LayerList body_layers(const NetworkConfig& config) {
  switch (config.kind) {
    case NetworkKind::fc:
      return fc_layers(config);
    case NetworkKind::mlp:
      return mlp_layers(config);
    case NetworkKind::conv:
      return conv_layers(config);
    case NetworkKind::unet:
      break;
  }
  return unet_layers(config);
}

TensorId build_gain(Builder& b, TensorId x) {
  return add_layers(b, gain_layers(), x);
}

TensorId build_body(Builder& b, const NetworkConfig& config, TensorId x, TensorId told) {
  return add_layers(b, body_layers(config), x, told);
}

NetworkOutput build_network(Builder& b, const NetworkConfig& config, TensorId x, TensorId told) {
  NetworkOutput output;
  // The global path first: its backward steps then come last, and its gradient buffers are small.
  // Nothing but the output waits for it, so it may run beside the rest.
  if (has_gain(config)) {
    b.aside(true);
    output.gain = build_gain(b, x);
    b.aside(false);
  }
  output.values = build_body(b, config, x, told);
  return output;
}

TensorId declare_told(Plan& plan, const NetworkConfig& config, int64_t batch,
                      const std::string& name) {
  return config.noise_input ? plan.external(name, {batch}) : kNoTensor;
}

TensorId declare_rounded(Plan& plan, const NetworkConfig& config, const Shape& image,
                         const std::string& name) {
  return config.dtype == DType::bf16 ? plan.external(name, image, DType::bf16) : kNoTensor;
}

ParameterSet parameters_of(const NetworkConfig& config) {
  Plan plan;
  ParameterSet parameters;
  Builder builder(Device::cpu, plan, parameters, false);
  build_network(builder, config, plan.external("x", {1, config.size, config.size, 3}),
                declare_told(plan, config, 1));
  return parameters;
}

int64_t grid_of(const NetworkConfig& config) {
  return config.kind == NetworkKind::unet ? std::max<int64_t>(8, config.stem << (config.levels - 1))
                                          : 8;
}

bool has_gain(const NetworkConfig& config) {
  return config.kind == NetworkKind::unet && config.global;
}

bool ends_in_sigmoid(const NetworkConfig& config) {
  return config.kind != NetworkKind::unet;
}

bool has_one_size(const NetworkConfig& config) {
  return config.kind == NetworkKind::fc || config.kind == NetworkKind::mlp;
}

int64_t receptive_radius(const NetworkConfig& config) {
  if (has_one_size(config)) return config.size / 4;
  Plan plan;
  ParameterSet parameters;
  Builder builder(Device::cpu, plan, parameters, false);
  const TensorId x = plan.external("x", {1, config.size, config.size, 3});
  return builder.reach(build_body(builder, config, x, declare_told(plan, config, 1))).radius();
}

}  // namespace dae
