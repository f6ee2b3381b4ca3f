#include "quality/scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quality/ciede2000.h"
#include "quality/gain.h"
#include "quality/psnr.h"
#include "quality/ssim.h"

namespace dae {

Scores score(const FloatView& clean, const FloatView& other) {
  const std::vector<float> as_file = clamped(other);
  const FloatView view{as_file.data(), other.height, other.width};
  const Gain gain = fit_gain(clean, view);
  const std::vector<float> aligned = apply_gain(view, gain);
  const FloatView aligned_view{aligned.data(), other.height, other.width};
  const GainError error = gain_error(gain);
  Scores s;
  s.mse = mean_squared_error(clean, view);
  s.psnr = psnr_of(s.mse);
  s.ssim = ssim(clean, view);
  s.aligned_mse = mean_squared_error(clean, aligned_view);
  s.aligned_psnr = psnr_of(s.aligned_mse);
  s.aligned_ssim = ssim(clean, aligned_view);
  s.brightness_error = error.brightness;
  s.colour_error = error.colour;
  s.ciede2000 = aggregate_ciede2000(clean, view);
  return s;
}

Summary summarize(const std::vector<Scores>& scores) {
  Summary summary;
  summary.images = static_cast<int64_t>(scores.size());
  // Of those that there are; of decibels the finite ones, while there is one.
  const auto mean = [&](double Scores::*member, int64_t* exact) {
    double sum = 0;
    int64_t count = 0, infinite = 0;
    for (const Scores& s : scores) {
      if (std::isinf(s.*member)) infinite++;
      if (!std::isfinite(s.*member)) continue;
      sum += s.*member;
      count++;
    }
    if (exact) *exact = infinite;
    if (count > 0) return sum / static_cast<double>(count);
    return infinite > 0 ? std::numeric_limits<double>::infinity()
                        : std::numeric_limits<double>::quiet_NaN();
  };
  for (double Scores::*const member :
       {&Scores::mse, &Scores::ssim, &Scores::aligned_mse, &Scores::aligned_ssim,
        &Scores::brightness_error, &Scores::colour_error, &Scores::ciede2000})
    summary.mean.*member = mean(member, nullptr);
  summary.mean.psnr = mean(&Scores::psnr, &summary.exact);
  summary.mean.aligned_psnr = mean(&Scores::aligned_psnr, &summary.aligned_exact);
  summary.pooled_psnr = psnr_of(summary.mean.mse);
  summary.pooled_aligned_psnr = psnr_of(summary.mean.aligned_mse);
  return summary;
}

}  // namespace dae
