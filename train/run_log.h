// What a run leaves of itself while it trains: rows of metrics.csv, validations with their sheets,
// checkpoints, and what its observer is told. It ends a run that is of no use any more.
#pragma once

#include <dae/training.h>

#include <cstdint>
#include <optional>
#include <string>

#include "record/run_folder.h"
#include "train/elapsed.h"
#include "train/trainer.h"
#include "train/validation.h"

namespace dae {

// Where a run stands when a session of it begins.
struct Reached {
  uint64_t step = 0;
  uint64_t row = 0;                    // the step of the last row of metrics.csv
  double seconds = 0;                  // that the sessions before took
  uint64_t skipped = 0;                // updates left out
  std::optional<uint64_t> saved = {};  // the step of the checkpoint in the folder
};

// What is left of a run in `folder` when it ends here, in words.
std::string what_is_kept(const RunFolder& folder, std::optional<uint64_t> saved);

class RunLog {
 public:
  struct Options {
    Reached reached;
    uint64_t last_step;       // of the run
    uint64_t validate_every;  // steps; the last one is validated as well
    int64_t batch;
    double save_every;  // seconds
  };

  // The others outlive this.
  RunLog(Trainer& trainer, Validation& validation, RunFolder& folder, TrainingObserver& observer,
         const Options& options);

  // The step of the next row after this one.
  uint64_t next_row(uint64_t step) const;

  // After steps that took the host so many seconds, of which `step` was the last: tells of the
  // progress. Throws Error when the loss is no number any more or has exploded: what comes after would
  // be of no use, and be saved.
  void stepped(uint64_t step, double seconds);

  // A row for the steps since the last one, with a validation where one is due or the run stops here;
  // waits for the steps. Throws Error when no update could be made for long.
  void end_row(uint64_t step, bool stopping);

  // Where a row was due it is there before: what is saved goes on with the next one.
  void save_if_due();
  void save();
  std::optional<uint64_t> saved_step() const { return saved_; }

 private:
  void end_if_diverged(uint64_t step);
  void end_if_hopeless(uint64_t step, uint64_t steps, uint64_t skipped);

  Trainer& trainer_;
  Validation& validation_;
  RunFolder& folder_;
  TrainingObserver& observer_;
  const Options options_;
  const uint64_t row_every_;
  Elapsed watch_, since_save_;
  uint64_t row_;                // the step of the last row
  double row_seconds_ = 0;      // of the steps of this session since
  uint64_t skipped_;            // updates left out until then
  uint64_t in_a_row_ = 0;       // and how many of them one after the other, at least
  float first_loss_ = 0;        // of this session; 0 before it is known
  double speed_ = 0;            // images a second; 0 before the first row
  std::optional<double> psnr_;  // of the last validation
  std::optional<uint64_t> saved_;
};

}  // namespace dae
