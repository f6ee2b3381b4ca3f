#include "tools/edge_study.h"

#include <algorithm>
#include <cmath>

#include "data/image.h"
#include "model/view_restorer.h"
#include "quality/edge.h"
#include "quality/posterior.h"
#include "quality/psnr.h"
#include "tools/sheet.h"

namespace dae {
namespace {

constexpr int kShifts = 16;  // quarter pixels to either side of the middle
constexpr double kLooks = 3.0 * kEdgeSide;
constexpr int64_t kBatch = 66;

// Noise is about half of the range at every strength, so that all networks see inputs alike. A
// quarter pixel's share of the contrast is whole codes: 8-bit pictures hold it exactly.
double contrast_for(double strength) {
  return 4 * std::round(4.5 * strength) / 255;
}

// Dark to the left: training's flips make the others.
std::vector<Image> edge_pictures(double contrast) {
  std::vector<Image> pictures;
  for (int shift = -kShifts; shift <= kShifts; shift++) {
    const Edge edge{.angle = 0,
                    .offset = shift / 4.0,
                    .low = 128.0 / 255 - contrast / 2,
                    .high = 128.0 / 255 + contrast / 2};
    pictures.push_back(
        to_image(draw_edge(edge, kEdgeSide, kEdgeSide).data(), kEdgeSide, kEdgeSide));
  }
  return pictures;
}

std::vector<Source> sources_of(const std::vector<Image>& pictures) {
  std::vector<Source> sources;
  for (const Image& picture : pictures)
    sources.push_back({picture.pixels.data(), 3 * picture.width,
                       static_cast<int32_t>(picture.height), static_cast<int32_t>(picture.width)});
  return sources;
}

CorruptSpec noise_alone(double sigma) {
  const Range off{0, 0, false};
  const auto codes = static_cast<float>(255 * sigma);
  return {.noise = {codes, codes},
          .blur = off,
          .brightness = off,
          .channel = off,
          .clip = false,
          .quantize = false};
}

struct AnswerSums {
  double squares = 0, absolute = 0;  // summed over pictures, means over values
  RingSpectra spectra;

  void add(const ImageView& clean, const ImageView& answer) {
    double square = 0, distance = 0;
    for (int64_t i = 0; i < clean.count(); i++) {
      const double off = double{answer.data[i]} - clean.data[i];
      square += off * off;
      distance += std::abs(off);
    }
    squares += square / static_cast<double>(clean.count());
    absolute += distance / static_cast<double>(clean.count());
    const RingSpectra more = ring_spectra(clean, answer, {1, 1, 1}, kEdgeSide);
    if (spectra.window == 0)
      spectra = more;
    else
      spectra += more;
  }
  AnswerSums& operator+=(const AnswerSums& b) {
    squares += b.squares, absolute += b.absolute, spectra += b.spectra;
    return *this;
  }
  AnswerSums& operator-=(const AnswerSums& b) {
    squares -= b.squares, absolute -= b.absolute, spectra -= b.spectra;
    return *this;
  }
};

// All 66 pictures once, under noise of their own.
struct Round {
  double count = 0, variance = 0, excess = 0;
  AnswerSums mean, median, network;

