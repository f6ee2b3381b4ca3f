// The measures of quality/ taken of one set of answers, and how sure each is.
#pragma once

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "laboratory/material.h"
#include "laboratory/measures/interval.h"
#include "laboratory/measures/transfer.h"
#include "report/html.h"

namespace dae {

// In the order of kMeasures.
enum class Measure {
  psnr,
  mse,
  aligned_psnr,
  blur,
  transfer_low,
  transfer_middle,
  transfer_high,
  coherence_low,
  coherence_middle,
  coherence_high,
  error_low,
  error_middle,
  error_high,
  texture,
  mtf50_01,
  mtf50_03,
  mtf50_06,
  distance,
  perceptual,
  count
};
inline constexpr size_t kMeasureCount = static_cast<size_t>(Measure::count);

struct MeasureName {
  const char* key;
  const char* title;
  int digits;
  double (*shown)(double);  // from the value that errors belong to: blur is measured as a variance
  const char* beyond;       // what a value of infinity reads as
};
const MeasureName& name_of(Measure measure);
std::string beyond_text(Measure measure, double infinite);

// "0.71 [0.68, 0.74]", "> 0.5" where it is beyond what can be measured, "-" where it is not known.
std::string show(Measure measure, const Jackknife& value);
std::string show(Measure measure, const Interval& value);  // "-" for a count of 0
// "+0.31 [+0.12, +0.50]", and "undecided" where the interval contains zero.
std::string show_difference(Measure measure, const Jackknife& difference);
std::string show_difference(Measure measure, const Interval& difference);
// For a sentence: "+0.31 dB [+0.12, +0.50]", "-0.02 dB [-0.05, +0.01] (undecided)".
std::string sentence_difference(Measure measure, const Interval& difference,
                                const std::string& unit);

// One of the bands' figures over frequency, from above 0 to Nyquist along a row, 1/2 cycles/pixel:
// what lies beyond is seen along diagonals only.
html::Curve curve_of(const std::string& name, const std::vector<RadialBand>& bands,
                     double RadialBand::*value);

struct BlurMeasures {
  BlurMeasures() { values.fill({std::numeric_limits<double>::quiet_NaN(), {}}); }

  std::array<Jackknife, kMeasureCount> values;  // value NaN: not measured; infinite: beyond
  std::vector<RadialBand> bands;                // of all views; empty when they are too small
  Pictures aligned;                             // the views after gain alignment, in [0, 1]
  std::vector<std::string> notes;               // what could not be measured, and why

  const Jackknife& operator[](Measure m) const { return values[static_cast<size_t>(m)]; }
};

// Answers to material.views, .leaves and .edges, in their order. Errors are the jackknife's, over
// pictures (the sliced Wasserstein distance: groups of pictures; edges: noise draws).
BlurMeasures measure_blur(const BlurMaterial& material, const Pictures& views,
                          const Pictures& leaves, const Pictures& edges);

// Of doing nothing.
BlurMeasures measure_corrupted(const BlurMaterial& material);

}  // namespace dae
