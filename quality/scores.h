// All measures of one image, and their summary over many.
#pragma once

#include <dae/evaluation.h>

#include <vector>

#include "runtime/picture.h"

namespace dae {

// `other` is clamped to [0, 1] first, as a file would be. ssim is NaN below 11 pixels a side.
Scores score(const FloatView& clean, const FloatView& other);

// Means over images, in order; what they leave out, Summary says.
Summary summarize(const std::vector<Scores>& scores);

}  // namespace dae
