#include "restore/restorer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "corrupt/spec.h"
#include "model/output_stage.h"
#include "restore/noise_level.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/field.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

constexpr int64_t kLargestTile = 768;  // about 1 GiB of arena at width 32
constexpr int64_t kGainBatch = 16;
constexpr int64_t kNoiseWindow = 128, kNoiseWindows = 3;
constexpr int kNoisePasses = 4;

// Starts of windows of `window` pixels that cover `length`, stepping by `step` where they can; the
// last one ends where the picture ends.
std::vector<int64_t> window_starts(int64_t length, int64_t window, int64_t step) {
  std::vector<int64_t> starts = {0};
  while (starts.back() + window < length)
    starts.push_back(std::min(starts.back() + step, length - window));
  return starts;
}

// Starts of at most `most` windows along a side, evenly spread; one where it covers the side, in its
// middle.
std::vector<int64_t> spread(int64_t length, int64_t window, int64_t most) {
  const int64_t count = std::clamp<int64_t>(ceil_div(length, window), 1, most);
  if (count == 1) return {std::min<int64_t>(0, (length - window) / 2)};
  std::vector<int64_t> starts;
  for (int64_t i = 0; i < count; i++) starts.push_back(i * (length - window) / (count - 1));
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

// The factor a channel between two pictures that are told row by row: the ratio of their sums. Noise
// does not move it, as it does least squares, whose sum of squares holds the noise's, too. A black
// picture has one.
class MeanGain {
 public:
  // Whole pixels of both.
  void add(const float* given, const float* found, size_t count) {
    for (size_t i = 0; i < count; i++) {
      given_[i % 3] += given[i];
      found_[i % 3] += found[i];
    }
  }
  double of(int channel) const {
    const double given = given_[channel], found = found_[channel];
    return given > 0 && found > 0 ? std::clamp(found / given, 1e-3, 1e3) : 1;
  }

 private:
  double given_[3] = {1e-6, 1e-6, 1e-6}, found_[3] = {1e-6, 1e-6, 1e-6};
};

// One of the square's eight symmetries of `from`, n x n pixels: bits 0 and 1 turn rows and columns
// round, bit 2 exchanges them first. Its own inverse, but for 5 and 6, which are each other's.
void turn(const std::vector<float>& from, int64_t n, int symmetry, std::vector<float>& to) {
  for (int64_t y = 0; y < n; y++)
    for (int64_t x = 0; x < n; x++) {
      int64_t row = symmetry & 1 ? n - 1 - y : y, column = symmetry & 2 ? n - 1 - x : x;
      if (symmetry & 4) std::swap(row, column);
      std::memcpy(&to[static_cast<size_t>((y * n + x) * 3)],
                  &from[static_cast<size_t>((row * n + column) * 3)], 3 * sizeof(float));
    }
}

}  // namespace

// The network on pictures of one shape: y is the restoration, or their gain.
struct Restorer::Pass {
  Shape shape;
  TensorId x, y, gain, told, weights;
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
  TensorId y = kNoTensor, told = kNoTensor;
  NetworkOutput network;
  if (gain_only) {
    y = build_gain(builder, x);
    plan.keep(y);
  } else {
    if (has_gain(config_)) network.gain = plan.external("gain", {shape[0], 3});
    told = declare_told(plan, config_, shape[0]);
    network.values = build_body(builder, config_, x, told);
    y = plan.external("y", shape);
    output_stage(config_, network, x)->add_restoration(builder, y);
  }
  return {shape, x, y, network.gain, told, builder.weights(), Program(device_, std::move(plan))};
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
  const int64_t grid = grid_of(config_);
  const int64_t least = has_one_size(config_)
                            ? config_.size
                            : round_up(3 * round_up(receptive_radius(config_), grid), grid);
  const int64_t most = has_one_size(config_) ? config_.size : std::max(kLargestTile, least);
  if (memory == 0) return most;
  size_t others = 0;  // the passes that are kept beside the one of tiles
  if (has_gain(config_)) others += bytes_of({kGainBatch, config_.size, config_.size, 3}, true);
  if (config_.noise_input) others += bytes_of(noise_window(), false);
  const size_t smallest = bytes_of({1, least, least, 3}, false);
  if (others + smallest > memory)
    fail_field("memory", "of {} is too little: this network needs {}", show_bytes(memory),
               show_enough(others + smallest));
  const double growth = std::sqrt(double(memory - others) / double(smallest));
  for (int64_t side = std::min(most, static_cast<int64_t>(double(least) * growth) / grid * grid);
       side > least; side = side * 7 / 8 / grid * grid)
    try {
      if (others + bytes_of({1, side, side, 3}, false) <= memory) return side;
    } catch (const OutOfMemory&) {  // what is free is less than what was allowed
    }
  return least;
}