  Round& operator+=(const Round& b) {
    count += b.count, variance += b.variance, excess += b.excess;
    mean += b.mean, median += b.median, network += b.network;
    return *this;
  }
  Round& operator-=(const Round& b) {
    count -= b.count, variance -= b.variance, excess -= b.excess;
    mean -= b.mean, median -= b.median, network -= b.network;
    return *this;
  }
};

EdgeAnswer answer_of(const std::string& name, const std::vector<Round>& rounds,
                     AnswerSums Round::*sums) {
  const Round all = pool(rounds);
  return {name, (all.*sums).squares / all.count, (all.*sums).absolute / all.count,
          radial_bands((all.*sums).spectra),
          jackknife(rounds, [&](const Round& r) { return fit_blur((r.*sums).spectra).variance; })};
}

}  // namespace

EdgePoint study_edge(const EdgeStudyOptions& options, double strength) {
  const double contrast = contrast_for(strength);
  const double sigma = contrast * std::sqrt(kLooks) / strength;
  const CorruptSpec spec = noise_alone(sigma);
  const std::vector<Image> pictures = edge_pictures(contrast);
  const std::vector<Source> sources = sources_of(pictures);

  // The list of the posterior: every picture and its mirror image.
  std::vector<std::vector<float>> listed;
  std::vector<ImageView> list;
  for (const bool flip : {false, true})
    for (const Source& source : sources) {
      std::vector<float> values = to_floats(source.pixels, kEdgeSide, kEdgeSide);
      if (flip)
        for (int64_t y = 0; y < kEdgeSide; y++)
          std::reverse(values.begin() + y * 3 * kEdgeSide,
                       values.begin() + (y + 1) * 3 * kEdgeSide);
      listed.push_back(std::move(values));
    }
  for (const std::vector<float>& values : listed)
    list.push_back({values.data(), kEdgeSide, kEdgeSide});

  Trainer trainer({.device = options.device,
                   .network = options.network,
                   .corruption = spec,
                   .loss = {},
                   .adam = {},
                   .schedule = options.schedule,
                   .batch = options.batch,
                   .seed = options.seed},
                  sources);
  for (uint64_t step = 0; step < options.schedule.total;) {
    step += static_cast<uint64_t>(trainer.run(options.schedule.total - step > 1 ? 2 : 1));
    if (options.progress) options.progress(strength, static_cast<int64_t>(step));
  }

  std::vector<Draw> draws;
  for (int64_t i = 0; i < options.rounds * static_cast<int64_t>(list.size()); i++) {
    const auto picture = static_cast<size_t>(i) % list.size();
    const View view{.image = static_cast<int64_t>(picture % sources.size()),
                    .flip = picture >= sources.size()};
    draws.push_back(draw_evaluation(spec, options.seed + 1, i, view));
  }
  ParameterSet parameters;
  ViewRestorer restorer(options.device, options.network, parameters, flags_of(spec), kBatch,
                        kEdgeSide, kEdgeSide);
  const Buffer arena(options.device, restorer.arena_bytes());
  trainer.take_mean_loss();  // waits for the last step
  restorer.attach(arena.data(), arena.bytes(), trainer.ema(), sources);
  std::vector<Round> rounds(static_cast<size_t>(options.rounds));
  restorer.run(draws, [&](size_t first, const ViewRestorer::Views& batch) {
    const int64_t values = kEdgeSide * kEdgeSide * 3;
    for (int64_t i = 0; i < batch.count; i++) {
      const size_t index = first + static_cast<size_t>(i);
      const auto view = [&](const float* data) { return ImageView{data, kEdgeSide, kEdgeSide}; };
      const ImageView clean = list[index % list.size()];
      const std::vector<double> weights =
          posterior_weights(list, view(&batch.corrupted[i * values]), sigma);
      const std::vector<float> mean = posterior_mean(list, weights);
      const std::vector<float> median = posterior_median(list, weights);
      const ImageView network = view(&batch.restored[i * values]);
      Round& round = rounds[index / list.size()];
      round.count++;
      round.variance += posterior_variance(list, weights);
      round.excess += mean_squared_error(network, view(mean.data()));
      round.mean.add(clean, view(mean.data()));
      round.median.add(clean, view(median.data()));
      round.network.add(clean, network);
    }
  });

  const Round all = pool(rounds);
  return {.strength = strength,
          .contrast = contrast,
          .sigma = sigma,
          .mmse = all.variance / all.count,
          .excess = jackknife(rounds, [](const Round& r) { return r.excess / r.variance; }),
          .mean = answer_of("posterior mean", rounds, &Round::mean),
          .median = answer_of("posterior median", rounds, &Round::median),
          .network = answer_of("network", rounds, &Round::network)};
}

}  // namespace dae
