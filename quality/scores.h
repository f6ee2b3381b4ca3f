// All measures of one image, and their summary over many.
#pragma once

#include <cstdint>
#include <vector>

#include "quality/image_view.h"

namespace dae {

struct Scores {
  double mse = 0, psnr = 0, ssim = 0;
  double aligned_mse = 0, aligned_psnr = 0, aligned_ssim = 0;  // after fit_gain(): quality/gain.h
  double brightness_error = 0, colour_error = 0;               // percent
  double ciede2000 = 0;                                        // between mean colours
};

// `other` is clamped to [0, 1] first, as a file would be. ssim is NaN below 11 pixels a side.
Scores score(const ImageView& clean, const ImageView& other);

struct Summary {
  int64_t images = 0;
  Scores mean;             // of each measure over the images; psnr: see below
  double pooled_psnr = 0;  // PSNR of the mean of the images' MSE
  double pooled_aligned_psnr = 0;
};

// Means over images, in order. The mean PSNR is infinite if any image's is (an exact restoration);
// SSIM is averaged over the images large enough to have one, and NaN if none is.
Summary summarize(const std::vector<Scores>& scores);

}  // namespace dae
