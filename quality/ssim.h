// Structural similarity (Wang, Bovik, Sheikh & Simoncelli, 2004) as scikit-image computes it with
// data_range 1, gaussian_weights, sigma 1.5, use_sample_covariance False: an 11x11 Gaussian window,
// K1 = 0.01, K2 = 0.03, per channel, then averaged; the outer five pixels are left out of the mean.
#pragma once

#include "runtime/picture.h"

namespace dae {

// In [-1, 1]; NaN when a side is shorter than 11 pixels, where no window fits. Throws Error when
// the sizes differ. Agrees with scikit-image to 1e-7.
double ssim(const FloatView& a, const FloatView& b);

}  // namespace dae
