// Training a network to restore photographs: pictures are cropped, corrupted on the fly, and
// restored by a network that learns to undo it. What comes of it lies in a run folder
// (docs/run-folder.md): give that to Denoiser or evaluate().
#pragma once

#include <dae/corruption.h>
#include <dae/device.h>
#include <dae/evaluation.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace dae {

// How long to train: at most one of the three is positive; more are an error. On a resumed run steps
// and epochs count from its first step, seconds from now.
struct TrainingBudget {
  double seconds = 0;  // in all, once the pictures are read
  int64_t steps = 0;
  double epochs = 0;  // as many crops as this many times the pictures

  bool operator==(const TrainingBudget&) const = default;
};

struct TrainingOptions {
  // A folder of images (searched recursively), a folder of CIFAR-10's binary files, or the word
  // `synthetic`.
  std::string dataset = {};
  std::string validation = {};  // the same, to validate on; empty: a tenth of `dataset`
  // A folder of pictures that are to become those of `dataset`: each has the name and size of its
  // partner there. They take the corruption's place, and none is shrunk.
  std::string pairs = {};
  int64_t max_side = 1024;  // larger pictures are shrunk to this; 0 keeps them

  // A run folder or network file to start from, instead of at random: its network, trained further on
  // other pictures or another corruption. What is said below of the network must agree with it.
  std::filesystem::path from = {};

  std::string model = {};                          // unet, conv or fc: docs/models.md [unet]
  int64_t size = 64;                               // side of the crops in pixels, a multiple of 8
  std::optional<int64_t> width = {}, blocks = {};  // unet alone [32, 2]
  std::optional<int64_t> levels = {}, stem = {};   // unet alone [3, 2]
  std::optional<bool> skips = {}, global = {}, residual = {};  // unet alone [true]
  std::optional<bool> noise_input = {};                        // unet alone [false]
  std::optional<int64_t> latent = {};  // fc and conv alone [512; 128 for each 8x8 pixels]

  std::string loss = "mse";             // a sum such as "mse+0.1*ssim": docs/models.md
  std::filesystem::path features = {};  // of a perceptual loss; empty: a network trained first
  CorruptSpec corruption = {};
  std::optional<int64_t> batch = {};  // [16; on a GPU 128 crops of 64x64, as many pixels of others]
  // Parts of a batch whose gradients are computed apart and added in one order, 1 to 64: a divisor of
  // `batch` and a multiple of the ranks. However many ranks share them, the bits are the same.
  int64_t shards = 0;  // 0: as many as there are ranks
  // At its peak [2e-3; 5e-4 where it starts from another; times the root of batch / 16, but from 1 to 2].
  std::optional<double> learning_rate = {};
  uint64_t seed = 1;           // of everything random
  TrainingBudget budget = {};  // none: 300 seconds

  Device device = best_device();
  std::string precision = {};      // bf16 (a GPU alone) or fp32 [bf16 on a GPU]
  std::filesystem::path out = {};  // the run folder, which is not there yet [runs/DATE-TIME-MODEL]
  double save_every = 60;          // seconds from one checkpoint to the next; 0: after every step
  bool profile = false;            // measure every op: TrainingOutcome::profile
  // Each step is shared with the other processes that mpirun, or srun --mpi=pmix, launched with this one, on
  // the CPU. Rank 0 writes and tells its observer; on the others train() returns an outcome without a run.
  bool across_ranks = false;
  double patience =
      60;  // seconds without a sign of life after which a rank is given up, and the run
};

// Of one term of the loss, in the order in which the loss names them.
struct TermMean {
  double value = 0;          // the term, without its weight
  double gradient_norm = 0;  // L2 of weight d(term) / d(restoration) over a batch
};

// A row of metrics.csv.
struct MetricsRow {
  uint64_t step = 0;
  double seconds = 0;  // since the first step, pauses between sessions left out
  double loss = 0;     // mean since the previous row
  double learning_rate = 0, gradient_norm = 0, images_per_second = 0;
  std::optional<double> validation_psnr = {};  // of the averaged weights, dB
  std::vector<TermMean> terms = {};            // means like the loss; none for plain mse
};

struct TrainingStart {
  std::filesystem::path run;  // the folder
  std::string memory;         // what it takes, in words
  int64_t weights = 0, training_pictures = 0, held_out_pictures = 0, batch = 0;
  int64_t shards = 1, ranks = 1;
  uint64_t step = 0, last_step = 0;  // done before, and when it will be over
};

struct TrainingProgress {
  uint64_t step = 0, last_step = 0;
  double loss = 0;                             // of the latest step that is known to be over
  double images_per_second = 0;                // 0: not known yet
  std::optional<double> validation_psnr = {};  // the latest, dB
  double seconds_left = 0;
};

// Is told everything that happens, on the thread that called train(). What it throws ends the
// training at once; the run can then be resumed from the checkpoint saved last.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;

  // Before the first step, where it takes a while: "reading photos/", "feature network".
  virtual void preparing(const std::string& /*what*/, size_t /*done*/, size_t /*total*/) {}
  virtual void noted(const std::string& /*line*/) {}   // worth knowing: what was resumed from what
  virtual void warned(const std::string& /*text*/) {}  // pictures that were left out, a line each
  virtual void started(const TrainingStart&) {}
  virtual void progressed(const TrainingProgress&) {}  // after every step or two, before its row
  virtual void measured(const MetricsRow&) {}          // the row is in metrics.csv
  virtual void sampled(const std::filesystem::path& /*picture*/) {}
  virtual void saved(uint64_t /*step*/, const std::filesystem::path& /*checkpoint*/) {}
};

struct TrainingOutcome {
  std::filesystem::path run;         // the folder, complete: its report is report.html
  uint64_t step = 0, last_step = 0;  // less than last_step: it was stopped
  int64_t held_out_pictures = 0;
  Evaluation evaluation;  // of crops of the pictures held out
  std::string profile;    // a table for people, where it was asked for
};

// Trains on two pictures or more, and returns when the budget is used up, or some seconds after
// `stop`, with everything saved, the evaluation and the report included; then the same run can be
// resumed, to the same bits as if it had not been stopped. Throws FieldError, Error, OutOfMemory,
// and Cancelled, with nothing left, when it was stopped before its first step.
TrainingOutcome train(const TrainingOptions& options, TrainingObserver& observer,
                      const std::stop_token& stop = {});
TrainingOutcome train(const TrainingOptions& options, const std::stop_token& stop = {});

struct ResumeOptions {
  // None, or the seconds that the run was started with while it has not come to its end: that end.
  // Beyond it the learning rate rises once more.
  TrainingBudget budget = {};
  // Where the run's pictures lie now; empty: where they lay. Those that it holds out must be there.
  std::string dataset = {}, validation = {}, pairs = {};
  Device device = best_device();
  double save_every = 60;
  bool profile = false;
  bool across_ranks = false;  // as TrainingOptions has them; not as many as before have to be there
  double patience = 60;
};

// Goes on with a run, as it is configured.
TrainingOutcome resume_training(const std::filesystem::path& run, const ResumeOptions& options,
                                TrainingObserver& observer, const std::stop_token& stop = {});
TrainingOutcome resume_training(const std::filesystem::path& run, const ResumeOptions& options = {},
                                const std::stop_token& stop = {});

}  // namespace dae
