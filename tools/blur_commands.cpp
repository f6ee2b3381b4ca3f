#include "tools/blur_commands.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "data/files.h"
#include "data/text.h"
#include "laboratory/edge_page.h"
#include "laboratory/lab_page.h"
#include "report/html.h"
#include "tools/open_pictures.h"
#include "tools/progress.h"
#include "tools/say.h"
#include "tools/training_console.h"

namespace dae {
namespace {

void write_page(const BlurCommand& command, const std::string& page,
                const nlohmann::json& figures) {
  write_file_atomically(command.out, std::string_view(page));
  if (!command.json_file.empty())
    write_file_atomically(command.json_file, std::string_view(file_text(figures)));
  say("{}\n", command.out);
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
    say("edges of strength {}: MSE {:.1f}% [{:.1f}, {:.1f}] above the posterior mean, L1 {:.1f}% "
        "[{:.1f}, {:.1f}] above the median\n",
        strength, 100 * mse.mean, 100 * mse.low, 100 * mse.high, 100 * l1.mean, 100 * l1.low,
        100 * l1.high);
  }
  return points;
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
    say("{}{}: {} of {} steps, {:.2f} dB\n", prefix_, outcome.run.filename().string(), outcome.step,
        outcome.last_step, outcome.evaluation.rows.front().restored.mean.psnr);
  }
  void clear() { console_.clear(); }

 private:
  TrainingConsole console_;
  std::string prefix_;
};

}  // namespace

int report_runs(BlurCommand command, Device device, const CorruptionOptions& corruption) {
  ProgressLine line;
  command.comparison.corruption = [&](const CorruptSpec& spec) { return corruption.apply(spec); };
  command.comparison.open = open_pictures;
  command.comparison.progress = [&](const std::string& what) { line.show(what); };
  const BlurPage page = compare_runs(command.comparison, device);
  line.clear();
  for (const std::string& note : page.notes) say("{}\n", note);
  for (const BlurRun& run : page.runs)
    say("{}: PSNR {} dB, effective blur {} pixels\n", run.name,
        show(Measure::psnr, run.measures[Measure::psnr]),
        show(Measure::blur, run.measures[Measure::blur]));
  write_page(command, render_blur_page(page), to_json(page));
  return 0;
}

int report_edges(const BlurCommand& command, Device device) {
  EdgeStudyOptions study;
  study.device = device;
  study.schedule.total = static_cast<uint64_t>(command.steps);
  study.schedule.warmup = study.schedule.total / 20;
  study.seed = command.comparison.seed;
  const std::vector<EdgePoint> points = study_edges(study, [] { return false; });
  write_page(command, html::page("Is it the loss? Edges under noise", edge_section(study, points)),
             to_json(study, points));
  return 0;
}

int report_laboratory(const BlurCommand& command, Device device) {
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  LabOptions lab_options;
  lab_options.setting = find_setting(command.train);
  // Training can be gone on with from anywhere.
  lab_options.dataset = absolute_dataset(command.comparison.dataset);
  lab_options.folder = command.folder.empty() ? "runs/blur-" + command.train : command.folder;
  lab_options.device = device;
  Laboratory lab(lab_options, open_pictures(lab_options.dataset, RunConfig{}.max_side));
  catch_interrupts();
  const auto late = [&] {
    return interrupted() || (command.seconds > 0 && seconds() > command.seconds);
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
  write_page(command, page.html, page.figures);
  for (const std::string& failure : lab.failures()) say(stderr, "left out: {}\n", failure);
  if (!complete || !lab.failures().empty() || points.size() < std::size(kEdgeStrengths))
    say("{} of {} runs and {} of {} strengths of edges are trained; the same command goes on from "
        "there\n",
        lab.trained(), lab.wanted(), points.size(), std::size(kEdgeStrengths));
  return was_interrupted ? 130 : lab.failures().empty() ? 0 : 1;
}

}  // namespace dae
