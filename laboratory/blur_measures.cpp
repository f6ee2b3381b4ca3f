#include "laboratory/blur_measures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "laboratory/feature_distance.h"
#include "laboratory/measures/sliced_wasserstein.h"
#include "quality/gain.h"
#include "quality/scores.h"
#include "runtime/error.h"

namespace dae {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kLargestWindow = 64, kSmallestWindow = 16;  // of the spectra; even
constexpr int64_t kLargestReach = 12, kSmallestReach = 6;     // of edge profiles
constexpr int64_t kEdgeBorder = 9;  // pixels from the border that a reach leaves out

double as_it_is(double value) {
  return value;
}

constexpr const char* kOff = "off the scale";
constexpr MeasureName kMeasures[kMeasureCount] = {
    {"psnr", "PSNR, dB", 2, as_it_is, "some exact"},
    {"mse", "MSE, 1e-6", 0, as_it_is, kOff},
    {"aligned_psnr", "aligned PSNR, dB", 2, as_it_is, "some exact"},
    {"blur", "blur s, pixels", 2, blur_pixels, kOff},
    {"transfer_low", "transfer, low", 3, as_it_is, kOff},
    {"transfer_middle", "transfer, middle", 3, as_it_is, kOff},
    {"transfer_high", "transfer, high", 3, as_it_is, kOff},
    {"coherence_low", "coherence, low", 3, as_it_is, kOff},
    {"coherence_middle", "coherence, middle", 3, as_it_is, kOff},
    {"coherence_high", "coherence, high", 3, as_it_is, kOff},
    {"error_low", "error, low, 1e-6", 1, as_it_is, kOff},
    {"error_middle", "error, middle, 1e-6", 1, as_it_is, kOff},
    {"error_high", "error, high, 1e-6", 1, as_it_is, kOff},
    {"texture", "texture kept", 3, as_it_is, kOff},
    {"mtf50_01", "MTF50, contrast 0.1", 3, as_it_is, "> 0.5"},
    {"mtf50_03", "MTF50, contrast 0.3", 3, as_it_is, "> 0.5"},
    {"mtf50_06", "MTF50, contrast 0.6", 3, as_it_is, "> 0.5"},
    {"distance", "sliced Wasserstein", 4, as_it_is, kOff},
    {"perceptual", "perceptual distance", 4, as_it_is, kOff},
};

// All views of one picture.
struct PictureSums {
  double views = 0, psnr = 0, mse = 0, aligned_psnr = 0, perceptual = 0;
  RingSpectra spectra;

