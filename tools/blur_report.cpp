// blur_report: how sharp finished runs are, side by side on one page.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/files.h"
#include "data/text.h"
#include "laboratory/comparison.h"
#include "laboratory/edge_page.h"
#include "laboratory/lab_page.h"
#include "report/html.h"
#include "runtime/error.h"
#include "tools/open_pictures.h"
#include "tools/program.h"
#include "tools/progress.h"
#include "tools/training_console.h"

namespace {

using namespace dae;
namespace fs = std::filesystem;

// clang-format off: a line is a line of the text
constexpr const char* kAbout =
    "Compares how sharp finished runs restore the same held-out views under the same\n"
    "corruption: one self-contained page with transfer, effective blur, texture, edges, a\n"
    "distance between sets of patches, paired differences, and the crops where the runs\n"
    "differ most. Or trains what answers the five questions of the blur laboratory: is it\n"
    "the loss, is it the architecture, how much is whose, what helps, which corruption\n"
    "blurs most.\n"
    "\n"
    "  blur_report runs/mse runs/l1 --dataset photos/ --out blur.html\n"
    "  blur_report --train small --dataset photos/ --out lab.html\n"
    "      half an hour on two cores; goes on where it was stopped. full: the same networks\n"
    "      for longer, and nothing left out, under two hours; large: for a GPU, a day\n"
    "  blur_report --edges --out edges.html\n"
    "      the first question alone: trains on edges whose best answer is known exactly,\n"
    "      and measures both";
// clang-format on

struct Options {
  ComparisonOptions comparison;
  std::string out, json_file, train, folder;
  double seconds = 0;
  int64_t steps = static_cast<int64_t>(EdgeStudyOptions{}.schedule.total);
  bool edges = false;
};

// Hours may lie between the command and what it writes.
void check_there_is_a_place(const char* option, const std::string& file) {
  if (file.empty()) return;
  const fs::path folder = fs::absolute(file).parent_path();
  if (!fs::is_directory(folder))
    fail_usage("{} {}: there is no folder {}; make it first", option, file, folder.string());
}

void write_page(const Options& options, const std::string& page, const nlohmann::json& figures) {
  write_file_atomically(options.out, std::string_view(page));
  if (!options.json_file.empty())
    write_file_atomically(options.json_file, std::string_view(file_text(figures)));
  fmt::print("{}\n", options.out);
}

int report_runs(Options options, Device device, const CorruptionOptions& corruption) {
  ProgressLine line;
  options.comparison.corruption = [&](const CorruptSpec& spec) { return corruption.apply(spec); };
  options.comparison.open = open_pictures;
  options.comparison.progress = [&](const std::string& what) { line.show(what); };
  const BlurPage page = compare_runs(options.comparison, device);
  line.clear();
  for (const std::string& note : page.notes) fmt::print("{}\n", note);
  for (const BlurRun& run : page.runs)
    fmt::print("{}: PSNR {} dB, effective blur {} pixels\n", run.name,
               show(Measure::psnr, run.measures[Measure::psnr]),
               show(Measure::blur, run.measures[Measure::blur]));
  write_page(options, render_blur_page(page), to_json(page));
  return 0;
}

// Question 1 at as many strengths as there are before `stop`, which is asked between them. A
// network that has begun is trained to its end, but for Ctrl-C: there is none halfway to go on
// from.
std::vector<EdgePoint> study_edges(EdgeStudyOptions& study, const std::function<bool()>& stop) {
  ProgressLine line;
  study.progress = [&](double strength, LossKind loss, int64_t step) {
    line.show(fmt::format("edges of strength {}, {}: step {} of {}", strength, name_of(loss), step,
                          schedule_of(study, loss).total));
    return !interrupted();
  };
  std::vector<EdgePoint> points;
  for (const double strength : kEdgeStrengths) {
    if (stop()) break;
    const std::optional<EdgePoint> point = study_edge(study, strength);
    if (!point) break;
    points.push_back(*point);
    const Interval mse = jackknife_interval(points.back().mse_excess);
    const Interval l1 = jackknife_interval(points.back().l1_excess);
    line.clear();
    fmt::print(
        "edges of strength {}: MSE {:.1f}% [{:.1f}, {:.1f}] above the posterior mean, L1 {:.1f}% "
        "[{:.1f}, {:.1f}] above the median\n",
        strength, 100 * mse.mean, 100 * mse.low, 100 * mse.high, 100 * l1.mean, 100 * l1.low,
        100 * l1.high);
  }
  return points;
}

int report_edges(const Options& options, Device device) {
  EdgeStudyOptions study;
  study.device = device;
  study.schedule.total = static_cast<uint64_t>(options.steps);
  study.schedule.warmup = study.schedule.total / 20;
  study.seed = options.comparison.seed;
  const std::vector<EdgePoint> points = study_edges(study, [] { return false; });
  write_page(options, html::page("Is it the loss? Edges under noise", edge_section(study, points)),
             to_json(study, points));
  return 0;
}

// A line a run, and the progress of the one that is trained.
class LabConsole : public LabObserver {
 public:
  explicit LabConsole(std::stop_source& stop) : console_(stop) {}
  void begins(int64_t number, int64_t wanted) override {
    prefix_ = fmt::format("{}/{} ", number, wanted);
    console_.make_brief(prefix_);
  }
  void preparing(const std::string& what, size_t done, size_t total) override {
    console_.preparing(what, done, total);
  }
  void warned(const std::string& text) override { console_.warned(text); }
  void progressed(const TrainingProgress& progress) override { console_.progressed(progress); }
  void ended(const TrainingOutcome& outcome) override {
    console_.clear();
    fmt::print("{}{}: {} of {} steps, {:.2f} dB\n", prefix_, outcome.run.filename().string(),
               outcome.step, outcome.last_step, outcome.evaluation.rows.front().restored.mean.psnr);
  }
  void clear() { console_.clear(); }

