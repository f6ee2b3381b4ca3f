#include "laboratory/laboratory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "corrupt/corrupted_view.h"
#include "record/dataset_images.h"
#include "record/run_folder.h"
#include "runtime/error.h"
#include "runtime/rounding.h"
#include "train/session.h"
#include "train/training_pictures.h"

namespace dae {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMeasuringSeed = 1;
constexpr int64_t kValidations = 4;  // of a run whose curve nobody looks at

}  // namespace

Laboratory::Laboratory(const LabOptions& options, Dataset dataset)
    : options_(options),
      runs_(runs_of(options.setting)),
      dataset_(std::move(dataset)),
      split_(hold_out(dataset_, kHeldOut)),
      held_out_(names_of(dataset_, split_.held_out)) {
  const int64_t size = options.setting.size;
  std::erase_if(split_.held_out, [&](int64_t i) {
    return std::min(dataset_[i].view.height, dataset_[i].view.width) < size;
  });
  if (split_.held_out.empty())
    fail("{}: no picture of those held out has {}x{} pixels, which views of this setting need",
         options.dataset, size, size);
}

int64_t Laboratory::wanted() const {
  return static_cast<int64_t>(runs_.size()) * options_.setting.seeds;
}

fs::path Laboratory::path_of(const std::string& run, int seed) const {
  return options_.folder / fmt::format("{}-{}", run, seed);
}

RunConfig Laboratory::config_of(const LabRun& run, int seed) const {
  RunConfig config = run.config;
  config.dataset = options_.dataset;
  config.seed = static_cast<uint64_t>(seed);
  return config;
}

bool Laboratory::is_finished(const LabRun& run, int seed) const {
  const fs::path path = path_of(run.name, seed);
  if (!fs::exists(path / "config.json")) return false;
  const RunConfig have = read_run_config(path);
  RunConfig want = config_of(run, seed);
  // The device decides about precision, and time about the number of steps.
  want.network.dtype = have.network.dtype;
  want.held_out = held_out_;
  want.budget = have.budget;
  want.schedule.warmup = have.schedule.warmup;
  want.schedule.total = run.steps > 0 ? static_cast<uint64_t>(run.steps) : have.schedule.total;
  const bool same_time =
      run.steps > 0 || have.budget.starts_with(fmt::format("--time {:g},", run.seconds));
  if (want != have || !same_time)
    fail_usage(
        "{}: holds another run than this setting wants there, or other pictures were held out; "
        "give another --runs",
        path.string());
  return RunFolder::open(path).saved_step() == have.schedule.total;
}

bool Laboratory::train_missing(LabObserver& observer, const std::function<bool()>& late,
                               const std::stop_token& stop) {
  finished_.clear();
  failures_.clear();
  std::vector<std::pair<const LabRun*, int>> missing;
  for (int seed = 1; seed <= options_.setting.seeds; seed++)
    for (const LabRun& run : runs_) {
      try {
        if (is_finished(run, seed))
          finished_[run.name].push_back(seed);
        else
          missing.emplace_back(&run, seed);
      } catch (const UsageError&) {
        throw;
      } catch (const Error& error) {
        failures_.emplace_back(error.what());
      }
    }
  for (const auto& [run, seed] : missing) {
    if (late() || stop.stop_requested()) return false;
    const fs::path path = path_of(run->name, seed);
    SessionOptions training;
    training.config = config_of(*run, seed);
    training.device = options_.device;
    training.out = path;
    training.resume = fs::exists(path / "config.json");
    training.validations = kValidations;
    if (!training.resume) {
      training.budget.steps = run->steps;
      training.budget.seconds = run->seconds;
    }
    observer.begins(trained() + 1, wanted());
    try {
      const TrainingOutcome outcome = run_session(training, observer, stop);
      observer.ended(outcome);
      if (outcome.step < outcome.last_step) return false;
      finished_[run->name].push_back(seed);
    } catch (const Error& error) {
      failures_.push_back(fmt::format("{}: {}", path.string(), error.what()));
    }
  }
  return true;
}

bool Laboratory::knows(const std::string& run) const {
  return pca_rank(run) > 0 ||
         std::any_of(runs_.begin(), runs_.end(), [&](const LabRun& r) { return r.name == run; });
}

int64_t Laboratory::pca_rank(const std::string& run) const {
  for (const int64_t latent : options_.setting.latents)
    if (run == lab::pca(latent)) return latent;
  return 0;
}

std::vector<int> Laboratory::seeds(const std::string& run) const {
  if (pca_rank(run) > 0) {  // takes a minute, so it is fitted where there is something to compare
    std::set<int> any;
    for (const auto& [name, seeds] : finished_) any.insert(seeds.begin(), seeds.end());
    return {any.begin(), any.end()};
  }
  const auto known = finished_.find(run);
  return known == finished_.end() ? std::vector<int>{} : known->second;
}

int64_t Laboratory::trained() const {
  int64_t count = 0;
  for (const auto& [run, seeds] : finished_) count += static_cast<int64_t>(seeds.size());
  return count;
}

