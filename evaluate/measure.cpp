#include "evaluate/measure.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <set>

#include "corrupt/corrupted_view.h"
#include "quality/gain.h"
#include "quality/scores.h"
#include "record/dataset_images.h"
#include "restore/restorer.h"
#include "restore/view_restorer.h"
#include "runtime/device.h"
#include "runtime/error.h"

namespace dae {
namespace {

constexpr int64_t kBatch = 16;

// Of which views are taken: that the pixels of a dataset that was not checked are sound.
using CheckPictures = std::function<void(const std::vector<View>&)>;

struct RowSpec {
  std::string name;
  CorruptSpec spec;
};

// `paired`: pictures come with others, which are given to the network in place of corrupted ones.
std::vector<RowSpec> row_specs(const MeasureOptions& options, bool paired) {
  const CorruptSpec none = no_corruption(options.corruption);
  if (options.sigma) {
    CorruptSpec spec = none;
    const auto sigma = static_cast<float>(*options.sigma);
    spec.noise = {sigma, sigma, true};
    validate(spec);
    return {{"sigma", spec}};
  }
  std::vector<RowSpec> rows = {{"all", options.corruption}};
  if (paired) return rows;
  const auto alone = [&](const char* name, const std::vector<Range CorruptSpec::*>& ranges) {
    CorruptSpec spec = none;
    bool any = false;
    for (Range CorruptSpec::*range : ranges) {
      spec.*range = options.corruption.*range;
      any |= (spec.*range).present;
    }
    if (any) rows.push_back({name, spec});
  };
  alone("noise",
        {&CorruptSpec::noise, &CorruptSpec::shot, &CorruptSpec::grain, &CorruptSpec::common});
  alone("blur", {&CorruptSpec::blur});
  alone("brightness", {&CorruptSpec::brightness});
  alone("channel", {&CorruptSpec::channel});
  alone("jpeg", {&CorruptSpec::jpeg});
  rows.push_back({"clean", none});
  return rows;
}

// The scores of one row's views, in order.
struct RowScores {
  std::vector<Scores> corrupted, restored, grey_world, true_gain;

  explicit RowScores(size_t views)
      : corrupted(views), restored(views), grey_world(views), true_gain(views) {}

  void set(size_t i, ByteView given, FloatView seen, FloatView answer, const Draw& draw,
           double grey) {
    const std::vector<float> clean_floats = to_floats(given);
    const FloatView clean{clean_floats.data(), given.height, given.width};
    Gain inverse;
    for (size_t c = 0; c < 3; c++) inverse[c] = 1.0 / draw.degradation.gain[c];
    const std::vector<float> balanced = apply_gain(seen, grey_world_gain(seen, grey));
    const std::vector<float> ungained = apply_gain(seen, inverse);
    corrupted[i] = score(clean, seen);
    restored[i] = score(clean, answer);
    grey_world[i] = score(clean, {balanced.data(), given.height, given.width});
    true_gain[i] = score(clean, {ungained.data(), given.height, given.width});
  }

  std::array<std::vector<Scores>*, 4> all() {
    return {&corrupted, &restored, &grey_world, &true_gain};
  }