 private:
  TrainingConsole console_;
  std::string prefix_;
};

int report_laboratory(const Options& options, Device device) {
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  LabOptions lab_options;
  lab_options.setting = find_setting(options.train);
  const std::string& dataset = options.comparison.dataset;
  // Absolute, so that training can be gone on with from anywhere.
  lab_options.dataset =
      dataset == "synthetic" ? dataset : fs::absolute(dataset).lexically_normal().string();
  lab_options.folder = options.folder.empty() ? "runs/blur-" + options.train : options.folder;
  lab_options.device = device;
  Laboratory lab(lab_options, open_pictures(lab_options.dataset, RunConfig{}.max_side));
  catch_interrupts();
  const auto late = [&] {
    return interrupted() || (options.seconds > 0 && seconds() > options.seconds);
  };
  EdgeStudyOptions study = lab_options.setting.edges;
  study.device = device;
  study.folder = lab_options.folder / "edges";
  const std::vector<EdgePoint> points = study_edges(study, late);
  std::stop_source stop;
  LabConsole console(stop);
  const bool complete = lab.train_missing(console, late, stop.get_token());
  console.clear();
  const bool was_interrupted = interrupted();

  ProgressLine line;
  line.show("measuring");
  const LabPage page = render_lab_page(lab, study, points);
  line.clear();
  write_page(options, page.html, page.figures);
  for (const std::string& failure : lab.failures()) fmt::print(stderr, "left out: {}\n", failure);
  if (!complete || !lab.failures().empty() || points.size() < std::size(kEdgeStrengths))
    fmt::print(
        "{} of {} runs and {} of {} strengths of edges are trained; the same command goes on from "
        "there\n",
        lab.trained(), lab.wanted(), points.size(), std::size(kEdgeStrengths));
  return was_interrupted ? 130 : lab.failures().empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  Options options;
  DeviceOptions device;
  CorruptionOptions corruption;
  auto* const runs = app.add_option("RUN", options.comparison.runs, "run folders of train_cuda");
  auto* const train =
      app.add_option(
             "--train", options.train,
             "small, full or large: trains the runs of this setting that are missing, and answers "
             "the five questions from them")
          ->excludes(runs);
  auto* const edges =
      app.add_flag("--edges", options.edges, "the study of edges under noise instead of runs")
          ->excludes(runs)
          ->excludes(train);
  app.add_option("--runs", options.folder, "with --train: folder of its runs [runs/blur-SETTING]")
      ->needs(train);
  app.add_option("--time", options.seconds,
                 "with --train: seconds after which no further run is begun; what is missing then "
                 "reads so")
      ->needs(train)
      ->check(number_between(0.001, 1e9));
  app.add_option("--steps", options.steps,
                 fmt::format("with --edges: training steps of the network by squared error; the "
                             "one by absolute error takes {} times as many",
                             EdgeStudyOptions{}.l1_factor))
      ->needs(edges)
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  auto* const dataset = app.add_option(
      "--dataset", options.comparison.dataset,
      "pictures to restore; those a run was trained on are left out [those the first run held "
      "out]. With --train: to train on, but for a tenth, which is restored");
  app.add_option("--out", options.out, "the page, an HTML file")->required();
  auto* const size =
      app.add_option("--size", options.comparison.size,
                     "side of the views in pixels, a multiple of 8 [the first run's crop]")
          ->check(CLI::Range(8, 4096));
  auto* const views =
      app.add_option("--views", options.comparison.views, "views a picture, at most 512 in all")
          ->check(CLI::Range(1, 1000))
          ->capture_default_str();
  edges->excludes(dataset);
  for (auto* const of_runs : {size, views}) of_runs->excludes(edges)->excludes(train);
  add_seed(app, options.comparison.seed, "of what is drawn");
  app.add_option("--json", options.json_file, "write the figures to this file as well");
  corruption.add_to(app, "as the first run");
  device.add_to(app);

  return run_program("blur_report", app, argc, argv, [&] {
    check_there_is_a_place("--out", options.out);
    check_there_is_a_place("--json", options.json_file);
    if (options.edges) {
      refuse_other_options(
          app, {"--edges", "--steps", "--seed", "--out", "--json", "--threads", "--device"},
          "says nothing about --edges");
      return report_edges(options, device.apply());
    }
    if (!options.train.empty()) {
      find_setting(options.train);
      if (options.comparison.dataset.empty())
        fail_usage("--train: give --dataset: a folder of photographs, or `synthetic`");
      refuse_other_options(
          app,
          {"--train", "--runs", "--time", "--dataset", "--out", "--json", "--threads", "--device"},
          "is what a setting decides");
      return report_laboratory(options, device.apply());
    }
    if (options.comparison.runs.empty()) fail_usage("give run folders, --train or --edges");
    if (options.comparison.size % 8 != 0)
      fail_usage("--size {}: not a multiple of 8", options.comparison.size);
    return report_runs(options, device.apply(), corruption);
  });
}