std::vector<std::string> Laboratory::trained_for(const CorruptSpec& corruption) const {
  std::vector<std::string> names;
  for (const LabRun& run : runs_)
    if (run.config.corruption == corruption && finished_.contains(run.name))
      names.push_back(run.name);
  return names;
}

std::string Laboratory::why_none(const std::string& run) const {
  return !knows(run) ? "full setting only" : seeds(run).empty() ? "not trained yet" : "-";
}

Laboratory::Condition& Laboratory::condition(const CorruptSpec& corruption) {
  for (const auto& [spec, known] : conditions_)
    if (spec == corruption) return *known;
  // How natural restorations look is asked of the whole corruption alone, and where there are any.
  const bool judged = corruption == CorruptSpec{} && trained() > 0;
  if (judged && judge_.widths.empty())
    judge_ = train_judge(sources_of(dataset_, split_.train), options_.setting.judge_steps);
  auto made = std::make_unique<Condition>();
  made->material = make_blur_material(dataset_, split_.held_out,
                                      {.size = options_.setting.size,
                                       .views_per_image = options_.setting.views,
                                       .corruption = corruption,
                                       .judge = judged ? judge_ : FeatureNetwork{},
                                       .distance_groups = size_t{judged},
                                       .seed = kMeasuringSeed});
  conditions_.emplace_back(corruption, std::move(made));
  return *conditions_.back().second;
}

const BlurMaterial& Laboratory::material(const CorruptSpec& corruption) {
  return condition(corruption).material;
}

const BlurMeasures& Laboratory::corrupted(const CorruptSpec& corruption) {
  Condition& c = condition(corruption);
  if (!c.corrupted) c.corrupted = measure_corrupted(c.material);
  return *c.corrupted;
}

const MeasuredRun& Laboratory::measured(const std::string& run, int seed,
                                        const CorruptSpec& corruption) {
  Condition& c = condition(corruption);
  const auto known = c.runs.find({run, seed});
  if (known != c.runs.end()) return known->second;
  const fs::path path = path_of(run, seed);
  const int64_t rank = pca_rank(run);
  MeasuredRun measured = rank > 0 ? measure_pca(rank, seed, c.material)
                                  : measure_run(path, options_.device, c.material);
  return c.runs.emplace(std::pair(run, seed), std::move(measured)).first->second;
}

// Fitted to crops of the pictures that runs are trained on, as large as theirs.
MeasuredRun Laboratory::measure_pca(int64_t rank, int seed, const BlurMaterial& material) {
  if (!pca_.contains(seed)) {
    const int64_t size = options_.setting.size, crops = options_.setting.pca_crops;
    const auto images = static_cast<int64_t>(split_.train.size());
    const std::vector<Source> sources = sources_of(dataset_, split_.train);
    const CorruptSpec clean = no_corruption();
    std::vector<std::vector<float>> samples;
    for (const View& view :
         fixed_views(sources, size, ceil_div(crops, images), crops, static_cast<uint64_t>(seed))) {
      const Draw draw = draw_evaluation(clean, kMeasuringSeed, 0, view);
      const CorruptedPicture crop = corrupt_view(sources, draw, size, size, flags_of(clean));
      samples.push_back(to_floats(crop.clean()));
    }
    pca_.emplace(seed, Pca(samples));
  }
  const auto answers = [&](const PictureSet& set) {
    Pictures restored = pca_.at(seed).reconstruct(set.corrupted, rank);
    for (std::vector<float>& picture : restored)
      for (float& value : picture) value = std::clamp(value, 0.0f, 1.0f);
    return restored;
  };
  MeasuredRun run{answers(material.views), {}};
  run.measures =
      measure_blur(material, run.views, answers(material.leaves), answers(material.edges));
  return run;
}

const BlurMeasures& Laboratory::measures(const std::string& run, int seed,
                                         const CorruptSpec& corruption) {
  return measured(run, seed, corruption).measures;
}

const Pictures& Laboratory::views(const std::string& run, int seed, const CorruptSpec& corruption) {
  return measured(run, seed, corruption).views;
}

Interval Laboratory::value(const std::string& run, const CorruptSpec& corruption, Measure m) {
  std::vector<double> values;
  for (const int seed : seeds(run)) values.push_back(measures(run, seed, corruption)[m].value);
  return interval_of_finite(values);
}

double Laboratory::beyond(const std::string& run, const CorruptSpec& corruption, Measure m) {
  for (const int seed : seeds(run))
    if (const double value = measures(run, seed, corruption)[m].value; std::isinf(value))
      return value;
  return 0;
}

Interval Laboratory::difference(const std::string& a, const std::string& b,
                                const CorruptSpec& corruption, Measure m) {
  const std::vector<int> of_a = seeds(a), of_b = seeds(b);
  std::vector<double> differences;
  for (const int seed : of_a)
    if (std::count(of_b.begin(), of_b.end(), seed))
      differences.push_back(measures(a, seed, corruption)[m].value -
                            measures(b, seed, corruption)[m].value);
  return interval_of_finite(differences);
}

}  // namespace dae
