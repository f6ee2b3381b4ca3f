// How much of the clean picture's detail is still there, by frequency: transfer, coherence, error,
// and two figures, the effective blur in pixels and the texture kept. With X and Y the transforms
// of the clean and the other picture and sums over the frequencies of a ring (spectra.h):
//
//   transfer   T = sum Re(Y conj X) / sum |X|^2
//   coherence    = (sum Re(Y conj X))^2 / (sum |X|^2 sum |Y|^2)
//
// T is the factor by which details of this frequency are passed on in their place (Bendat &
// Piersol, "Random data", ch. 6). What is in Y but not in X, noise or invented texture, has no part
// in T: it does not correlate with X. Coherence is the share of Y's power that some
// rotation-symmetric filter of X explains; the rest is noise, invention, or passed on only in
// places.
#pragma once

#include <vector>

#include "laboratory/measures/spectra.h"

namespace dae {

struct RadialBand {
  double frequency = 0;  // cycles/pixel: the ring's root mean square frequency, weighted by |X|^2
  double transfer = 0;   // NaN where X has no power
  double coherence = 0;  // in [0, 1]; NaN where X or Y has no power
  double clean = 0;      // the ring's share of the variance of a pixel of X
  double error = 0;      // the ring's share of the mean squared error
};

// One band a ring, from the mean (frequency 0) to the corners at sqrt(1/2). Errors of all bands add
// up to the mean squared error (weighted as in ring_spectra).
std::vector<RadialBand> radial_bands(const RingSpectra& spectra);

// a exp(-2 pi^2 v f^2), the transfer of a Gaussian blur of variance v, fitted to T.
struct BlurFit {
  double gain = 0;      // a: what remains of a factor on all frequencies is not sharpness
  double variance = 0;  // v, pixel^2; negative: sharper than the clean picture
};

// Weighted least squares over the rings from 2 / window (below, the window's own spectrum mixes
// with the mean) to 1/2 cycles/pixel, weighted by sum |X|^2: the Gaussian blur of X that comes
// closest to Y in mean square, and the best weights (Gauss-Markov) when white noise is what
// disturbs T. Searched from -1 to (window / 8)^2 pixel^2; a result at an end means "beyond". NaN,
// with gain 0, where Y has nothing of X. Throws Error when X has no detail.
BlurFit fit_blur(const RingSpectra& spectra);

// +1 or -1 for a variance at the upper or lower end of that search, 0 within.
int beyond_scale(double variance, int64_t window);

// The effective blur s in pixels: sqrt(v), or -sqrt(-v) for a sharpened picture, so that a larger
// number is always a more blurred picture. Errors and intervals belong to v, which is smooth at
// zero; this maps their ends.
double blur_pixels(double variance);

// The power that textures keep: the mean over the rings from 0.1 to 1/2 cycles/pixel of T^2, where
// T > 0 (a contrast turned over is not kept). On dead leaves, whose texture is the same at every
// scale, this is the texture loss of Cao, Guichard & Hornung ("Measuring texture sharpness of a
// digital camera", 2009), its ratio of power spectra freed from noise by the cross spectrum (Kirk,
// Herzer, Artmann & Kunz, "Description of texture loss using the dead leaves target: current issues
// and a new intrinsic approach", 2014). 1: all; above: exaggerated. Rings without clean power do
// not count. Throws Error when X has no detail.
double texture_kept(const RingSpectra& spectra);

}  // namespace dae
