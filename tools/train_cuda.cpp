// train_cuda: trains a denoising autoencoder on a folder of photographs.
#include <dae/training.h>

#include <string>

#include "exchange/tensorboard.h"
#include "ranks/join.h"
#include "record/run_folder.h"
#include "runtime/error.h"
#include "tools/program.h"
#include "tools/resumed_options.h"
#include "tools/training_arguments.h"
#include "tools/training_console.h"

namespace {

constexpr const char* kAbout =
    "Trains an autoencoder to restore photographs: pictures from --dataset are cropped, corrupted "
    "on\n"
    "the fly (noise, blur, brightness, colour) and restored by a network that learns to undo it.\n"
    "Everything lands in one run folder; open its report.html.\n\n"
    "  train_cuda --dataset photos/                       five minutes of the default network\n"
    "  train_cuda --dataset photos/ --time 3600 --out runs/long\n"
    "  train_cuda --resume --out runs/long --time 3600     an hour more\n"
    "  train_cuda --dataset photos/ --loss mse+0.1*ssim   a weighted sum of losses\n"
    "  train_cuda --dataset clean/ --pairs noisy/ --from shipped   your camera's own noise\n"
    "  train_cuda --dataset photos/ --from shipped --noise 10:20    the network that ships, "
    "further\n"
    "  train_cuda --dataset synthetic --model conv --steps 500 --brightness off --channel off\n"
    "  mpirun -np 4 train_cuda --dataset photos/ --threads 1        four processes share each step";

}  // namespace

int main(int argc, char** argv) {
  using namespace dae;
  CLI::App app(kAbout);
  TrainingArguments arguments;
  DeviceOptions device;
  std::string out;
  double patience = TrainingOptions().patience;
  bool resume = false, profile = false, tensorboard = false;

  arguments.add_to(app, "of everything random");
  device.add_to(app);
  app.add_option("--patience", patience,
                 "seconds without a sign of life after which a rank is given up, and the run")
      ->check(number_between(kLeastPatience, 1e9))
      ->capture_default_str();
  app.add_option("--out", out, "run folder [runs/DATE-TIME-MODEL]");
  app.add_flag("--resume", resume,
               "continue the run in --out, as it is configured: options may be given again, and "
               "--dataset says where its pictures lie now");
  app.add_flag("--profile", profile, "end with a table of time, bytes and FLOPs per op");
  app.add_flag("--tensorboard", tensorboard,
               "tell TensorBoard of the progress, in the run folder's tensorboard/: "
               "`tensorboard --logdir runs/` shows runs side by side");

  return run_program("train_cuda", app, argc, argv, [&] {
    const bool writes = launch_of_environment().rank == 0;  // the others say nothing
    if (!writes) catch_interrupts();  // rank 0 decides when a run stops, and saves it
    const Device where = device.apply();
    std::stop_source stop;
    TrainingConsole console(stop);
    TensorBoard board(console);
    TrainingObserver& observer =
        tensorboard && writes ? static_cast<TrainingObserver&>(board) : console;
    TrainingOutcome outcome;
    if (resume) {
      if (out.empty()) fail_usage("--resume: say which run with --out RUN");
      if (writes) refuse_contradictions(app, out);
      const TrainingOptions& given = arguments.given;
      outcome = resume_training(out,
                                {.budget = given.budget,
                                 .dataset = given.dataset,
                                 .validation = given.validation,
                                 .pairs = given.pairs,
                                 .device = where,
                                 .save_every = given.save_every,
                                 .profile = profile,
                                 .across_ranks = true,
                                 .patience = patience},
                                observer, stop.get_token());
    } else {
      if (writes && !out.empty() && !RunFolder::is_free(out))
        fail_usage(
            "--out {}: exists already; give another folder, or --resume to continue that run", out);
      TrainingOptions options = arguments.apply(app);
      options.device = where;
      options.across_ranks = true;
      options.patience = patience;
      options.profile = profile;
      options.out = out;
      outcome = train(options, observer, stop.get_token());
    }
    if (!writes) return 0;
    console.clear();
    print_outcome(outcome);
    return outcome.step < outcome.last_step ? 130 : 0;
  });
}
