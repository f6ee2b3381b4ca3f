#include "train/budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "runtime/error.h"
#include "runtime/field.h"
#include "runtime/rounding.h"

namespace dae {

void check(const TrainingBudget& budget, bool resumed) {
  if (budget.seconds != 0) check_field("seconds", budget.seconds, 0.1, 1e9);
  if (budget.steps != 0) check_field("steps", double(budget.steps), 1, double(kMostSteps));
  if (budget.epochs != 0) check_field("epochs", budget.epochs, 1e-9, 1e9);
  const int given = (budget.seconds > 0) + (budget.steps > 0) + (budget.epochs > 0);
  if (given > 1 || (given == 0 && !resumed))
    throw UsageError("give one of seconds, steps and epochs to train for");
}

Steps steps_of(const TrainingBudget& budget, const Schedule& schedule, uint64_t done,
               int64_t images, int64_t batch, int64_t validations,
               const std::optional<Measured>& measured) {
  Steps result{.total = schedule.total, .words = {}};
  if (measured) {
    const double times = std::clamp(0.05 * budget.seconds / measured->validation, 2.0,
                                    static_cast<double>(validations));
    const double left =
        budget.seconds - measured->spent - times * measured->validation - measured->evaluation;
    const auto steps = static_cast<int64_t>(
        std::clamp(left / measured->step, 1.0, double(kMostSteps) - double(done)));
    result.total = done + static_cast<uint64_t>(steps);
    result.validate_every =
        std::max<int64_t>(1, static_cast<int64_t>(std::ceil(double(steps) / times)));
    result.words = fmt::format("--time {:g}, which was {} steps here", budget.seconds, steps);
  } else {
    if (budget.steps > 0) {
      result.total = static_cast<uint64_t>(budget.steps);
      result.words = fmt::format("--steps {}", budget.steps);
    } else if (budget.epochs > 0) {
      const double steps = std::ceil(budget.epochs * double(images) / double(batch));
      if (steps > double(kMostSteps))
        fail_field("epochs", "{:g} is {:g} steps here; at most {} can be run", budget.epochs, steps,
                   kMostSteps);
      result.total = static_cast<uint64_t>(steps);
      result.words = fmt::format("--epochs {:g}", budget.epochs);
    }
    const auto total = static_cast<int64_t>(result.total);
    result.validate_every = std::max<int64_t>(1, ceil_div(total, validations));
  }
  if (result.total < done)
    fail_usage("the run has {} of {} steps behind it; give a larger number of steps, or seconds",
               done, result.total);
  return result;
}

}  // namespace dae
