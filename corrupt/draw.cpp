#include "corrupt/draw.h"

#include <algorithm>
#include <cmath>

#include "runtime/error.h"
#include "runtime/philox.h"

namespace dae {
namespace {

constexpr int kStreamShift = 28;

uint32_t step_and_stream(int64_t step, Stream stream) {
  if (step < 0 || step >= int64_t{1} << kStreamShift)
    fail("corruption: step {} is outside 0..2^28-1, where random numbers would repeat", step);
  return static_cast<uint32_t>(step) | static_cast<uint32_t>(stream) << kStreamShift;
}

uint32_t checked_slot(int64_t slot) {
  if (slot < 0 || slot > int64_t{UINT32_MAX})
    fail("corruption: slot {} is outside 0..2^32-1, where random numbers would repeat", slot);
  return static_cast<uint32_t>(slot);
}

PhiloxWords words(uint64_t seed, int64_t step, int64_t slot, Stream stream, uint32_t block) {
  return philox4x32({{block, 0, checked_slot(slot), step_and_stream(step, stream)}}, seed);
}

// A whole number in [0, n), n <= 2^32. One is more likely than another by at most n / 2^32.
int64_t below(uint32_t word, int64_t n) {
  return static_cast<int64_t>((uint64_t{word} * static_cast<uint64_t>(n)) >> 32);
}

// A crop's first pixel along one axis: uniform over the places where the shorter of crop and image
// lies inside the longer.
int32_t place(uint32_t word, int64_t image, int64_t crop) {
  const int64_t first = std::min<int64_t>(0, image - crop);
  return static_cast<int32_t>(first + below(word, std::abs(image - crop) + 1));
}

// In (0, 1).
double unit(uint32_t word) {
  return (word + 0.5) * 0x1p-32;
}

// One word says both whether the range applies and, within its share, where in the range.
bool applies(const Range& range, uint32_t word) {
  return range.present && unit(word) < range.share;
}

float within(const Range& range, double place) {
  return static_cast<float>(range.low + (double{range.high} - range.low) * place);
}

float uniform(const Range& range, uint32_t word, float when_absent) {
  return applies(range, word) ? within(range, unit(word) / range.share) : when_absent;
}

Degradation draw_from(const CorruptSpec& spec, uint64_t seed, int64_t step, int64_t slot,
                      Stream stream) {
  const PhiloxWords first = words(seed, step, slot, stream, 0);
  const PhiloxWords second = words(seed, step, slot, stream, 1);
  Degradation d;
  d.noise_sigma = uniform(spec.noise, first.word[0], 0) / 255.0f;
  d.shot_sigma = uniform(spec.shot, second.word[3], 0) / 255.0f;
  if (spec.grain.present || spec.common.present || spec.jpeg.present) {
    const PhiloxWords third = words(seed, step, slot, stream, 2);
    set_grain(d, uniform(spec.grain, third.word[0], 0));
    set_common(d, uniform(spec.common, third.word[1], 0));
    d.jpeg = static_cast<int32_t>(std::rint(uniform(spec.jpeg, third.word[2], 0)));
  }
  set_blur(d, uniform(spec.blur, first.word[1], 0));
  d.brightness = uniform(spec.brightness, first.word[2], 1);
  const bool coloured = applies(spec.channel, second.word[0]);  // red's word says it for all three
  for (int c = 0; c < 3; c++) {
    const double place = unit(second.word[c]) / (c == 0 ? spec.channel.share : 1);
    d.channel[c] = coloured ? within(spec.channel, place) : 1;
    d.gain[c] = d.brightness * d.channel[c];
  }
  return d;
}

// What is told is the noise of a value of one half.
Draw draw_of(const View& view, const Degradation& d, const NoiseStream& noise) {
  const float told =
      d.shot_sigma > 0
          ? std::sqrt(d.noise_sigma * d.noise_sigma + d.shot_sigma * d.shot_sigma * 0.5f)
          : d.noise_sigma;
  return {view, d, told, noise};
}

int32_t radius_of(float sigma) {
  return static_cast<int32_t>(std::ceil(3 * static_cast<double>(sigma)));
}

}  // namespace

View sample_view(uint64_t seed, int64_t step, int64_t slot, std::span<const Source> sources,
                 int32_t height, int32_t width) {
  if (sources.empty()) fail("corruption: there is no image to sample from");
  const PhiloxWords w = words(seed, step, slot, Stream::training_view, 0);
  const int64_t image = below(w.word[0], static_cast<int64_t>(sources.size()));
  const Source& source = sources[static_cast<size_t>(image)];
  if (source.height < 1 || source.width < 1)
    fail("corruption: image {} is {}x{}, without a pixel", image, source.height, source.width);
  return {image, place(w.word[1], source.height, height), place(w.word[2], source.width, width),
          (w.word[3] >> 31) != 0};
}

Degradation draw_degradation(const CorruptSpec& spec, uint64_t seed, int64_t step, int64_t slot) {
  return draw_from(spec, seed, step, slot, Stream::training_parameters);
}

Draw draw_training_of(const CorruptSpec& spec, uint64_t seed, int64_t step, int64_t slot,
                      const View& view) {
  return draw_of(view, draw_degradation(spec, seed, step, slot),
                 {seed, checked_slot(slot), step_and_stream(step, Stream::training_noise)});
}

Draw draw_training(const CorruptSpec& spec, uint64_t seed, int64_t step, int64_t slot,
                   std::span<const Source> sources, int32_t height, int32_t width) {
  Draw draw = draw_training_of(spec, seed, step, slot,
                               sample_view(seed, step, slot, sources, height, width));
  tell_of_pair(draw, sources[static_cast<size_t>(draw.view.image)], height, width);
  return draw;
}

Draw draw_evaluation(const CorruptSpec& spec, uint64_t seed, int64_t index, const View& view) {
  return draw_of(view, draw_from(spec, seed, 0, index, Stream::evaluation_parameters),
                 {seed, checked_slot(index), step_and_stream(0, Stream::evaluation_noise)});
}

void tell_of_pair(Draw& draw, const Source& source, int32_t height, int32_t width) {
  if (source.given == nullptr) return;
  const View& view = draw.view;
  const int32_t top = std::max(view.y, 0), bottom = std::min(view.y + height, source.height);
  const int32_t left = std::max(view.x, 0), right = std::min(view.x + width, source.width);
  int64_t sum = 0;
  for (int32_t y = top; y < bottom; y++) {
    const int64_t row = y * source.row_bytes;
    for (int64_t i = row + 3 * int64_t{left}; i < row + 3 * int64_t{right}; i++) {
      const int32_t difference = source.given[i] - source.pixels[i];
      sum += difference * difference;
    }
  }
  const double count = 3.0 * (bottom - top) * (right - left);
  draw.told = static_cast<float>(std::sqrt(static_cast<double>(sum) / count) / 255);
}

int32_t max_radius(const CorruptSpec& spec) {
  return spec.blur.present ? radius_of(spec.blur.high) : 0;
}

void set_blur(Degradation& degradation, float sigma) {
  if (!(sigma >= 0 && sigma <= kMaxBlur))
    fail("corruption: blur of {} pixels is outside 0..{}", sigma, kMaxBlur);
  degradation.blur_sigma = sigma;
  degradation.radius = radius_of(sigma);
  double weight[kMaxRadius + 1] = {1}, sum = 1;
  for (int k = 1; k <= degradation.radius; k++) {
    const double distance = k / static_cast<double>(sigma);
    weight[k] = std::exp(-0.5 * distance * distance);
    sum += 2 * weight[k];
  }
  for (int k = 0; k <= kMaxRadius; k++) degradation.taps[k] = static_cast<float>(weight[k] / sum);
}

void set_common(Degradation& degradation, float correlation) {
  if (!(correlation >= 0 && correlation <= 1))
    fail("corruption: a correlation of {} is outside 0..1", correlation);
  // The variance of own n + all (n_r + n_g + n_b) is own^2 + 2 own all + 3 all^2, the covariance the
  // same without own^2.
  const double own = std::sqrt(1 - double{correlation});
  degradation.mix[0] = static_cast<float>(own);
  degradation.mix[1] =
      static_cast<float>((std::sqrt(own * own + 3 * double{correlation}) - own) / 3);
}

void set_grain(Degradation& degradation, float sigma) {
  if (!(sigma >= 0 && sigma <= kMaxGrain))
    fail("corruption: grain of {} pixels is outside 0..{}", sigma, kMaxGrain);
  const double beside = sigma > 0 ? std::exp(-0.5 / (double{sigma} * sigma)) : 0;
  const double norm = std::sqrt(1 + 2 * beside * beside);
  degradation.grain[0] = static_cast<float>(1 / norm);
  degradation.grain[1] = static_cast<float>(beside / norm);
}

}  // namespace dae
