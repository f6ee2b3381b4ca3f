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
TensorId encode(Builder& b, TensorId x, int64_t channels) {
  x = b.conv("encoder.0", b.input(x), {.filters = 32});
  x = b.conv("encoder.1", x, {.filters = 64, .stride = 2});
  x = b.conv("encoder.2", x, {.filters = 128, .stride = 2});
  return b.conv("encoder.3", x, {.filters = channels, .stride = 2});
}

TensorId decode(Builder& b, TensorId x) {
  x = b.upconv("decoder.0", x, 128);
  x = b.upconv("decoder.1", x, 64);
  x = b.upconv("decoder.2", x, 32);
  return b.conv("decoder.3", x, {.filters = 3, .relu = false});
}

TensorId build_fc(Builder& b, const NetworkConfig& config, TensorId x) {
  const int64_t side = grid_side(config), features = 128 * side * side;
  x = b.flatten("flatten", encode(b, x, 128));
  x = b.dense("latent", x, config.latent, true);
  x = b.dense("expand", x, features, true);
  const int64_t batch = b.plan().shape(x)[0];
  return decode(b, b.unflatten("unflatten", x, {batch, side, side, 128}));
}

// The last layer starts small, and with it the answer at an even grey, whatever noise comes in:
// from full-sized first weights most hidden units die before they have learnt anything.
TensorId build_mlp(Builder& b, const NetworkConfig& config, TensorId x) {
  const Shape image = b.plan().shape(x);
  x = b.conv("patches", b.input(x),
             {.filters = config.width, .kernel = 4, .stride = 4, .pad = 0, .relu = false});
  x = b.flatten("flatten", x);
  x = b.dense("hidden.0", x, config.latent, true);
  x = b.dense("hidden.1", x, config.latent, true);
  x = b.dense("output", x, image[1] * image[2] * 3, false, 0.05);
  return b.unflatten("unflatten", x, image);
}

TensorId build_conv(Builder& b, const NetworkConfig& config, TensorId x) {
  return decode(b, encode(b, x, config.latent / (grid_side(config) * grid_side(config))));
}

// x + conv(relu(conv(x))). The second convolution starts small, so that a deep stack starts close
// to the identity (Zhang, Dauphin & Ma, 2019) and takes the same learning rate as a shallow one.
TensorId residual_block(Builder& b, const std::string& name, TensorId x) {
  const int64_t channels = b.plan().shape(x)[3];
  const TensorId hidden = b.conv(name + ".a", x, {.filters = channels});
  return b.conv(name + ".b", hidden,
                {.filters = channels, .relu = false, .gain = 0.1, .addend = x});
}

TensorId residual_blocks(Builder& b, const std::string& name, TensorId x, int64_t count) {
  for (int64_t i = 0; i < count; i++) x = residual_block(b, fmt::format("{}.{}", name, i), x);
  return x;
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

TensorId build_gain(Builder& b, const NetworkConfig&, TensorId x) {
  x = b.input(x);
  for (int i = 0; i < 4; i++)
    x = b.conv(fmt::format("global.{}", i), x, {.filters = kGlobalWidths[i], .stride = 2});
  x = b.global_pool("global.pool", x);
  x = b.dense("global.hidden", x, 64, true);
  // Zeros: training starts with a gain of one.
  return b.bounded_gain("global.gain", b.dense("global.output", x, 3, false, 0.0));
}

TensorId build_body(Builder& b, const NetworkConfig& config, TensorId x, TensorId told) {
  if (config.kind == NetworkKind::fc) return build_fc(b, config, x);
  if (config.kind == NetworkKind::mlp) return build_mlp(b, config, x);
  if (config.kind == NetworkKind::conv) return build_conv(b, config, x);
  const bool shrinks = config.stem == 2;
  std::vector<TensorId> skips;
  if (config.noise_input) {
    x = b.conv("head", b.input(b.noise_input("seen", x, told)),
               {.filters = config.width, .relu = false});
  } else {
    x = b.conv("head", b.input(x),
               {.filters = config.width,
                .kernel = shrinks ? kStemKernel : 3,
                .stride = shrinks ? 2 : 1,
                .relu = false});
  }
  for (int64_t level = 0; level < config.levels - 1; level++) {
    x = residual_blocks(b, fmt::format("encoder.{}", level), x, config.blocks);
    skips.push_back(x);
    x = b.conv(fmt::format("down.{}", level), x,
               {.filters = config.width << (level + 1),
                .kernel = 2,
                .stride = 2,
                .pad = 0,
                .relu = false});
  }
  x = residual_blocks(b, "middle", x, config.blocks);
  for (int64_t level = config.levels - 2; level >= 0; level--) {
    x = b.transposed_conv(fmt::format("up.{}", level), x,
                          {.filters = config.width << level,
                           .addend = config.skips ? skips[static_cast<size_t>(level)] : kNoTensor});
    x = residual_blocks(b, fmt::format("decoder.{}", level), x, config.blocks);
  }
  const double gain = config.residual ? 0.1 : 1.0;
  if (shrinks)
    return b.transposed_conv("tail", x, {.filters = 3, .kernel = kStemKernel, .gain = gain});
  return b.conv("tail", x, {.filters = 3, .relu = false, .gain = gain});
}

NetworkOutput build_network(Builder& b, const NetworkConfig& config, TensorId x, TensorId told) {
  NetworkOutput output;
  // The global path first: its backward steps then come last, and its gradient buffers are small.
  if (config.kind == NetworkKind::unet && config.global) output.gain = build_gain(b, config, x);
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
