// Sharpness of edges: MTF50 by the slanted edge of ISO 12233, on edges that are drawn, not found.
// An edge a little off the pixel grid is sampled at many distances, so its profile is known far
// more finely than the pixels: profile -> line spread -> modulation transfer.
//
// What is known here and not in a camera test is used. The true edge is known, so distances are
// measured from it, and an edge put back in the wrong place counts as blurred: the cosine transform
// about the true edge is taken, not the modulus, which would forgive a shift and take noise for
// detail.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/picture.h"

namespace dae {

// A straight edge through a picture. Its normal points to the bright side and is turned by `angle`
// from the x axis (to the right) towards the y axis (down); 0 is an upright edge.
struct Edge {
  double angle = 0;   // degrees
  double offset = 0;  // pixels along the normal from the picture's middle to the edge
  double low = 0, high = 1;
};

// What the edge response of a restoration is measured at: contrasts high - low about mid-grey, and
// angles on both sides of both axes at which distances fall evenly.
inline constexpr double kEdgeContrasts[] = {0.1, 0.3, 0.6};
inline constexpr double kEdgeAngles[] = {5, -10, 80, 95};

// A grey {height, width, 3} picture of it; each pixel has the mean over its square, exactly: low +
// (high - low) * the share of the square on the bright side.
std::vector<float> draw_edge(const Edge& edge, int64_t height, int64_t width);

// Means of pixels at equal distance from the edge: bins of a quarter pixel, `reach` pixels to
// either side. Pictures of the same reach and contrast may be added, over angles, offsets and noise
// draws.
struct EdgeProfile {
  int64_t reach = 0;
  std::vector<double> sum, count;  // 8 * reach bins, from dark to bright

  // Throw Error when the reaches differ.
  EdgeProfile& operator+=(const EdgeProfile& b);
  EdgeProfile& operator-=(const EdgeProfile& b);
};

// Of one restored picture of `edge`, all channels alike. The picture's eight outermost pixels do
// not count: there a network sees its padding, and the corruption's blur an edge bent by
// reflection. Throws Error when the picture is too small for the reach.
EdgeProfile edge_profile(const FloatView& picture, const Edge& edge, int64_t reach);

// The modulation transfer at `frequency` in cycles/pixel across the edge: the cosine transform of
// the profile's differences, relative to frequency zero (so a gain does not count), under a Tukey
// window that is flat to half the reach (the usual Hamming window narrows a wide line spread),
// over sinc^2(frequency / 4), the transfer of a bin and of a difference. The pixel's own box is
// part of it: an edge as drawn has sinc(f cos angle) sinc(f sin angle). NaN where the bright side
// is not the brighter one. Throws Error when a bin is empty.
double edge_transfer(const EdgeProfile& profile, double frequency);

// The lowest frequency at which the transfer falls to one half, to 1e-9; a Gaussian blur of s
// pixels alone would have it at sqrt(ln 2 / 2) / (pi s). nullopt: not below the Nyquist frequency,
// 1/2 cycles/pixel. That is censored, sharper than pixels can tell (an edge as drawn has 0.6), and
// must not be averaged as a number. NaN where edge_transfer() is.
std::optional<double> mtf50(const EdgeProfile& profile);

}  // namespace dae
