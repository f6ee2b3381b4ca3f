// blur_report: how sharp finished runs are, side by side on one page.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "data/files.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "tools/blur/comparison_page.h"
#include "tools/blur/edge_page.h"
#include "tools/html.h"
#include "tools/open_pictures.h"
#include "tools/program.h"
#include "tools/progress.h"
#include "tools/run_folder.h"
#include "tools/text.h"

namespace {

using namespace dae;
namespace fs = std::filesystem;

constexpr const char* kAbout =
    "Compares how sharp finished runs restore the same held-out views under the same corruption: "
    "one\n"
    "self-contained page with transfer, effective blur, texture, edges, a distance between sets "
    "of\n"
    "patches, paired differences, and the crops where the runs differ most.\n\n"
    "  blur_report runs/mse runs/l1 --dataset photos/ --out blur.html\n"
    "  blur_report --edges --out edges.html    is it the loss? trains on edges whose best answer "
    "is\n"
    "                                          known exactly, and measures both";

struct Options {
  std::vector<std::string> runs;
  std::string dataset, out, json_file;
  int64_t size = 0, views = 4, steps = static_cast<int64_t>(EdgeStudyOptions{}.schedule.total);
  bool edges = false;
  uint64_t seed = 1;
};

// The runs that can be compared, in the order given; a line for each that cannot.
std::vector<BlurRun> open_runs(const Options& options, std::vector<std::string>& notes) {
  std::vector<BlurRun> runs;
  for (const std::string& path : options.runs) try {
      BlurRun run;
      run.path = path;
      run.config = read_run_config(path);
      const std::vector<MetricsRow> metrics = RunFolder::open(path).metrics();
      run.steps = metrics.empty() ? 0 : metrics.back().step;
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
  std::vector<int64_t> images;
  int64_t trained_on = 0, small = 0;
  std::error_code ignored;
  for (int64_t i = 0; i < dataset.size(); i++) {
    const bool seen = std::any_of(runs.begin(), runs.end(), [&](const BlurRun& run) {
      const RunConfig& c = run.config;
      return (c.dataset == path || fs::equivalent(c.dataset, path, ignored)) &&
             (!c.validation.empty() ||
              !std::count(c.held_out.begin(), c.held_out.end(), valid_utf8(dataset[i].name)));
    });
    if (seen)
      trained_on++;
    else if (std::min(dataset[i].height, dataset[i].width) < size)
      small++;
    else
      images.push_back(i);
  }
  if (trained_on > 0)
    notes.push_back(
        fmt::format("Left out: {} pictures of {} that a run was trained on.", trained_on, path));
  if (small > 0)
    notes.push_back(
        fmt::format("Left out: {} pictures of {} smaller than {}x{}.", small, path, size, size));
  if (images.empty())
    fail("{}: no picture of at least {}x{} pixels that the runs were not trained on", path, size,
         size);
  return images;
}

void measure(BlurRun& run, Device device, const BlurMaterial& material) {
  settle_precision(run.config.network, device);
  ParameterSet parameters = parameters_of(run.config.network);
  const std::vector<float> values = RunFolder::open(run.path).load_weights(parameters);
  const Buffer weights(device, values.size() * sizeof(float));
  copy_between_devices(weights.data(), values.data(), weights.bytes());
  const Network network{device, run.config, parameters,
                        reinterpret_cast<const float*>(weights.data())};
  run.views = restore_set(network, material, material.views);
  run.measures = measure_blur(material, run.views, restore_set(network, material, material.leaves),
                              restore_set(network, material, material.edges));
}

int report(const Options& options, Device device, const CorruptionOptions& corruption) {
  BlurPage page;
  std::vector<BlurRun> runs = open_runs(options, page.notes);
  if (runs.empty()) fail("no run to report on. {}", fmt::join(page.notes, " "));
  const RunConfig first = runs.front().config;
  const int64_t size = options.size > 0 ? options.size : first.network.size;
  const CorruptSpec spec = corruption.apply(first.corruption);
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

  page.dataset = !options.dataset.empty()   ? options.dataset
                 : first.validation.empty() ? first.dataset
                                            : first.validation;
  const Dataset dataset = open_pictures(page.dataset, first.max_side);
  const std::vector<int64_t> images =
      held_out_images(dataset, page.dataset, runs, size, page.notes);
  ProgressLine line;
  line.show("corrupting");
  page.material = make_blur_material(
      dataset, images,
      {.size = size, .views_per_image = options.views, .corruption = spec, .seed = options.seed});
  page.corrupted = measure_blur(page.material, page.material.views.corrupted,
                                page.material.leaves.corrupted, page.material.edges.corrupted);
  for (BlurRun& run : runs) try {
      line.show(fmt::format("measuring {}", run.name));
      measure(run, device, page.material);
      page.runs.push_back(std::move(run));
    } catch (const Error& error) {
      page.notes.push_back(fmt::format("Left out: {}", error.what()));
    }
  line.clear();
  if (page.runs.empty()) fail("no run to report on. {}", fmt::join(page.notes, " "));

  write_file_atomically(options.out, std::string_view(render_blur_page(page)));
  if (!options.json_file.empty())
    write_file_atomically(options.json_file, std::string_view(to_json(page).dump(2) + "\n"));
  for (const std::string& note : page.notes) fmt::print("{}\n", note);
  for (const BlurRun& run : page.runs)
    fmt::print("{}: PSNR {} dB, effective blur {} pixels\n", run.name,
               show(Measure::psnr, run.measures[Measure::psnr]),
               show(Measure::blur, run.measures[Measure::blur]));
  fmt::print("{}\n", options.out);
  return 0;
}

int report_edges(const Options& options, Device device) {
  EdgeStudyOptions study;
  study.device = device;
  study.schedule.total = static_cast<uint64_t>(options.steps);
  study.schedule.warmup = study.schedule.total / 20;
  study.seed = options.seed;
  ProgressLine line;
  study.progress = [&](double strength, LossKind loss, int64_t step) {
    line.show(fmt::format("strength {}, {}: step {} of {}", strength, name_of(loss), step,
                          options.steps));
  };
  std::vector<EdgePoint> points;
  for (const double strength : kEdgeStrengths) {
    points.push_back(study_edge(study, strength));
    const Interval mse = jackknife_interval(points.back().mse_excess);
    const Interval l1 = jackknife_interval(points.back().l1_excess);
    line.clear();
    fmt::print(
        "strength {}: MSE {:.1f}% [{:.1f}, {:.1f}] above the posterior mean, L1 {:.1f}% [{:.1f}, "
        "{:.1f}] above the median\n",
        strength, 100 * mse.mean, 100 * mse.low, 100 * mse.high, 100 * l1.mean, 100 * l1.low,
        100 * l1.high);
  }
  const std::string page =
      html::page("Is it the loss? Edges under noise", edge_section(study, points));
  write_file_atomically(options.out, std::string_view(page));
  if (!options.json_file.empty())
    write_file_atomically(options.json_file,
                          std::string_view(to_json(study, points).dump(2) + "\n"));
  fmt::print("{}\n", options.out);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  Options options;
  DeviceOptions device;
  CorruptionOptions corruption;
  auto* const runs = app.add_option("RUN", options.runs, "run folders of train_cuda");
  auto* const edges =
      app.add_flag("--edges", options.edges, "the study of edges under noise instead of runs")
          ->excludes(runs);
  app.add_option("--steps", options.steps, "with --edges: training steps a network")
      ->needs(edges)
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  auto* const dataset = app.add_option(
      "--dataset", options.dataset,
      "pictures to restore; those a run was trained on are left out [those the first "
      "run held out]");
  app.add_option("--out", options.out, "the page, an HTML file")->required();
  auto* const size =
      app.add_option("--size", options.size,
                     "side of the views in pixels, a multiple of 8 [the first run's crop]")
          ->check(CLI::Range(8, 4096));
  auto* const views = app.add_option("--views", options.views, "views a picture")
                          ->check(CLI::Range(1, 1000))
                          ->capture_default_str();
  for (auto* const of_runs : {dataset, size, views}) edges->excludes(of_runs);
  add_seed(app, options.seed, "of what is drawn");
  app.add_option("--json", options.json_file, "write the figures to this file as well");
  corruption.add_to(app);
  device.add_to(app);

  return run_program("blur_report", app, argc, argv, [&] {
    if (options.edges) return report_edges(options, device.apply());
    if (options.runs.empty()) fail_usage("give run folders, or --edges");
    if (options.size % 8 != 0) fail_usage("--size {}: not a multiple of 8", options.size);
    return report(options, device.apply(), corruption);
  });
}