  EvaluationRow summary(const std::string& name) const {
    return {name, summarize(corrupted), summarize(restored), summarize(grey_world),
            summarize(true_gain)};
  }
};

double mean_of(const std::vector<Source>& sources, const std::vector<View>& views, int64_t size) {
  double sum = 0;
  int64_t count = 0;
  for (const View& view : views) {
    const Source& source = sources[static_cast<size_t>(view.image)];
    const int64_t rows = size > 0 ? std::min<int64_t>(size, source.height) : source.height;
    for (int64_t y = 0; y < rows; y++) {
      const uint8_t* const row = source.pixels + (std::max(view.y, 0) + y) * source.row_bytes;
      const int64_t columns = size > 0 ? std::min<int64_t>(size, source.width) : source.width;
      for (int64_t i = 0; i < 3 * columns; i++) sum += row[3 * std::max(view.x, 0) + i];
      count += 3 * columns;
    }
  }
  return sum / (255.0 * static_cast<double>(count));
}

void evaluate_crops(const PlacedNetwork& network, const std::vector<Source>& sources,
                    const std::vector<RowSpec>& rows, const MeasureOptions& options,
                    const CheckPictures& check_pictures, Evaluation& evaluation) {
  const int64_t size = network.config.size;
  const std::vector<View> views =
      fixed_views(sources, size, options.views_per_image, options.most_views, options.seed);
  check_pictures(views);
  CorruptFlags flags = flags_of(options.corruption);
  flags.max_radius = kMaxRadius;
  ViewRestorer restorer(network.device, network.config, network.parameters, flags, kBatch, size,
                        size);
  Buffer own;
  std::span<std::byte> arena = network.arena;
  if (arena.size() < restorer.arena_bytes()) {
    own = Buffer(network.device, restorer.arena_bytes());
    arena = {own.data(), own.bytes()};
  }
  restorer.attach(arena.data(), arena.size(), network.weights, sources);
  const double grey = mean_of(sources, views, size);
  evaluation.views = static_cast<int64_t>(views.size());
  evaluation.view_size = fmt::format("{0}x{0} crops", size);
  for (const RowSpec& row : rows) {
    const std::vector<Draw> draws = fixed_draws(row.spec, options.seed, sources, size, views);
    RowScores scores(draws.size());
    const auto note = [&](size_t first, const ViewRestorer::Views& batch) {
#pragma omp parallel for schedule(dynamic)
      for (int64_t i = 0; i < batch.count; i++)
        scores.set(first + static_cast<size_t>(i), batch.clean_view(i), batch.corrupted_view(i),
                   batch.restored_view(i), draws[first + static_cast<size_t>(i)], grey);
      if (options.progress)
        options.progress(row.name, first + static_cast<size_t>(batch.count), draws.size());
    };
    restorer.run(draws, note, options.ranks);
    for (std::vector<Scores>* const of_views : scores.all())
      restorer.collect(*of_views, options.ranks);
    evaluation.rows.push_back(scores.summary(row.name));
  }
}

void evaluate_pictures(const PlacedNetwork& network, const std::vector<Source>& sources,
                       const std::vector<RowSpec>& rows, const MeasureOptions& options,
                       const CheckPictures& check_pictures, Evaluation& evaluation) {
  Restorer restorer(network.device, network.config, network.parameters, network.weights);
  std::vector<View> views;
  for (size_t i = 0; i < sources.size(); i++) views.push_back({static_cast<int64_t>(i)});
  check_pictures(views);
  const double grey = mean_of(sources, views, 0);
  evaluation.views = static_cast<int64_t>(sources.size());
  evaluation.view_size = "whole pictures";
  const CorruptFlags flags = flags_of(options.corruption);
  for (const RowSpec& row : rows) {
    RowScores scores(sources.size());
    for (size_t i = 0; i < sources.size(); i++) {
      Draw draw = draw_evaluation(row.spec, options.seed, static_cast<int64_t>(i), views[i]);
      tell_of_pair(draw, sources[i], sources[i].height, sources[i].width);
      const CorruptedPicture picture = corrupt_picture(sources[i], draw, flags);
      RestoreOptions told;
      if (network.config.noise_input) told.noise = 255.0 * double{draw.told};
      const std::vector<float> restored = restorer.restore(picture.corrupted(), told);
      scores.set(i, picture.clean(), picture.corrupted(),
                 {restored.data(), picture.height, picture.width}, draw, grey);
      if (options.progress) options.progress(row.name, i + 1, sources.size());
    }
    evaluation.rows.push_back(scores.summary(row.name));
  }
}

}  // namespace

OpenedRun::OpenedRun(const std::filesystem::path& run, Device device)
    : device_(device),
      trained_(open_trained_network(run, device)),
      weights_(device, trained_.weights.size() * sizeof(float)) {
  copy_between_devices(weights_.data(), trained_.weights.data(), weights_.bytes());
}

PlacedNetwork OpenedRun::network() {
  return {device_, trained_.config.network, trained_.parameters,
          reinterpret_cast<const float*>(weights_.data())};
}

Evaluation measure(const PlacedNetwork& network, const Dataset& dataset,
                   const std::vector<int64_t>& images, const MeasureOptions& options) {
  const std::vector<Source> sources = sources_of(dataset, images);
  const bool paired = !sources.empty() && sources[0].given != nullptr;
  const std::vector<RowSpec> rows = row_specs(options, paired);
  Evaluation evaluation;
  evaluation.noise_clip = options.corruption.clip ? "on" : "off";
  const CheckPictures check_pictures = [&](const std::vector<View>& views) {
    if (dataset.is_checked()) return;
    std::set<int64_t> shown;  // a picture has several views
    for (const View& view : views) shown.insert(view.image);
    for (const int64_t image : shown) dataset.check(images[static_cast<size_t>(image)]);
  };
  if (options.whole_pictures)
    evaluate_pictures(network, sources, rows, options, check_pictures, evaluation);
  else
    evaluate_crops(network, sources, rows, options, check_pictures, evaluation);
  return evaluation;
}

}  // namespace dae