// One pass of each kind is kept, so that memory does not grow.
Restorer::Pass& Restorer::pass_for(std::unique_ptr<Pass>& kept, const Shape& x, bool gain_only) {
  if (kept && kept->shape == x) return *kept;
  kept.reset();
  kept = std::make_unique<Pass>(plan_pass(x, gain_only));
  kept->program.bind(kept->weights, weights_.data());
  kept->program.allocate();
  return *kept;
}

// A network with a noise input, how noisy the picture is.
void Restorer::tell(Pass& pass, double noise) {
  const std::vector<float> told(static_cast<size_t>(pass.shape[0]),
                                static_cast<float>(noise / 255));
  pass.program.write(pass.told, told.data());
}

Shape Restorer::noise_window() const {
  const int64_t side = round_up(kNoiseWindow, grid_of(config_));
  return {1, side, side, 3};
}

std::vector<float> Restorer::picture_gain(const Samples& picture) {
  const int64_t height = picture.height, width = picture.width;
  const int64_t s = config_.size;
  Pass& pass = pass_for(gain_pass_, {kGainBatch, s, s, 3}, true);
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
  for (const int64_t top : spread(height, s, kGainCrops))
    for (const int64_t left : spread(width, s, kGainCrops)) {
      read_window(picture, top, left, s, s, &batch[in_batch * s * s * 3]);
      if (++in_batch == kGainBatch) flush();
    }
  flush();
  std::vector<float> gain(3);
  for (int c = 0; c < 3; c++) gain[c] = static_cast<float>(std::exp(log_sum[c] / crops));
  return gain;
}

// The tile restored in place; `best`: the mean over the eight symmetries of the square.
void Restorer::run_tile(Pass& pass, std::vector<float>& tile, bool best) {
  if (!best) return pass.run(tile, tile);
  const int64_t n = pass.shape[1];
  std::vector<float> turned(tile.size()), back(tile.size()), sum(tile.size());
  for (int symmetry = 0; symmetry < 8; symmetry++) {
    turn(tile, n, symmetry, turned);
    pass.run(turned, turned);
    turn(turned, n, symmetry == 5 ? 6 : symmetry == 6 ? 5 : symmetry, back);
    for (size_t i = 0; i < sum.size(); i++) sum[i] += back[i];
  }
  for (size_t i = 0; i < sum.size(); i++) tile[i] = sum[i] / 8;
}

void Restorer::restore_tiled(const Samples& picture, const MutableSamples& restored,
                             const RestoreOptions& options) {
  const int64_t height = picture.height, width = picture.width, grid = grid_of(config_);
  const int64_t padded_height = round_up(height, grid), padded_width = round_up(width, grid);
  const int64_t overlap = round_up(receptive_radius(config_), grid);
  int64_t rows = std::min(padded_height, largest_tile_),
          columns = std::min(padded_width, largest_tile_);
  if (options.best) rows = columns = std::max(rows, columns);  // a square can be turned
  Pass& pass = pass_for(tile_pass_, {1, rows, columns, 3});
  if (config_.noise_input) tell(pass, *options.noise);
  if (pass.gain != kNoTensor) {
    const std::vector<float> gain = picture_gain(picture);
    pass.program.write(pass.gain, gain.data());
  }

  std::vector<float> tile(static_cast<size_t>(rows * columns * 3));
  const std::vector<int64_t> tops = window_starts(padded_height, rows, rows - 2 * overlap);
  const std::vector<int64_t> lefts = window_starts(padded_width, columns, columns - 2 * overlap);
  Progress progress(options, tops.size() * lefts.size());
  for (const int64_t top : tops)
    for (const int64_t left : lefts) {
      read_window(picture, top, left, rows, columns, tile.data());
      run_tile(pass, tile, options.best);
      // Tiles to the right and below write their part of the overlap later; what all of them keep
      // has its whole receptive field inside its tile.
      const int64_t first_row = top == 0 ? 0 : overlap, first_column = left == 0 ? 0 : overlap;
      const int64_t last_row = std::min(rows, height - top);
      const int64_t last_column = std::min(columns, width - left);
      if (first_row < last_row && first_column < last_column)
        write_window(restored, top + first_row, left + first_column, last_row - first_row,
                     last_column - first_column,
                     &tile[static_cast<size_t>((first_row * columns + first_column) * 3)], columns);
      progress.advance();
    }
}

