#include "laboratory/edge_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/image.h"
#include "data/safetensors.h"
#include "laboratory/material.h"
#include "laboratory/measures/edge.h"
#include "laboratory/measures/posterior.h"
#include "quality/psnr.h"
#include "report/sheet.h"
#include "restore/view_restorer.h"
#include "runtime/device.h"

namespace dae {
namespace {

constexpr double kLooks = 3.0 * kEdgeSide;
constexpr int64_t kBatch = 66, kRoundPictures = 66;

// As much as the range holds, where the sigmoid helps an output to be exactly one of the two sides,
// which absolute error asks for; less for strengths below 2, whose noise would dwarf the first
// weights. Each place's share of the contrast is whole codes: 8-bit pictures hold it exactly.
double contrast_for(double strength) {
  return kEdgesPerPixel * std::round(7 * std::min(1.0, strength / 2)) / 255;
}

// Of a round's pictures, all places alike: 83 is prime to the number of pictures.
size_t picture_of(int64_t draw, size_t pictures) {
  return static_cast<size_t>(83 * draw) % pictures;
}

// Dark to the left: training's flips make the others.
std::vector<Image> edge_pictures(double contrast) {
  std::vector<Image> pictures;
  for (int place = 0; place < kEdgePlaces; place++) {
    const Edge edge{.angle = 0,
                    .offset = (place - 0.5 * (kEdgePlaces - 1)) / kEdgesPerPixel,
                    .low = 128.0 / 255 - contrast / 2,
                    .high = 128.0 / 255 + contrast / 2};
    pictures.push_back(
        to_image(FloatView{draw_edge(edge, kEdgeSide, kEdgeSide).data(), kEdgeSide, kEdgeSide}));
  }
  return pictures;
}

std::vector<Source> sources_of(const std::vector<Image>& pictures) {
  std::vector<Source> sources;
  for (const Image& picture : pictures) sources.push_back(source_of(picture.view()));
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

  void add(const FloatView& clean, const FloatView& answer) {
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

// Pictures from all places, each under noise of its own. Risks are expected given what was seen,
// not counted from the one picture that was there.
struct Round {
  double count = 0, variance = 0, mse_excess = 0, median_risk = 0, l1_risk = 0;
  AnswerSums mean, median, by_mse, by_l1;

  Round& operator+=(const Round& b) {
    count += b.count, variance += b.variance, mse_excess += b.mse_excess;
    median_risk += b.median_risk, l1_risk += b.l1_risk;
    mean += b.mean, median += b.median, by_mse += b.by_mse, by_l1 += b.by_l1;
    return *this;
  }
  Round& operator-=(const Round& b) {
    count -= b.count, variance -= b.variance, mse_excess -= b.mse_excess;
    median_risk -= b.median_risk, l1_risk -= b.l1_risk;
    mean -= b.mean, median -= b.median, by_mse -= b.by_mse, by_l1 -= b.by_l1;
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

// What is drawn at one strength, under what noise.
struct EdgeTask {
  double strength, contrast, sigma;
  CorruptSpec spec;
  std::vector<Image> pictures;
  std::vector<Source> sources;
  std::vector<std::vector<float>> listed;  // every picture, then every mirror image

  explicit EdgeTask(double at)
      : strength(at),
        contrast(contrast_for(at)),
        sigma(contrast * std::sqrt(kLooks) / at),
        spec(noise_alone(sigma)),
        pictures(edge_pictures(contrast)),
        sources(sources_of(pictures)) {
    for (const bool flip : {false, true})
      for (const Source& source : sources) {
        std::vector<float> values = to_floats({source.pixels, kEdgeSide, kEdgeSide});
        if (flip)
          for (int64_t y = 0; y < kEdgeSide; y++)
            std::reverse(values.begin() + y * 3 * kEdgeSide,
                         values.begin() + (y + 1) * 3 * kEdgeSide);
        listed.push_back(std::move(values));
      }
  }
};

FloatView view_of(const float* picture) {
  return {picture, kEdgeSide, kEdgeSide};
}

std::vector<float> repeated(const std::vector<float>& row) {
  std::vector<float> picture;
  for (int64_t y = 0; y < kEdgeSide; y++) picture.insert(picture.end(), row.begin(), row.end());
  return picture;
}

// All that decides what a network becomes.
std::string recipe(const EdgeStudyOptions& o, const Schedule& schedule) {
  return fmt::format("{} {} {}, {} steps of {} at {}, seed {}, {} places a pixel",
                     name_of(o.network.kind), o.network.width, o.network.latent, schedule.total,
                     o.batch, schedule.peak, o.seed, kEdgesPerPixel);
}

// Empty when progress() ended it.
std::vector<float> train_network(const EdgeStudyOptions& options, const EdgeTask& task,
                                 LossKind loss) {
  const std::filesystem::path file =
      options.folder / fmt::format("edges-{}-{}.safetensors", task.strength, name_of(loss));
  const Schedule schedule = schedule_of(options, loss);
  const Shape all = {parameters_of(options.network).count()};
  if (!options.folder.empty() && std::filesystem::exists(file)) {
    const Safetensors kept(file);
    const auto made = kept.metadata().find("recipe");
    if (made != kept.metadata().end() && made->second == recipe(options, schedule)) {
      const auto* values = static_cast<const float*>(kept.get("ema", all, DType::f32));
      return {values, values + all.count()};
    }
  }
  const auto trainer = make_trainer({.device = options.device,
                                     .network = options.network,
                                     .corruption = task.spec,
                                     .loss = {{LossSpec::Term{.kind = loss}}},
                                     .adam = {.beta2 = 0.999f},
                                     .schedule = schedule,
                                     .batch = options.batch,
                                     .seed = options.seed},
                                    task.sources);
  for (uint64_t step = 0; step < schedule.total;) {
    step += static_cast<uint64_t>(trainer->run(schedule.total - step > 1 ? 2 : 1));
    if (options.progress && !options.progress(task.strength, loss, static_cast<int64_t>(step)))
      return {};
  }
  std::vector<float> values = trainer->checkpoint().ema;
  if (!options.folder.empty()) {
    std::filesystem::create_directories(options.folder);
    save_safetensors(file, {{"ema", {reinterpret_cast<std::byte*>(values.data()), all}}},
                     {{"recipe", recipe(options, schedule)}});
  }
  return values;
}

// What a network makes of each draw.
Pictures restore(const EdgeStudyOptions& options, const EdgeTask& task,
                 const std::vector<float>& values, const std::vector<Draw>& draws,
                 Pictures* corrupted) {
  ParameterSet parameters;
  ViewRestorer restorer(options.device, options.network, parameters, flags_of(task.spec), kBatch,
                        kEdgeSide, kEdgeSide);
  const Buffer arena(options.device, restorer.arena_bytes());
  const Buffer weights(options.device, values.size() * sizeof(float));
  copy_between_devices(weights.data(), values.data(), weights.bytes());
  restorer.attach(arena.data(), arena.bytes(), reinterpret_cast<const float*>(weights.data()),
                  task.sources);
  constexpr int64_t kValues = kEdgeSide * kEdgeSide * 3;
  Pictures restored;
  restorer.run(draws, [&](size_t, const ViewRestorer::Views& batch) {
    for (int64_t i = 0; i < batch.count * kValues; i += kValues) {
      restored.emplace_back(&batch.restored[i], &batch.restored[i] + kValues);
      if (corrupted) corrupted->emplace_back(&batch.corrupted[i], &batch.corrupted[i] + kValues);
    }
  });
  return restored;
}

}  // namespace

Schedule schedule_of(const EdgeStudyOptions& options, LossKind loss) {
  Schedule schedule = options.schedule;
  if (loss == LossKind::l1) {
    schedule.total *= options.l1_factor;
    schedule.warmup *= options.l1_factor;
  }
  return schedule;
}

std::optional<EdgePoint> study_edge(const EdgeStudyOptions& options, double strength) {
  const EdgeTask task(strength);
  std::vector<FloatView> list, rows;  // all rows of a picture are alike
  for (const std::vector<float>& values : task.listed) {
    list.push_back(view_of(values.data()));
    rows.push_back({values.data(), 1, kEdgeSide});
  }
  std::vector<Draw> draws;
  for (int64_t i = 0; i < options.rounds * kRoundPictures; i++) {
    const size_t picture = picture_of(i, list.size());
    const View view{.image = static_cast<int64_t>(picture % task.sources.size()),
                    .flip = picture >= task.sources.size()};
    draws.push_back(draw_evaluation(task.spec, options.seed + 1, i, view));
  }
  const std::vector<float> mse_weights = train_network(options, task, LossKind::mse);
  if (mse_weights.empty()) return std::nullopt;
  const std::vector<float> l1_weights = train_network(options, task, LossKind::l1);
  if (l1_weights.empty()) return std::nullopt;
  Pictures seen;
  const Pictures by_mse = restore(options, task, mse_weights, draws, &seen);
  const Pictures by_l1 = restore(options, task, l1_weights, draws, nullptr);

  std::vector<Round> rounds(static_cast<size_t>(options.rounds));
#pragma omp parallel for schedule(dynamic)
  for (size_t r = 0; r < rounds.size(); r++)
    for (size_t i = r * kRoundPictures; i < (r + 1) * kRoundPictures; i++) {
      const FloatView clean = list[picture_of(static_cast<int64_t>(i), list.size())];
      const std::vector<double> weights =
          posterior_weights(list, view_of(seen[i].data()), task.sigma);
      const std::vector<float> mean = repeated(posterior_mean(rows, weights));
      const std::vector<float> median = repeated(posterior_median(rows, weights));
      const FloatView answers[] = {view_of(mean.data()), view_of(median.data()),
                                   view_of(by_mse[i].data()), view_of(by_l1[i].data())};
      Round& round = rounds[r];
      round.count++;
      round.variance += posterior_variance(rows, weights);
      round.mse_excess += mean_squared_error(answers[2], answers[0]);
      round.median_risk += posterior_absolute_error(list, weights, answers[1]);
      round.l1_risk += posterior_absolute_error(list, weights, answers[3]);
      AnswerSums* const sums[] = {&round.mean, &round.median, &round.by_mse, &round.by_l1};
      for (size_t a = 0; a < std::size(answers); a++) sums[a]->add(clean, answers[a]);
    }

  const Round all = pool(rounds);
  return EdgePoint{
      .strength = strength,
      .contrast = task.contrast,
      .sigma = task.sigma,
      .mmse = all.variance / all.count,
      .least_absolute = all.median_risk / all.count,
      .mse_excess = jackknife(rounds, [](const Round& r) { return r.mse_excess / r.variance; }),
      .l1_excess = jackknife(rounds, [](const Round& r) { return r.l1_risk / r.median_risk - 1; }),
      .mean = answer_of("posterior mean", rounds, &Round::mean),
      .median = answer_of("posterior median", rounds, &Round::median),
      .by_mse = answer_of("network, MSE", rounds, &Round::by_mse),
      .by_l1 = answer_of("network, L1", rounds, &Round::by_l1)};
}

}  // namespace dae
