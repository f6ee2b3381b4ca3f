// Mean squared error and peak signal-to-noise ratio.
#pragma once

#include "runtime/picture.h"

namespace dae {

// The mean over all pixels and channels of (a - b)^2, summed in fp64. Throws Error when the sizes
// differ.
double mean_squared_error(const FloatView& a, const FloatView& b);

// 10 log10(1 / mse) in dB, for values whose range is 1; infinity for mse 0.
double psnr_of(double mse);

}  // namespace dae
