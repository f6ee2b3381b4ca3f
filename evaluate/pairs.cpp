#include "evaluate/pairs.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "data/files.h"
#include "data/photo.h"
#include "data/text.h"
#include "quality/scores.h"
#include "runtime/error.h"

namespace dae {
namespace {

namespace fs = std::filesystem;

// The images of a folder by path without extension; several where they differ in it alone.
std::map<std::string, std::vector<fs::path>> images_of(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) fail("{}: there is no such folder", folder);
  std::map<std::string, std::vector<fs::path>> images;
  for (const fs::path& path : files_below(folder).files)
    if (has_photo_extension(path))
      images[path.lexically_relative(folder).replace_extension().generic_string()].push_back(path);
  if (images.empty()) fail("{}: no images in it", folder);
  return images;
}

// Throws Error naming a picture that cannot be read or is not alone, or both where their sizes
// differ.
Scores score_pair(const std::vector<fs::path>& cleans, const std::vector<fs::path>& others) {
  for (const std::vector<fs::path>& same : {cleans, others})
    if (same.size() > 1)
      fail("{} and {}: which of them is meant?", same[0].string(), same[1].string());
  const fs::path &clean = cleans[0], &restored = others[0];
  const Image a = load_image(clean), b = load_image(restored);
  if (a.height != b.height || a.width != b.width)
    fail("{} is {}x{} and {} is {}x{}: a pair must be of one size", clean.string(), a.width,
         a.height, restored.string(), b.width, b.height);
  const std::vector<float> fa = to_floats(a.view()), fb = to_floats(b.view());
  return score({fa.data(), a.height, a.width}, {fb.data(), b.height, b.width});
}

}  // namespace

PairScores score_pairs(const std::string& clean_folder, const std::string& restored_folder) {
  const auto clean = images_of(clean_folder), restored = images_of(restored_folder);
  std::vector<Scores> scores;
  PairScores result;
  for (const auto& [name, paths] : clean) {
    const auto other = restored.find(name);
    if (other == restored.end()) {
      result.without_partner.push_back(valid_utf8(name));
      continue;
    }
    try {
      scores.push_back(score_pair(paths, other->second));
    } catch (const Error& error) {
      result.left_out.push_back(valid_utf8(error.what()));
    }
  }
  if (scores.empty() && result.left_out.empty())
    fail("no picture in {} has a partner of the same name in {}", clean_folder, restored_folder);
  if (scores.empty())
    fail("none of the {} pairs can be compared; the first: {}", result.left_out.size(),
         result.left_out[0]);
  result.summary = summarize(scores);
  return result;
}

std::string to_text(const PairScores& scores) {
  const Summary& summary = scores.summary;
  const auto decibels = [](double value) {
    return std::isinf(value) ? std::string("exact") : fmt::format("{:.2f} dB", value);
  };
  return fmt::format(
      "PSNR {} (pooled {}), SSIM {:.4f}; gain-aligned PSNR {}, SSIM {:.4f}; brightness "
      "error {:.2f}%, colour error {:.2f}%, CIEDE2000 {:.2f}; pairs: {}{}\n",
      decibels(summary.mean.psnr), decibels(summary.pooled_psnr), summary.mean.ssim,
      decibels(summary.mean.aligned_psnr), summary.mean.aligned_ssim, summary.mean.brightness_error,
      summary.mean.colour_error, summary.mean.ciede2000, summary.images,
      summary.exact > 0 && summary.exact < summary.images
          ? fmt::format(", of which {} are exact and in no mean of PSNR", summary.exact)
          : "");
}

}  // namespace dae