std::vector<float> Restorer::restore_crops(const Samples& picture, const RestoreOptions& options) {
  const int64_t height = picture.height, width = picture.width;
  const int64_t s = config_.size;
  Pass& pass = pass_for(tile_pass_, {1, s, s, 3});
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
      read_window(picture, top, left, s, s, input.data());
      Crop crop{top, left, {}, input};
      run_tile(pass, crop.pixels, options.best);
      MeanGain gain;
      gain.add(input.data(), crop.pixels.data(), input.size());
      for (int c = 0; c < 3; c++) {
        crop.gain[c] = gain.of(c);
        log_sum[c] += std::log(crop.gain[c]);
      }
      crops.push_back(std::move(crop));
      progress.advance();
    }

  // Raised cosine, never quite zero, so that corners seen by one crop alone are defined.
  std::vector<float> window(static_cast<size_t>(s));
  for (int64_t i = 0; i < s; i++)
    window[i] =
        static_cast<float>(0.501 - 0.5 * std::cos(2 * std::numbers::pi * (i + 0.5) / double(s)));
  std::vector<float> sum(static_cast<size_t>(height * width * 3)), weight(sum.size() / 3);
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

void Restorer::restore(const Samples& picture, const MutableSamples& restored,
                       const RestoreOptions& options) {
  if (options.noise && !config_.noise_input)
    fail_field("noise", "{:g}: this network has no noise input", *options.noise);
  if (options.noise) check_field("noise", *options.noise, 0, kMaxNoise);
  if (!config_.noise_input) return restore_told(picture, restored, options);
  RestoreOptions told = options;
  if (!told.noise) told.noise = noise_of(picture);
  if (*told.noise >= kNoiseOfRounding) return restore_told(picture, restored, told);
  std::vector<float> row(static_cast<size_t>(3 * picture.width));
  Progress progress(options, 1);
  for (int64_t y = 0; y < picture.height; y++) {
    read_window(picture, y, 0, 1, picture.width, row.data());
    write_window(restored, y, 0, 1, picture.width, row.data(), picture.width);
  }
  progress.advance();
}

// A network with a noise input is told the options' noise.
void Restorer::restore_told(const Samples& picture, const MutableSamples& restored,
                            const RestoreOptions& options) {
  if (!has_one_size(config_) && !options.keep_colour)
    return restore_tiled(picture, restored, options);
  // What is known of the whole result only when it is there: as floats first.
  const int64_t height = picture.height, width = picture.width;
  std::vector<float> whole;
  if (has_one_size(config_)) {
    whole = restore_crops(picture, options);
  } else {
    whole.resize(static_cast<size_t>(height * width * 3));
    restore_tiled(picture, {whole.data(), SampleType::f32, 3, height, width}, options);
  }
  if (options.keep_colour) {
    std::vector<float> row(static_cast<size_t>(width * 3));
    MeanGain gain;
    for (int64_t y = 0; y < height; y++) {
      read_window(picture, y, 0, 1, width, row.data());
      gain.add(row.data(), &whole[static_cast<size_t>(y * width * 3)], row.size());
    }
    const double divisor[3] = {gain.of(0), gain.of(1), gain.of(2)};
    for (size_t i = 0; i < whole.size(); i++)
      whole[i] = static_cast<float>(whole[i] / divisor[i % 3]);
  }
  write_window(restored, 0, 0, height, width, whole.data(), width);
}

// A network that is told of more noise than there is takes more away than there is, and less the other
// way: told what it took away itself, it comes to the truth. From above: noise that files and cameras have
// changed has more than one such end, and the highest is the better picture (models/README.md).
double Restorer::noise_of(const Samples& picture) {
  if (!config_.noise_input) fail_field("noise", "cannot be found: this network has no noise input");
  const Shape shape = noise_window();
  const int64_t side = shape[1];
  const auto elements = static_cast<size_t>(3 * side * side);
  std::vector<float> given, seen;
  for (const int64_t top : spread(picture.height, side, kNoiseWindows))
    for (const int64_t left : spread(picture.width, side, kNoiseWindows)) {
      const size_t at = given.size();
      given.resize(at + elements);
      read_window(picture, top, left, side, side, &given[at]);
      seen.insert(seen.end(), given.begin() + static_cast<std::ptrdiff_t>(at), given.end());
      mark_hidden(picture, top, left, side, side, &seen[at]);
    }
  double noise = 255 * noise_by_planes(seen, side);
  if (noise == 0) return 0;  // nothing to look at, or nothing there
  Pass& pass = pass_for(noise_pass_, shape);
  std::vector<float> found(given.size()), window(elements);
  for (int again = 0; again < kNoisePasses; again++) {
    tell(pass, std::min<double>(noise, kMaxNoise));
    for (size_t first = 0; first < given.size(); first += elements) {
      std::copy_n(&given[first], elements, window.data());
      pass.run(window, window);
      std::copy_n(window.data(), elements, &found[first]);
    }
    noise = 255 * noise_by_restoration(seen, found, side);
  }
  return noise;
}

std::vector<float> Restorer::restore(FloatView picture, const RestoreOptions& options) {
  std::vector<float> restored(static_cast<size_t>(picture.count()));
  restore({picture.data, SampleType::f32, 3, picture.height, picture.width},
          {restored.data(), SampleType::f32, 3, picture.height, picture.width}, options);
  return restored;
}

}  // namespace dae
