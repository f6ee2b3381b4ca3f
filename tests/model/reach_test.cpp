// What a network's layers say of how far it sees, against what it sees: a picture that is black but
// for one pixel, through weights that are all positive. Then exactly those outputs are not zero
// that see the pixel: nothing cancels, and no ReLU stops anything.
#include "model/reach.h"

#include <gtest/gtest.h>

#include "model/network.h"
#include "runtime/error.h"
#include "runtime/executor.h"
#include "runtime/memory.h"

namespace dae::test {
namespace {

using Layers = std::function<TensorId(Builder&, TensorId x)>;

// A network on a square picture, on the CPU.
class Seen {
 public:
  Seen(const Layers& layers, int64_t side) : side_(side) {
    Plan plan;
    ParameterSet parameters;
    Builder builder(Device::cpu, plan, parameters, false);
    x_ = plan.external("x", {1, side, side, 3});
    y_ = layers(builder, x_);
    reach = builder.reach(y_);
    const Layout layout = lay_out(plan, true);
    arena_ = Buffer(Device::cpu, layout.bytes);
    executor_ = std::make_unique<Executor>(plan, layout);
    executor_->attach(arena_.data(), arena_.bytes());
    // An average of what a layer reads: no number grows beyond what f32 holds.
    weights_.resize(static_cast<size_t>(parameters.count()));
    for (const Parameter& p : parameters.list())
      if (p.name.ends_with(".weight"))
        std::fill_n(&weights_[static_cast<size_t>(p.offset)], p.shape.count(),
                    static_cast<float>(p.shape[0]) / static_cast<float>(p.shape.count()));
    executor_->bind(builder.weights(), weights_.data());
    picture_.resize(static_cast<size_t>(plan.view(x_).count()));
    executor_->bind(x_, picture_.data());
    if (const TensorId told = plan.find_if_any("told"); told != kNoTensor)
      executor_->bind(told, &told_);
  }

  // Whether the positions of the column that holds pixel (at, at) see it, from the first row on.
  std::vector<bool> who_sees(int64_t at) {
    // Far beyond what the smallest of shares divides it by: f32 has room for both.
    float* const pixel = &picture_[static_cast<size_t>((at * side_ + at) * 3)];
    *pixel = 1e30f;
    executor_->run(Queue{});
    *pixel = 0;
    const Tensor& y = executor_->tensors()[y_];
    const int64_t rows = y.shape[1], channels = y.shape[3], column = at * rows / side_;
    std::vector<bool> sees;
    for (int64_t row = 0; row < rows; row++)
      sees.push_back(y.as<const float>()[(row * rows + column) * channels] != 0);
    return sees;
  }

  Reach reach;

 private:
  int64_t side_;
  TensorId x_, y_;
  Buffer arena_;
  std::unique_ptr<Executor> executor_;
  std::vector<float> weights_, picture_;
  float told_ = 0;
};

// Of the pixels around the middle, where borders are out of sight, each of a period.
void expect_seen_as_said(const Layers& layers, int64_t side) {
  Seen seen(layers, side);
  for (int64_t pixel = side / 2; pixel < side / 2 + 8; pixel++) {
    const std::vector<bool> sees = seen.who_sees(pixel);
    for (size_t row = 0; row < sees.size(); row++) {
      const Reach::Interval said = seen.reach.of(static_cast<int64_t>(row));
      EXPECT_EQ(sees[row], said.first <= pixel && pixel <= said.last)
          << "position " << row << ", pixel " << pixel;
    }
  }
}

// Fewer than 32 channels, or Winograd's sums leave a trace beyond what an output depends on.
NetworkConfig unet_of(int64_t blocks, bool skips) {
  return {.width = 2, .blocks = blocks, .skips = skips};
}

TEST(Reach, OfNetworksIsWhatTheySee) {
  for (const auto& [config, radius] :
       {std::pair{NetworkConfig{.kind = NetworkKind::conv, .latent = 512}, 23},
        {unet_of(1, true), 53},
        {unet_of(1, false), 53},
        {unet_of(2, true), 97},
        {{.width = 2, .blocks = 1, .levels = 3, .stem = 2}, 49},
        {{.width = 2, .blocks = 2, .levels = 2, .stem = 1}, 19},
        {{.width = 2, .blocks = 1, .levels = 2, .stem = 2, .noise_input = true}, 22}}) {
    SCOPED_TRACE(fmt::format("{}, {} blocks, {} levels, stem {}, skips {}, noise input {}",
                             name_of(config.kind), config.blocks, config.levels, config.stem,
                             config.skips, config.noise_input));
    EXPECT_EQ(receptive_radius(config), radius);
    // Told 0, which the weights make nothing of.
    expect_seen_as_said(
        [&](Builder& b, TensorId x) {
          return build_body(b, config, x, declare_told(b.plan(), config, 1));
        },
        (2 * radius + 32) / 8 * 8);
  }
}

TEST(Reach, OfOddLayersIsWhatTheySee) {
  const std::vector<Layers> networks = {
      [](Builder& b, TensorId x) {
        return b.conv("patches", x, {.filters = 2, .kernel = 4, .stride = 4, .pad = 0});
      },
      [](Builder& b, TensorId x) { return b.upconv("finer", x, 2); },
      [](Builder& b, TensorId x) {
        x = b.transposed_conv("finer", b.upconv("fine", x, 2), {.filters = 2});
        return b.conv("coarser", x, {.filters = 2, .kernel = 3, .stride = 2});
      },
      [](Builder& b, TensorId x) {  // a sum of maps whose patterns repeat at different distances
        const TensorId wide = b.conv("wide", x, {.filters = 2, .kernel = 5, .pad = 2});
        const TensorId coarse =
            b.conv("coarse", x, {.filters = 2, .kernel = 2, .stride = 2, .pad = 0});
        return b.transposed_conv("up", coarse, {.filters = 2, .addend = wide});
      }};
  for (const Layers& layers : networks) expect_seen_as_said(layers, 64);
}

TEST(Reach, RadiusIsThatOfTheWorstPosition) {
  const Reach halved = Reach().convolved(2, 2, 0);
  EXPECT_EQ(Reach().convolved(3, 1, 1).radius(), 1);
  EXPECT_EQ(halved.transposed(2, 2, 0).radius(), 1) << "the other half of a coarse pixel";
  EXPECT_EQ(halved.transposed(2, 2, 0).joined(Reach().convolved(7, 1, 3)).radius(), 3);
  EXPECT_THROW(halved.radius(), Error);
  EXPECT_THROW(halved.joined(Reach()), Error);
  EXPECT_TRUE(halved.joined(Reach::all()).is_all());
  EXPECT_TRUE(Reach::all().convolved(3, 1, 1).transposed(2, 2, 0).is_all());
  EXPECT_THROW(Reach::all().radius(), Error);
}

TEST(Reach, DenseLayersAndPoolsSeeAll) {
  Plan plan;
  ParameterSet parameters;
  Builder b(Device::cpu, plan, parameters, false);
  const TensorId x = plan.external("x", {1, 64, 64, 3});
  EXPECT_TRUE(b.reach(build_gain(b, x)).is_all());
  for (const NetworkKind kind : {NetworkKind::fc, NetworkKind::mlp}) {
    Plan its;
    ParameterSet its_parameters;
    Builder builder(Device::cpu, its, its_parameters, false);
    const TensorId picture = its.external("x", {1, 64, 64, 3});
    EXPECT_TRUE(builder.reach(build_body(builder, {.kind = kind}, picture)).is_all());
  }
}

}  // namespace
}  // namespace dae::test
