// Where in frequency a picture agrees with the clean one: auto- and cross-spectra by Welch's method
// ("The use of fast Fourier transform for the estimation of power spectra", 1967), summed over
// rings of equal frequency. All measures of transfer.h follow from these sums.
//
// The three channels are transformed apart and their spectra added: luminance alone would not see
// what is wrong in colour, and the error would not add up to the mean squared error.
#pragma once

#include <cstdint>
#include <vector>

#include "quality/gain.h"
#include "runtime/picture.h"

namespace dae {

// Sums over windows and channels. X and Y are the transforms of a window of the clean picture and
// of the other one. Ring r holds the frequencies (u, v) for which round(window * sqrt(u^2 + v^2)) =
// r; rings from window / 2 + 1 on lie in the corners beyond the Nyquist frequency of the axes.
// Scaled so that the sum over rings, divided by `windows`, is the mean square of a pixel's
// deviation from its window's mean, a window's middle counting most (see ring_spectra).
struct RingSpectra {
  int64_t window = 0;            // side, pixels
  double windows = 0;            // how many were summed, times three channels
  std::vector<double> clean;     // |X|^2
  std::vector<double> other;     // |Y|^2
  std::vector<double> cross;     // Re(Y conj(X)); the imaginary part of a ring's sum is zero
  std::vector<double> error;     // |X - Y|^2; ring 0 also holds the squared difference of means
  std::vector<double> clean_f2;  // |X|^2 (u^2 + v^2), for the ring's mean frequency

  // Throw Error when the windows differ in size.
  RingSpectra& operator+=(const RingSpectra& b);
  RingSpectra& operator-=(const RingSpectra& b);
};

// Of one picture. `other` is multiplied by `gain` first: fit_gain(clean, other), so that exposure
// does not count as error, or {1, 1, 1} where it is not part of the question. Nothing is clamped.
//
// Windows of window x window pixels lie evenly spread and overlap by half or a little more, so that
// they reach all borders. Each loses its mean and is weighted by a Hann window w, so that borders
// do not read as edges; means are weighted by w^2, with which power and error add up exactly. A
// Hann window spreads each frequency over about 2 / window cycles/pixel. Transforms are FFTW's, in
// fp64. `window` is even and at least 16. Throws Error when the sizes differ or the pictures are
// smaller than a window. May run in several threads at a time.
RingSpectra ring_spectra(const FloatView& clean, const FloatView& other, const Gain& gain,
                         int64_t window);

}  // namespace dae
