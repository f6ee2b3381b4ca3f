// blur_report: how sharp finished runs are, side by side on one page.
#include <filesystem>

#include "laboratory/setting.h"
#include "runtime/error.h"
#include "tools/blur_commands.h"
#include "tools/result_file.h"

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

// Hours may lie between the command and what it writes.
}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  BlurCommand command;
  bool edges_alone = false;
  DeviceOptions device;
  CorruptionOptions corruption;
  auto* const runs = app.add_option("RUN", command.comparison.runs, "run folders of train_cuda");
  auto* const train =
      app.add_option(
             "--train", command.train,
             "small, full or large: trains the runs of this setting that are missing, and answers "
             "the five questions from them")
          ->excludes(runs);
  auto* const edges =
      app.add_flag("--edges", edges_alone, "the study of edges under noise instead of runs")
          ->excludes(runs)
          ->excludes(train);
  app.add_option("--runs", command.folder, "with --train: folder of its runs [runs/blur-SETTING]")
      ->needs(train);
  app.add_option("--time", command.seconds,
                 "with --train: seconds after which no further run is begun; what is missing then "
                 "reads so")
      ->needs(train)
      ->check(number_between(0.001, 1e9));
  app.add_option("--steps", command.steps,
                 fmt::format("with --edges: training steps of the network by squared error; the "
                             "one by absolute error takes {} times as many",
                             EdgeStudyOptions{}.l1_factor))
      ->needs(edges)
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  auto* const dataset = app.add_option(
      "--dataset", command.comparison.dataset,
      "pictures to restore; those a run was trained on are left out [those the first run held "
      "out]. With --train: to train on, but for a tenth, which is restored");
  app.add_option("--out", command.out, "the page, an HTML file")->required();
  auto* const size =
      app.add_option("--size", command.comparison.size,
                     "side of the views in pixels, a multiple of 8 [the first run's crop]")
          ->check(CLI::Range(8, 4096));
  auto* const views =
      app.add_option("--views", command.comparison.views, "views a picture, at most 512 in all")
          ->check(CLI::Range(1, 1000))
          ->capture_default_str();
  edges->excludes(dataset);
  for (auto* const of_runs : {size, views}) of_runs->excludes(edges)->excludes(train);
  add_seed(app, command.comparison.seed, "of what is drawn");
  app.add_option("--json", command.json_file, "write the figures to this file as well");
  corruption.add_to(app, "as the first run");
  device.add_to(app);

  return run_program("blur_report", app, argc, argv, [&] {
    check_result("--out", command.out, ResultKind::page);
    if (!command.json_file.empty()) check_result("--json", command.json_file, ResultKind::figures);
    if (edges_alone) {
      refuse_other_options(
          app, {"--edges", "--steps", "--seed", "--out", "--json", "--threads", "--device"},
          "says nothing about --edges");
      return report_edges(command, device.apply());
    }
    if (!command.train.empty()) {
      find_setting(command.train);
      if (command.comparison.dataset.empty())
        fail_usage("--train: give --dataset: a folder of photographs, or `synthetic`");
      refuse_other_options(
          app,
          {"--train", "--runs", "--time", "--dataset", "--out", "--json", "--threads", "--device"},
          "is what a setting decides");
      return report_laboratory(command, device.apply());
    }
    if (command.comparison.runs.empty()) fail_usage("give run folders, --train or --edges");
    if (command.comparison.size % 8 != 0)
      fail_usage("--size {}: not a multiple of 8", command.comparison.size);
    return report_runs(command, device.apply(), corruption);
  });
}
