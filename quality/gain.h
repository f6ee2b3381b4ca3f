// Brightness and colour apart from everything else. One picture does not tell its exposure, and a
// wrong gain of a few percent outweighs all detail in PSNR, so restorations are also measured after
// the best gain a channel has been taken out, and the gain error by itself.
#pragma once

#include <array>
#include <vector>

#include "runtime/picture.h"

namespace dae {

using Gain = std::array<double, 3>;  // a factor for red, green, blue

// The gain a channel that brings `other` closest to `clean` in the least-squares sense, over the
// pixels where no channel of either is at or beyond an end of the range (values in (1/510, 1 -
// 1/510), i.e. codes 1 to 254): clipped pixels do not tell a gain. With fewer than 16 such pixels,
// over all pixels. 1 where the channel of `other` is black.
Gain fit_gain(const FloatView& clean, const FloatView& other);

// other * gain, clamped to [0, 1].
std::vector<float> apply_gain(const FloatView& other, const Gain& gain);

// Clamped to [0, 1], as a file would be.
inline std::vector<float> clamped(const FloatView& picture) {
  return apply_gain(picture, {1, 1, 1});
}

struct GainError {
  double brightness = 0;  // percent: how far the gain in luminance (Rec. 709 weights) is from one
  double colour = 0;      // percent: mean of how far red/green and blue/green are from one
};
// Of an image that `gain` would correct; 0 where it is exact. |ln| of the ratios, so that halving
// and doubling weigh alike.
GainError gain_error(const Gain& gain);

// The grey-world estimate (Buchsbaum, 1980) as a baseline: the gain that gives each channel of
// `image` the mean `target`. Means of 0 are left alone.
Gain grey_world_gain(const FloatView& image, double target);

}  // namespace dae
