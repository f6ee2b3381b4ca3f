// study: trains many runs over settings and seeds, and makes one table of them.
#include "laboratory/study.h"

#include "laboratory/study_page.h"
#include "ranks/join.h"
#include "runtime/error.h"
#include "tools/say.h"
#include "tools/study_arguments.h"
#include "tools/study_console.h"

namespace {

using namespace dae;

// clang-format off: a line is a line of the text
constexpr const char* kAbout =
    "Trains a network for every setting and several seeds, and compares them in one table: means\n"
    "with 95% intervals over seeds, and differences to the first setting. What --vary does not\n"
    "name is common to all runs, with the options of train_cuda.\n"
    "\n"
    "  study --dataset photos/ --steps 500 --vary loss=mse,l1 --seeds 3 --out studies/losses\n"
    "  study --dataset photos/ --time 300 --vary lr=1e-3,2e-3 --vary width=16,32 --out "
    "studies/size\n"
    "      each of the four combinations; open studies/size/study.html, at any time\n"
    "\n"
    "The same command goes on where it was stopped, tries again what failed, and takes more seeds\n"
    "and values. Started more than once, on one machine or on several that see the folder, it\n"
    "shares the runs: each process takes the next that nobody has, and may come and go.\n"
    "\n"
    "  mpirun -np 4 study --dataset photos/ --threads 1 --vary loss=mse,l1 --out studies/losses\n"
    "  srun -n 8 study --dataset photos/ --vary loss=mse,l1 --out studies/losses";
// clang-format on

// Runs that a process trains or takes up, and what is said of them at its end.
int train_study(Study& study, bool tensorboard) {
  const Launch launch = launch_of_environment();
  const std::string own = launch.size > 1 ? who(launch) : "";
  std::stop_source stop;
  StudyConsole console(stop, own, study.runs().size(), tensorboard);
  catch_interrupts();
  const Study::End end = study.train_missing(console, stop.get_token());
  console.clear();
  const StudyTable table = tabulate(study);
  // Of several the last one shows what all have.
  if (end == Study::End::over || launch.size == 1) say("{}", to_text(table));
  if (end == Study::End::stopped)
    say("{}stopped; the same command goes on from there\n", own);
  else if (end == Study::End::elsewhere)
    say("{}nothing is left to take; others are at work on the rest\n", own);
  say("{}{}\n", own, (study.folder() / "study.html").string());
  // A launcher ends the others when one ends with an error: that waits for the last.
  if (end != Study::End::over) return end == Study::End::stopped ? 130 : 0;
  return table.missing.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  StudyArguments arguments;
  DeviceOptions device;
  std::string out;
  bool tensorboard = false;
  arguments.add_to(app);
  app.add_option("--out", out, "folder of the study, which is made where there is none")
      ->required();
  device.add_to(app);
  app.add_flag("--tensorboard", tensorboard,
               "tell TensorBoard of each run's progress: `tensorboard --logdir STUDY` shows them "
               "side by side");

  return run_program("study", app, argc, argv, [&] {
    if (out.empty()) fail_usage("--out: it is empty");
    Study study(out, arguments.runs(app, device.apply()));
    return train_study(study, tensorboard);
  });
}
