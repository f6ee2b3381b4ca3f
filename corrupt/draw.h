// What is random about one corrupted view, apart from the noise itself: which part of which image
// it shows (a View), and how it is degraded (a Degradation). Both come from Philox on the host,
// keyed by the seed, and depend on nothing but the arguments named here: any view of any step can
// be drawn again alone.
//
// Counters. Every use of Philox in the corruption has the counter
//   {word 0, word 1, slot, step + (stream << 28)}
// where `stream` says what the words are for, `slot` is the place in the batch (in evaluation: the
// index of the image) and step < 2^28 (in evaluation: 0). Words 0 and 1 count within the stream:
//   view:        block 0 = {image, y, x, flip}
//   parameters:  block 0 = {noise, blur, brightness, unused}, block 1 = {red, green, blue, shot},
//                block 2 = {grain, common, jpeg, unused}
//   noise:       word 0 = element / 4 within the row, word 1 = row (corrupt.h)
// Every parameter has a word of its own, so switching one corruption off leaves the others alone. A
// range applies where its word lies below its share of 2^32 (red's word for all three channels), and
// that part of the word is stretched over the range.
#pragma once

#include <cstdint>
#include <span>

#include "corrupt/spec.h"
#include "runtime/picture.h"

namespace dae {

// One RGB image as it lies in memory: rows of `width` interleaved 8-bit pixels. In a source table
// for the GPU, `pixels` is a device pointer.
struct Source {
  const uint8_t* pixels = nullptr;
  int64_t row_bytes = 0;  // from one row to the next, at least 3 * width
  int32_t height = 0, width = 0;
  // Another picture of the same size and rows, which is corrupted in place of this one: the noisy one
  // of a pair. nullptr: there is none.
  const uint8_t* given = nullptr;
};

inline Source source_of(ByteView picture) {
  return {picture.data, 3 * picture.width, static_cast<int32_t>(picture.height),
          static_cast<int32_t>(picture.width)};
}

// Which rectangle of which source is seen: its top left pixel, which may lie outside the image
// (what is outside reads as reflection without repeating the edge pixel), and whether left and
// right are exchanged.
struct View {
  int64_t image = 0;  // index in the source table
  int32_t y = 0, x = 0;
  bool flip = false;
};

inline constexpr int kMaxRadius = 12;  // ceil(3 * kMaxBlur)

struct Degradation {
  float noise_sigma = 0;  // in the units of pixels that lie in [0, 1]
  float shot_sigma = 0;   // the same, of the noise that grows with the root of the value, at 1
  // Weights of the noise's smoothing at distance 0 and 1: t0^2 + 2 t1^2 = 1.
  float grain[2] = {1, 0};
  // Of a pixel's noise: weights of the channel's own and of the sum of all three.
  float mix[2] = {1, 0};
  float blur_sigma = 0;  // pixels; 0 is no blur
  float brightness = 1;
  float channel[3] = {1, 1, 1};
  float gain[3] = {1, 1, 1};         // brightness * channel, rounded once
  int32_t radius = 0;                // ceil(3 * blur_sigma)
  float taps[kMaxRadius + 1] = {1};  // weights at distance 0..radius; both sides sum to 1
  int32_t jpeg = 0;  // the quality of the file that it was, 1 to 100; 0: it was none
};

enum class Stream : uint32_t {
  training_view = 0,
  training_parameters = 1,
  training_noise = 2,
  evaluation_parameters = 3,
  evaluation_noise = 4
};

// Where the noise of one view comes from: the key and the last two words of its counters.
struct NoiseStream {
  uint64_t seed = 0;
  uint32_t slot = 0;
  uint32_t step_and_stream = 0;
};

// All that corrupt() needs to know about one view. Plain bytes: batches of it are copied to the
// GPU as they are.
struct Draw {
  View view;
  Degradation degradation;
  // The level of noise that a network with a noise input is told, in the units of pixels that lie in
  // [0, 1]: its standard deviation at mid-grey, or how far a pair's pictures are apart.
  float told = 0;
  NoiseStream noise;
};

// Chooses an image uniformly (each image alike, however large), then a rectangle of height x width
// uniformly among those inside it (or, along an axis on which the image is smaller, among those
// that contain it), and flips half of the time. Throws Error when there is no source or one of no
// pixels, or when step >= 2^28.
View sample_view(uint64_t seed, int64_t step, int64_t slot, std::span<const Source> sources,
                 int32_t height, int32_t width);

// Draws the parameters of a training view; those whose range is absent change nothing.
Degradation draw_degradation(const CorruptSpec& spec, uint64_t seed, int64_t step, int64_t slot);

// The two above and the noise stream: view number `slot` of training step `step`.
Draw draw_training(const CorruptSpec& spec, uint64_t seed, int64_t step, int64_t slot,
                   std::span<const Source> sources, int32_t height, int32_t width);

// A given view, degraded as view number `slot` of training step `step` is.
Draw draw_training_of(const CorruptSpec& spec, uint64_t seed, int64_t step, int64_t slot,
                      const View& view);

// A given view, degraded as evaluation does it: by seed and `index` (which picture of the
// evaluation set it is; view.image only says where its pixels are).
Draw draw_evaluation(const CorruptSpec& spec, uint64_t seed, int64_t index, const View& view);

// Sets `told` of a pair's view to the root mean square of what is between its pictures, over what of
// it lies inside them; that of other views stays.
void tell_of_pair(Draw& draw, const Source& source, int32_t height, int32_t width);

// The largest radius that a draw from this spec can have.
int32_t max_radius(const CorruptSpec& spec);

// Sets blur_sigma, radius and taps: a Gaussian sampled at whole pixels, cut at ceil(3 sigma),
// normalised in fp64 and rounded to f32 once. sigma in [0, kMaxBlur].
void set_blur(Degradation& degradation, float sigma);

// Sets mix: channels whose noise is as strong as ever and has this correlation, in [0, 1].
void set_common(Degradation& degradation, float correlation);

// Sets grain: a Gaussian of `sigma` pixels at distances 0 and 1, scaled so that smoothing white noise
// by it along an axis leaves its strength. sigma in [0, kMaxGrain].
void set_grain(Degradation& degradation, float sigma);

}  // namespace dae