  PictureSums& operator+=(const PictureSums& b) {
    views += b.views, psnr += b.psnr, mse += b.mse, aligned_psnr += b.aligned_psnr;
    perceptual += b.perceptual, spectra += b.spectra;
    return *this;
  }
  PictureSums& operator-=(const PictureSums& b) {
    views -= b.views, psnr -= b.psnr, mse -= b.mse, aligned_psnr -= b.aligned_psnr;
    perceptual -= b.perceptual, spectra -= b.spectra;
    return *this;
  }
};

int64_t window_for(int64_t size) {
  return std::min(kLargestWindow, size / 2 * 2);
}

// A fit that ends where its search does is beyond what can be measured.
double variance_of(const RingSpectra& spectra) {
  const double v = fit_blur(spectra).variance;
  const int beyond = beyond_scale(v, spectra.window);
  return beyond == 0 ? v : beyond * kInfinity;
}

// Rings from low (included) to high cycles/pixel, taken as one.
struct BandSums {
  double clean = 0, other = 0, cross = 0, error = 0;
};
BandSums band(const RingSpectra& s, double low, double high) {
  BandSums sums;
  for (size_t r = 1; r < s.clean.size(); r++) {
    const double f = static_cast<double>(r) / static_cast<double>(s.window);
    if (f < low || f >= high) continue;
    sums.clean += s.clean[r], sums.other += s.other[r];
    sums.cross += s.cross[r], sums.error += s.error[r];
  }
  sums.error /= s.windows;
  return sums;
}

// Of each view after gain alignment, like the other measures, from the clean one.
std::vector<double> perceptual_distances(const BlurMaterial& material, const Pictures& aligned) {
  std::vector<float> clean, answers;
  for (size_t i = 0; i < aligned.size(); i++) {
    const std::vector<float>& picture = material.views.clean[i];
    clean.insert(clean.end(), picture.begin(), picture.end());
    answers.insert(answers.end(), aligned[i].begin(), aligned[i].end());
  }
  return FeatureDistance(Device::cpu, material.judge, material.size)(clean, answers);
}

void measure_views(const BlurMaterial& material, const Pictures& answers, BlurMeasures& out) {
  const auto count = static_cast<int64_t>(answers.size());
  const int64_t window = window_for(material.size);
  const bool has_spectra = window >= kSmallestWindow;
  std::vector<PictureSums> each(answers.size());
  out.aligned.resize(answers.size());
#pragma omp parallel for schedule(dynamic)
  for (int64_t k = 0; k < count; k++) {
    const auto i = static_cast<size_t>(k);
    const FloatView clean = material.view(material.views.clean[i]);
    const FloatView answer = material.view(answers[i]);
    const Scores scores = score(clean, answer);
    const Gain gain = fit_gain(clean, answer);
    each[i] = {1, scores.psnr, scores.mse, scores.aligned_psnr, 0, {}};
    if (has_spectra) each[i].spectra = ring_spectra(clean, answer, gain, window);
    out.aligned[i] = apply_gain(answer, gain);
  }

  const bool judged = !material.judge.widths.empty();
  if (judged) {
    const std::vector<double> distances = perceptual_distances(material, out.aligned);
    for (size_t i = 0; i < each.size(); i++) each[i].perceptual = distances[i];
  }

  std::vector<PictureSums> pictures(material.views.sources.size());
  for (size_t i = 0; i < each.size(); i++) {
    PictureSums& sums = pictures[static_cast<size_t>(material.views.draws[i].view.image)];
    if (sums.views == 0)
      sums = each[i];
    else
      sums += each[i];
  }
  std::erase_if(pictures, [](const PictureSums& p) { return p.views == 0; });

  const auto set = [&](Measure m, const auto& statistic) {
    out.values[static_cast<size_t>(m)] = jackknife(pictures, statistic);
  };
  set(Measure::psnr, [](const PictureSums& p) { return p.psnr / p.views; });
  set(Measure::mse, [](const PictureSums& p) { return 1e6 * p.mse / p.views; });
  set(Measure::aligned_psnr, [](const PictureSums& p) { return p.aligned_psnr / p.views; });
  if (judged) set(Measure::perceptual, [](const PictureSums& p) { return p.perceptual / p.views; });
  if (!has_spectra) {
    out.notes.push_back(
        fmt::format("Views of {0}x{0} pixels are too small for spectra, which need {1}: no "
                    "transfer, coherence, error by band or effective blur.",
                    material.size, kSmallestWindow));
    return;
  }
  out.bands = radial_bands(pool(pictures).spectra);
  set(Measure::blur, [](const PictureSums& p) { return variance_of(p.spectra); });
  constexpr double kBounds[] = {0, 0.125, 0.25, 0.5};
  for (int b = 0; b < 3; b++) {
    const double low = kBounds[b], high = kBounds[b + 1];
    const auto at = [b](Measure first) {
      return static_cast<Measure>(static_cast<int>(first) + b);
    };
    set(at(Measure::transfer_low), [=](const PictureSums& p) {
      const BandSums s = band(p.spectra, low, high);
      return s.cross / s.clean;
    });
    set(at(Measure::coherence_low), [=](const PictureSums& p) {
      const BandSums s = band(p.spectra, low, high);
      return s.cross * s.cross / (s.clean * s.other);
    });
    set(at(Measure::error_low),
        [=](const PictureSums& p) { return 1e6 * band(p.spectra, low, high).error; });
  }
}

// Sorting patches again without each picture would take hours: groups are left out instead.
Jackknife measure_distance(const BlurMaterial& material, const Pictures& aligned) {
  const size_t groups = std::min(material.distance_groups, material.views.sources.size());
  const auto without = [&](size_t group) {
    std::vector<FloatView> clean, answers;
    for (size_t i = 0; i < aligned.size(); i++)
      if (static_cast<size_t>(material.views.draws[i].view.image) % groups != group) {
        clean.push_back(material.view(material.views.clean[i]));
        answers.push_back(material.view(aligned[i]));
      }
    return sliced_wasserstein(clean, answers);
  };
  Jackknife result{without(groups), {}};
  if (groups > 1)
    for (size_t group = 0; group < groups; group++) result.without.push_back(without(group));
  return result;
}

void measure_texture(const BlurMaterial& material, const Pictures& answers, BlurMeasures& out) {
  const int64_t window = window_for(material.size);
  if (window < kSmallestWindow) return;  // measure_views() has said so
  std::vector<RingSpectra> parts;
  for (size_t i = 0; i < answers.size(); i++) {
    const FloatView clean = material.view(material.leaves.clean[i]);
    const FloatView answer = material.view(answers[i]);
    parts.push_back(ring_spectra(clean, answer, fit_gain(clean, answer), window));
  }
  out.values[static_cast<size_t>(Measure::texture)] = jackknife(parts, texture_kept);
}

void measure_edges(const BlurMaterial& material, const Pictures& answers, BlurMeasures& out) {
  const int64_t reach = std::min(kLargestReach, material.size / 2 - kEdgeBorder);
  if (reach < kSmallestReach) {
    out.notes.push_back(fmt::format(
        "Views of {0}x{0} pixels are too small for MTF50, which needs {1}: the outermost eight "
        "pixels do not count.",
        material.size, 2 * (kSmallestReach + kEdgeBorder)));
    return;
  }
  constexpr size_t kAngles = std::size(kEdgeAngles);
  for (size_t contrast = 0; contrast < std::size(kEdgeContrasts); contrast++) {
    std::vector<EdgeProfile> parts;
    for (int64_t draw = 0; draw < kEdgeDraws; draw++) {
      const size_t first = (contrast * kEdgeDraws + static_cast<size_t>(draw)) * kAngles;
      std::vector<EdgeProfile> angles;
      for (size_t i = first; i < first + kAngles; i++)
        angles.push_back(edge_profile(material.view(answers[i]), material.drawn_edges[i], reach));
      parts.push_back(pool(angles));
    }
    out.values[static_cast<size_t>(Measure::mtf50_01) + contrast] =
        jackknife(parts, [](const EdgeProfile& p) { return mtf50(p).value_or(kInfinity); });
  }
}

// Without the verdict.
std::string change_text(Measure measure, const Interval& difference, const std::string& unit) {
  const int digits = name_of(measure).digits;
  std::string mean = fmt::format("{:+.{}f}{}", difference.mean, digits, unit);
  if (std::isinf(difference.high)) return mean;
  return fmt::format("{} [{:+.{}f}, {:+.{}f}]", mean, difference.low, digits, difference.high,
                     digits);
}

}  // namespace

