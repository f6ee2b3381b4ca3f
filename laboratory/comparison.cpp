#include "laboratory/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "record/dataset_images.h"
#include "record/run_folder.h"
#include "record/trained_on.h"
#include "runtime/error.h"

namespace dae {
namespace {

namespace fs = std::filesystem;

// The runs that can be compared, in the order given; a line for each that cannot.
std::vector<BlurRun> open_runs(const ComparisonOptions& options, std::vector<std::string>& notes) {
  std::vector<BlurRun> runs;
  for (const std::string& path : options.runs) try {
      BlurRun run;
      run.path = path;
      run.config = read_run_config(path);
      run.steps = RunFolder::open(path).saved_step().value_or(0);
      if (run.steps < run.config.schedule.total)
        fail("{}: unfinished, {} of {} steps: finish it with train_cuda --resume --out {}", path,
             run.steps, run.config.schedule.total, path);
      run.name = (fs::path(path) / "").parent_path().filename().string();
      for (const BlurRun& other : runs)
        if (other.name == run.name) run.name = path;
      runs.push_back(std::move(run));
    } catch (const Error& error) {
      notes.push_back(fmt::format("Left out: {}", error.what()));
    }
  return runs;
}

// Pictures that no run was trained on and that are as large as a view.
std::vector<int64_t> held_out_images(const Dataset& dataset, const std::string& path,
                                     const std::vector<BlurRun>& runs, int64_t size,
                                     std::vector<std::string>& notes) {
  std::vector<std::function<bool(const std::string&)>> trained;
  for (const BlurRun& run : runs) trained.push_back(trained_on(run.config, path));
  std::vector<int64_t> images;
  int64_t seen = 0, small = 0;
  for (int64_t i = 0; i < dataset.size(); i++) {
    if (std::any_of(trained.begin(), trained.end(),
                    [&](const auto& on) { return on(std::string(dataset[i].name)); }))
      seen++;
    else if (std::min(dataset[i].view.height, dataset[i].view.width) < size)
      small++;
    else
      images.push_back(i);
  }
  if (seen > 0)
    notes.push_back(
        fmt::format("Left out: {} pictures of {} that a run was trained on.", seen, path));
  if (small > 0)
    notes.push_back(
        fmt::format("Left out: {} pictures of {} smaller than {}x{}.", small, path, size, size));
  if (images.empty())
    fail("{}: no picture of at least {}x{} pixels that the runs were not trained on", path, size,
         size);
  return images;
}

}  // namespace

BlurPage compare_runs(const ComparisonOptions& options, Device device) {
  BlurPage page;
  std::vector<BlurRun> runs = open_runs(options, page.notes);
  if (runs.empty()) fail("no run to report on. {}", fmt::join(page.notes, " "));
  const RunConfig first = runs.front().config;
  const int64_t size = options.size > 0 ? options.size : first.network.size;
  const CorruptSpec spec = options.corruption(first.corruption);
  std::erase_if(runs, [&](const BlurRun& run) {
    const NetworkConfig& n = run.config.network;
    const bool impossible = has_one_size(n) && n.size != size;
    if (impossible)
      page.notes.push_back(
          fmt::format("Left out: {}: fc restores crops of {} pixels only, and the "
                      "views are of {}",
                      run.path, n.size, size));
    return impossible;
  });
  for (const BlurRun& run : runs) {
    if (run.config.network.size != size)
      page.notes.push_back(fmt::format("{} was trained on crops of {} pixels and restores {} here.",
                                       run.path, run.config.network.size, size));
    if (run.config.corruption != spec)
      page.notes.push_back(
          fmt::format("{} was trained for another corruption than it meets here.", run.path));
  }

  page.dataset = options.dataset.empty() ? validated_on(first) : options.dataset;
  const Dataset dataset = options.open(page.dataset, first.max_side);
  const std::vector<int64_t> images =
      held_out_images(dataset, page.dataset, runs, size, page.notes);
  options.progress("training the judge");
  // On pictures that are not measured, where there are any.
  std::vector<int64_t> others;
  for (int64_t i = 0; i < dataset.size(); i++)
    if (!std::binary_search(images.begin(), images.end(), i)) others.push_back(i);
  const FeatureNetwork judge =
      train_judge(sources_of(dataset, others.empty() ? images : others), options.judge_steps);
  options.progress("corrupting");
  page.material = make_blur_material(dataset, images,
                                     {.size = size,
                                      .views_per_image = options.views,
                                      .corruption = spec,
                                      .judge = judge,
                                      .seed = options.seed});
  page.corrupted = measure_corrupted(page.material);
  for (BlurRun& run : runs) try {
      options.progress(fmt::format("measuring {}", run.name));
      static_cast<MeasuredRun&>(run) = measure_run(run.path, device, page.material);
      page.runs.push_back(std::move(run));
    } catch (const Error& error) {
      page.notes.push_back(fmt::format("Left out: {}", error.what()));
    }
  if (page.runs.empty()) fail("no run to report on. {}", fmt::join(page.notes, " "));

  return page;
}

}  // namespace dae
