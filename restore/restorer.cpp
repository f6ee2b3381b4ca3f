#include "restore/restorer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "model/output_stage.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/reflect.h"

namespace dae {
namespace {

constexpr int64_t kGrid = 8;           // networks halve the size three times
constexpr int64_t kLargestTile = 768;  // about 1 GiB of arena at width 32
constexpr int64_t kGainBatch = 16;

int64_t round_up(int64_t value, int64_t step) {
  return (value + step - 1) / step * step;
}

// Copies the window of `picture` that starts at (top, left), which may lie outside, to `to`.
void copy_window(FloatView picture, int64_t top, int64_t left, int64_t rows, int64_t columns,
                 float* to) {
  for (int64_t i = 0; i < rows; i++) {
    const float* const row = picture.data + reflect(top + i, picture.height) * picture.width * 3;
    for (int64_t j = 0; j < columns; j++, to += 3)
      std::memcpy(to, row + reflect(left + j, picture.width) * 3, 3 * sizeof(float));
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

// Tells the caller how far the windows of a picture are.
class Progress {
 public:
  Progress(const RestoreOptions& options, size_t windows) : options_(options), windows_(windows) {}
  void advance() {
    done_++;
    if (options_.progress &&
        !options_.progress(static_cast<double>(done_) / static_cast<double>(windows_)))
      throw Cancelled("the restoration was cancelled");
  }

 private:
  const RestoreOptions& options_;
  size_t windows_, done_ = 0;
};

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

// The network on pictures of one shape: y is the restoration, or their gain.
struct Restorer::Pass {
  Shape shape;
  TensorId x, y, gain, weights;
  Program program;

  void run(const std::vector<float>& from, std::vector<float>& to) {
    program.write(x, from.data());
    program.run();
    program.read(y, to.data());
  }
};

Restorer::Restorer(Device device, const NetworkConfig& config, const ParameterSet& parameters,
                   const float* weights, size_t memory)
    : device_(device),
      config_(config),
      parameters_(parameters),
      weights_(device, static_cast<size_t>(parameters.count()) * sizeof(float)) {
  copy_between_devices(weights_.data(), weights, weights_.bytes());
  largest_tile_ = tile_for(memory);
}

Restorer::~Restorer() = default;

Restorer::Pass Restorer::plan_pass(const Shape& shape, bool gain_only) {
  Plan plan;
  Builder builder(device_, plan, parameters_, false, config_.dtype);
  const TensorId x = plan.external("x", shape);
  TensorId y = kNoTensor;
  NetworkOutput network;
  if (gain_only) {
    y = build_gain(builder, config_, x);
    plan.keep(y);
  } else {
    if (has_gain()) network.gain = plan.external("gain", {shape[0], 3});
    network.values = build_body(builder, config_, x);
    y = plan.external("y", shape);
    output_stage(config_, network, x)->add_restoration(builder, y);
  }
  return {shape, x, y, network.gain, builder.weights(), Program(device_, std::move(plan))};
}

// What a pass takes of the device's memory beside the weights.
size_t Restorer::bytes_of(const Shape& x, bool gain_only) {
  const Program program = plan_pass(x, gain_only).program;
  return program.layout().bytes + program.plan().bytes(Role::batch);
}

// The side of tiles that `memory` bytes allow; never below three overlaps, or a tile would keep
// less than it reads again. Planning on a GPU times engines, so what cannot fit is not planned:
// memory grows with the square of the side.
int64_t Restorer::tile_for(size_t memory) {
  const int64_t least = has_one_size(config_)
                            ? config_.size
                            : round_up(3 * round_up(receptive_radius(config_), kGrid), kGrid);
  const int64_t most = has_one_size(config_) ? config_.size : std::max(kLargestTile, least);
  if (memory == 0) return most;
  const size_t gain = has_gain() ? bytes_of({kGainBatch, config_.size, config_.size, 3}, true) : 0;
  const size_t smallest = bytes_of({1, least, least, 3}, false);
  if (gain + smallest > memory)
    fail_field("memory", "of {} is too little: this network needs {}", show_bytes(memory),
               show_bytes(gain + smallest));
  const double growth = std::sqrt(double(memory - gain) / double(smallest));
  for (int64_t side = std::min(most, static_cast<int64_t>(double(least) * growth) / kGrid * kGrid);
       side > least; side = side * 7 / 8 / kGrid * kGrid)
    try {
      if (gain + bytes_of({1, side, side, 3}, false) <= memory) return side;
    } catch (const OutOfMemory&) {  // what is free is less than what was allowed
    }
  return least;
}

bool Restorer::has_gain() const {
  return config_.kind == NetworkKind::unet && config_.global;
}

// One pass of each kind is kept, a picture's tiles and its gain, so that memory does not grow.
Restorer::Pass& Restorer::pass_for(const Shape& x, bool gain_only) {
  std::unique_ptr<Pass>& kept = gain_only ? gain_pass_ : tile_pass_;
  if (kept && kept->shape == x) return *kept;
  kept.reset();
  kept = std::make_unique<Pass>(plan_pass(x, gain_only));
  kept->program.bind(kept->weights, weights_.data());
  kept->program.allocate();
  return *kept;
}

std::vector<float> Restorer::picture_gain(FloatView picture) {
  const int64_t height = picture.height, width = picture.width;
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
    pass.run(batch, gains);
    for (int64_t i = 0; i < 3 * in_batch; i++) log_sum[i % 3] += std::log(double{gains[i]});
    crops += in_batch;
    in_batch = 0;
  };
  for (const int64_t top : spread(height))
    for (const int64_t left : spread(width)) {
      copy_window(picture, top, left, s, s, &batch[in_batch * s * s * 3]);
      if (++in_batch == kGainBatch) flush();
    }
  flush();
  std::vector<float> gain(3);
  for (int c = 0; c < 3; c++) gain[c] = static_cast<float>(std::exp(log_sum[c] / crops));
  return gain;
}

std::vector<float> Restorer::restore_tiled(FloatView picture, const RestoreOptions& options) {
  const int64_t height = picture.height, width = picture.width;
  const int64_t padded_height = round_up(height, kGrid), padded_width = round_up(width, kGrid);
  const int64_t overlap = round_up(receptive_radius(config_), kGrid);
  const int64_t rows = std::min(padded_height, largest_tile_),
                columns = std::min(padded_width, largest_tile_);
  Pass& pass = pass_for({1, rows, columns, 3}, false);
  if (pass.gain != kNoTensor) {
    const std::vector<float> gain = picture_gain(picture);
    pass.program.write(pass.gain, gain.data());
  }

  std::vector<float> restored(static_cast<size_t>(picture.count()));
  std::vector<float> tile(static_cast<size_t>(rows * columns * 3));
  const std::vector<int64_t> tops = window_starts(padded_height, rows, rows - 2 * overlap);
  const std::vector<int64_t> lefts = window_starts(padded_width, columns, columns - 2 * overlap);
  Progress progress(options, tops.size() * lefts.size());
  for (const int64_t top : tops)
    for (const int64_t left : lefts) {
      copy_window(picture, top, left, rows, columns, tile.data());
      pass.run(tile, tile);
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
      progress.advance();
    }
  return restored;
}

std::vector<float> Restorer::restore_crops(FloatView picture, const RestoreOptions& options) {
  const int64_t height = picture.height, width = picture.width;
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
  Progress progress(options, tops.size() * lefts.size());
  for (const int64_t top : tops)
    for (const int64_t left : lefts) {
      copy_window(picture, top, left, s, s, input.data());
      Crop crop{top, left, {}, std::vector<float>(input.size())};
      pass.run(input, crop.pixels);
      fit_gain(input.data(), crop.pixels.data(), s * s, crop.gain);
      for (int c = 0; c < 3; c++) log_sum[c] += std::log(crop.gain[c]);
      crops.push_back(std::move(crop));
      progress.advance();
    }

  // Raised cosine, never quite zero, so that corners seen by one crop alone are defined.
  std::vector<float> window(static_cast<size_t>(s));
  for (int64_t i = 0; i < s; i++)
    window[i] =
        static_cast<float>(0.501 - 0.5 * std::cos(2 * std::numbers::pi * (i + 0.5) / double(s)));
  std::vector<float> sum(static_cast<size_t>(picture.count())), weight(sum.size() / 3);
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

std::vector<float> Restorer::restore(FloatView picture, const RestoreOptions& options) {
  std::vector<float> restored =
      has_one_size(config_) ? restore_crops(picture, options) : restore_tiled(picture, options);
  if (options.keep_colour) {
    double gain[3];
    fit_gain(picture.data, restored.data(), picture.height * picture.width, gain);
    for (size_t i = 0; i < restored.size(); i++)
      restored[i] = static_cast<float>(restored[i] / gain[i % 3]);
  }
  return restored;
}

}  // namespace dae