const MeasureName& name_of(Measure measure) {
  return kMeasures[static_cast<size_t>(measure)];
}

std::string beyond_text(Measure measure, double infinite) {
  return infinite < 0 ? "too sharp for the scale" : name_of(measure).beyond;
}

std::string show(Measure measure, const Jackknife& value) {
  if (std::isnan(value.value)) return "-";
  if (std::isinf(value.value)) return beyond_text(measure, value.value);
  const Interval interval = jackknife_interval(value);
  return show(measure, Interval{value.value, interval.low, interval.high, 1});
}

std::string show(Measure measure, const Interval& value) {
  if (value.count == 0) return "-";
  const MeasureName& name = name_of(measure);
  const double unit = std::pow(10, name.digits);
  const auto number = [&](double v) {  // + 0: there is no minus zero
    return fmt::format("{:.{}f}", std::round(name.shown(v) * unit) / unit + 0.0, name.digits);
  };
  if (std::isinf(value.high)) return number(value.mean);
  return fmt::format("{} [{}, {}]", number(value.mean), number(value.low), number(value.high));
}

std::string show_difference(Measure measure, const Jackknife& difference) {
  if (!std::isfinite(difference.value)) return "-";
  return show_difference(measure, jackknife_interval(difference));
}

std::string show_difference(Measure measure, const Interval& difference) {
  if (difference.count == 0) return "-";
  return change_text(measure, difference, "") + (difference.decided() ? "" : " undecided");
}

std::string sentence_difference(Measure measure, const Interval& difference,
                                const std::string& unit) {
  return change_text(measure, difference, " " + unit) +
         (difference.decided() ? "" : " (undecided)");
}

html::Curve curve_of(const std::string& name, const std::vector<RadialBand>& bands,
                     double RadialBand::*value) {
  html::Curve curve{name, {}, {}};
  for (const RadialBand& band : bands)
    if (band.frequency > 0 && band.frequency <= 0.5) {
      curve.x.push_back(band.frequency);
      curve.y.push_back(band.*value);
    }
  return curve;
}

BlurMeasures measure_blur(const BlurMaterial& material, const Pictures& views,
                          const Pictures& leaves, const Pictures& edges) {
  BlurMeasures out;
  measure_views(material, views, out);
  measure_texture(material, leaves, out);
  measure_edges(material, edges, out);
  if (material.distance_groups > 0)
    out.values[static_cast<size_t>(Measure::distance)] = measure_distance(material, out.aligned);
  return out;
}

BlurMeasures measure_corrupted(const BlurMaterial& material) {
  return measure_blur(material, material.views.corrupted, material.leaves.corrupted,
                      material.edges.corrupted);
}

}  // namespace dae
