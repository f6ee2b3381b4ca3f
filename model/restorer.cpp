#include "model/restorer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "model/training_plan.h"
#include "runtime/device.h"
#include "runtime/reflect.h"

namespace dae {
namespace {

constexpr int64_t kGrid = 8;           // networks halve the size three times
constexpr int64_t kLargestTile = 768;  // about 1 GiB of arena at width 32
constexpr int64_t kGainBatch = 16;
constexpr size_t kPasses = 2;  // a picture's tiles and its gain

int64_t round_up(int64_t value, int64_t step) {
  return (value + step - 1) / step * step;
}

// Copies the window of `picture` that starts at (top, left), which may lie outside, to `to`.
void copy_window(const std::vector<float>& picture, int64_t height, int64_t width, int64_t top,
                 int64_t left, int64_t rows, int64_t columns, float* to) {
  for (int64_t i = 0; i < rows; i++) {
    const float* const row = &picture[reflect(top + i, height) * width * 3];
    for (int64_t j = 0; j < columns; j++, to += 3)
      std::memcpy(to, row + reflect(left + j, width) * 3, 3 * sizeof(float));
  }
}

// Starts of windows of `window` pixels that cover `length`, stepping by `step` where they can; the
// last one ends where the picture ends.
std::vector<int64_t> window_starts(int64_t length, int64_t window, int64_t step) {
  std::vector<int64_t> starts = {0};
  while (starts.back() + window < length)
    starts.push_back(std::min(starts.back() + step, length - window));
  return starts;
}

// The factor a channel that fits `restored` to `input` best: sum(in out) / sum(in in).
void fit_gain(const float* input, const float* restored, int64_t pixels, double gain[3]) {
  for (int c = 0; c < 3; c++) {
    double cross = 1e-6, square = 1e-6;  // a black picture has gain one
    for (int64_t i = c; i < 3 * pixels; i += 3) {
      cross += double{input[i]} * restored[i];
      square += double{input[i]} * input[i];
    }
    gain[c] = std::max(cross / square, 1e-3);
  }
}

}  // namespace

struct Restorer::Pass {
  Shape shape;
  bool gain_only;
  TensorId x, y, gain = kNoTensor;
  Buffer arena, input, output, gains;
  std::unique_ptr<Executor> executor;
};

Restorer::Restorer(Device device, const NetworkConfig& config, const ParameterSet& parameters,
                   const float* weights)
    : device_(device),
      config_(config),
      parameters_(parameters),
      weights_(device, static_cast<size_t>(parameters.count()) * sizeof(float)) {
  copy_between_devices(weights_.data(), weights, weights_.bytes());
}

Restorer::~Restorer() = default;

Restorer::Pass& Restorer::pass_for(const Shape& x, bool gain_only) {
  for (auto pass = passes_.begin(); pass != passes_.end(); ++pass)
    if ((*pass)->shape == x && (*pass)->gain_only == gain_only) {
      std::rotate(pass, pass + 1, passes_.end());
      return *passes_.back();
    }
  if (passes_.size() == kPasses) passes_.erase(passes_.begin());
  auto pass = std::make_unique<Pass>();
  pass->shape = x;
  pass->gain_only = gain_only;
  Plan plan;
  Builder builder(device_, plan, parameters_, false, config_.dtype);
  pass->x = plan.external("x", x);
  if (gain_only) {
    pass->y = build_gain(builder, config_, pass->x);
  } else {
    NetworkOutput network;
    if (config_.kind == NetworkKind::unet && config_.global)
      network.gain = pass->gain = plan.external("gain", {x[0], 3});
    network.values = build_body(builder, config_, pass->x);
    pass->y = plan.external("y", x);
    add_restoration(builder, config_, network, pass->x, pass->y);
  }
  const Layout layout = lay_out(plan, true);
  pass->arena = Buffer(device_, layout.bytes);
  pass->executor = std::make_unique<Executor>(plan, layout);
  pass->executor->attach(pass->arena.data(), pass->arena.bytes());
  pass->input = Buffer(device_, plan.view(pass->x).bytes());
  pass->executor->bind(builder.weights(), weights_.data());
  pass->executor->bind(pass->x, pass->input.data());
  if (!gain_only) {
    pass->output = Buffer(device_, plan.view(pass->y).bytes());
    pass->executor->bind(pass->y, pass->output.data());
  }
  if (pass->gain != kNoTensor) {
    pass->gains = Buffer(device_, plan.view(pass->gain).bytes());
    pass->executor->bind(pass->gain, pass->gains.data());
  }
  passes_.push_back(std::move(pass));
  return *passes_.back();
}

std::vector<float> Restorer::picture_gain(const std::vector<float>& picture, int64_t height,
                                          int64_t width) {
  const int64_t s = config_.size;
  const auto spread = [&](int64_t length) {
    // At most 8 crops along a side, evenly spread, at most one where one covers the picture.
    const int64_t crops = std::clamp<int64_t>((length + s - 1) / s, 1, 8);
    std::vector<int64_t> starts;
    for (int64_t i = 0; i < crops; i++)
      starts.push_back(crops == 1 ? std::min<int64_t>(0, (length - s) / 2)
                                  : i * (length - s) / (crops - 1));
    return starts;
  };
  Pass& pass = pass_for({kGainBatch, s, s, 3}, true);
  std::vector<float> batch(static_cast<size_t>(kGainBatch * s * s * 3));
  std::vector<float> gains(kGainBatch * 3);
  double log_sum[3] = {0, 0, 0};
  int64_t in_batch = 0, crops = 0;
  const auto flush = [&] {
    if (in_batch == 0) return;
    copy_between_devices(pass.input.data(), batch.data(), pass.input.bytes());
    pass.executor->run(Queue{device_});
    if (device_ == Device::cuda) synchronize_device();
    copy_between_devices(gains.data(), pass.executor->tensors()[pass.y].data,
                         gains.size() * sizeof(float));
    for (int64_t i = 0; i < 3 * in_batch; i++) log_sum[i % 3] += std::log(double{gains[i]});
    crops += in_batch;
    in_batch = 0;
  };
  for (const int64_t top : spread(height))
    for (const int64_t left : spread(width)) {
      copy_window(picture, height, width, top, left, s, s, &batch[in_batch * s * s * 3]);
      if (++in_batch == kGainBatch) flush();
    }
  flush();
  std::vector<float> gain(3);
  for (int c = 0; c < 3; c++) gain[c] = static_cast<float>(std::exp(log_sum[c] / crops));
  return gain;
}

std::vector<float> Restorer::restore_tiled(const std::vector<float>& picture, int64_t height,
                                           int64_t width) {
  const int64_t padded_height = round_up(height, kGrid), padded_width = round_up(width, kGrid);
  const int64_t overlap = round_up(receptive_radius(config_), kGrid);
  const int64_t largest = std::max(kLargestTile, round_up(3 * overlap, kGrid));
  const int64_t rows = std::min(padded_height, largest), columns = std::min(padded_width, largest);
  Pass& pass = pass_for({1, rows, columns, 3}, false);
  if (pass.gain != kNoTensor) {
    const std::vector<float> gain = picture_gain(picture, height, width);
    copy_between_devices(pass.gains.data(), gain.data(), pass.gains.bytes());
  }

  std::vector<float> restored(picture.size());
  std::vector<float> tile(static_cast<size_t>(rows * columns * 3));
  for (const int64_t top : window_starts(padded_height, rows, rows - 2 * overlap))
    for (const int64_t left : window_starts(padded_width, columns, columns - 2 * overlap)) {
      copy_window(picture, height, width, top, left, rows, columns, tile.data());
      copy_between_devices(pass.input.data(), tile.data(), pass.input.bytes());
      pass.executor->run(Queue{device_});
      if (device_ == Device::cuda) synchronize_device();
      copy_between_devices(tile.data(), pass.output.data(), pass.output.bytes());
      // Tiles to the right and below write their part of the overlap later; what all of them keep
      // has its whole receptive field inside its tile.
      const int64_t first_row = top == 0 ? 0 : overlap, first_column = left == 0 ? 0 : overlap;
      const int64_t last_row = std::min(rows, height - top);
      const int64_t last_column = std::min(columns, width - left);
      for (int64_t i = first_row; i < last_row; i++)
        if (first_column < last_column)
          std::memcpy(&restored[((top + i) * width + left + first_column) * 3],
                      &tile[(i * columns + first_column) * 3],
                      static_cast<size_t>(last_column - first_column) * 3 * sizeof(float));
    }
  return restored;
}

std::vector<float> Restorer::restore_crops(const std::vector<float>& picture, int64_t height,
                                           int64_t width) {
  const int64_t s = config_.size;
  Pass& pass = pass_for({1, s, s, 3}, false);
  const std::vector<int64_t> tops = window_starts(std::max(height, s), s, s / 2);
  const std::vector<int64_t> lefts = window_starts(std::max(width, s), s, s / 2);

  struct Crop {
    int64_t top, left;
    double gain[3];
    std::vector<float> pixels;
  };
  std::vector<Crop> crops;
  std::vector<float> input(static_cast<size_t>(s * s * 3));
  double log_sum[3] = {0, 0, 0};
  for (const int64_t top : tops)
    for (const int64_t left : lefts) {
      copy_window(picture, height, width, top, left, s, s, input.data());
      copy_between_devices(pass.input.data(), input.data(), pass.input.bytes());
      pass.executor->run(Queue{device_});
      if (device_ == Device::cuda) synchronize_device();
      Crop crop{top, left, {}, std::vector<float>(input.size())};
      copy_between_devices(crop.pixels.data(), pass.output.data(), pass.output.bytes());
      fit_gain(input.data(), crop.pixels.data(), s * s, crop.gain);
      for (int c = 0; c < 3; c++) log_sum[c] += std::log(crop.gain[c]);
      crops.push_back(std::move(crop));
    }

  // Raised cosine, never quite zero, so that corners seen by one crop alone are defined.
  std::vector<float> window(static_cast<size_t>(s));
  for (int64_t i = 0; i < s; i++)
    window[i] =
        static_cast<float>(0.501 - 0.5 * std::cos(2 * std::numbers::pi * (i + 0.5) / double(s)));
  std::vector<float> sum(picture.size()), weight(picture.size() / 3);
  for (const Crop& crop : crops) {
    float scale[3];
    for (int c = 0; c < 3; c++)
      scale[c] = static_cast<float>(std::exp(log_sum[c] / double(crops.size())) / crop.gain[c]);
    for (int64_t i = 0; i < std::min(s, height - crop.top); i++)
      for (int64_t j = 0; j < std::min(s, width - crop.left); j++) {
        const int64_t pixel = (crop.top + i) * width + crop.left + j;
        const float share = window[i] * window[j];
        weight[pixel] += share;
        for (int c = 0; c < 3; c++)
          sum[pixel * 3 + c] += share * scale[c] * crop.pixels[(i * s + j) * 3 + c];
      }
  }
  for (size_t i = 0; i < sum.size(); i++) sum[i] /= weight[i / 3];
  return sum;
}

std::vector<float> Restorer::restore(const std::vector<float>& picture, int64_t height,
                                     int64_t width, bool keep_colour) {
  std::vector<float> restored = has_one_size(config_)
                                    ? restore_crops(picture, height, width)
                                    : restore_tiled(picture, height, width);
  if (keep_colour) {
    double gain[3];
    fit_gain(picture.data(), restored.data(), height * width, gain);
    for (size_t i = 0; i < restored.size(); i++)
      restored[i] = static_cast<float>(restored[i] / gain[i % 3]);
  }
  return restored;
}

}  // namespace dae
