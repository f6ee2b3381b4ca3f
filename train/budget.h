// How many steps a budget is, and after how many the run is validated.
#pragma once

#include <dae/training.h>

#include <optional>
#include <string>

#include "kernels/step_state.h"

namespace dae {

inline constexpr int64_t kMostSteps = int64_t{1} << 27;

// What one of each takes on the machine at hand, in seconds; needed for a budget of seconds alone.
struct Measured {
  double step = 0, validation = 0, evaluation = 0;  // the evaluation at the end
  double spent = 0;                                 // of the budget so far
};

struct Steps {
  uint64_t total = 0;  // of the whole run
  int64_t validate_every = 1;
  std::string words;  // as the run records it: "--steps 500"; empty: it had its own
};

// Throws FieldError of the budget when it holds more than one of its three, a number that makes no
// sense, or nothing where `resumed` is false.
void check(const TrainingBudget& budget, bool resumed);

// `done` steps of `schedule` lie behind. `images` are trained on, `batch` crops a step.
// `validations` is how often a run of so many steps is validated; one of so many seconds spends a
// twentieth of them on it, at least two and at most `validations` times. Throws UsageError when
// more steps lie behind than there would be.
Steps steps_of(const TrainingBudget& budget, const Schedule& schedule, uint64_t done,
               int64_t images, int64_t batch, int64_t validations,
               const std::optional<Measured>& measured);

}  // namespace dae
