#include "train/budget.h"

#include <dae/error.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/said.h"

namespace dae::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Steps of(const TrainingBudget& budget, uint64_t done = 0, uint64_t total = 1000,
         const std::optional<Measured>& measured = {}) {
  return steps_of(budget, {.total = total}, done, 30, 8, 20, measured);
}

TEST(Budget, OfStepsAndEpochs) {
  const Steps steps = of({.steps = 101});
  EXPECT_EQ(steps.total, 101u);
  EXPECT_EQ(steps.validate_every, 6);  // at most 20 times
  EXPECT_EQ(steps.words, "--steps 101");
  const Steps epochs = of({.epochs = 2.5});  // 75 crops in batches of 8
  EXPECT_EQ(epochs.total, 10u);
  EXPECT_EQ(epochs.validate_every, 1);
  EXPECT_EQ(epochs.words, "--epochs 2.5");
}

TEST(Budget, AResumedRunKeepsItsOwnOrTakesAnother) {
  const Steps own = of({}, 400);
  EXPECT_EQ(own.total, 1000u);
  EXPECT_EQ(own.words, "");
  EXPECT_EQ(of({.steps = 1500}, 400).total, 1500u);
  EXPECT_EQ(of({}, 1000).total, 1000u) << "nothing is left to do";
  EXPECT_EQ(of({.steps = 400}, 400).total, 400u);
  EXPECT_THROW(of({}, 1001), UsageError);
  EXPECT_EQ(said<UsageError>([] { of({.steps = 399}, 400); }),
            "the run has 400 of 399 steps behind it; give a larger number of steps, or seconds");
  EXPECT_EQ(of({.steps = 401}, 400).total, 401u);
}

// 100 s: 4 spent, an evaluation of 6, and 20 validations of 0.25 leave 85 s of steps.
TEST(Budget, OfSecondsIsWhatIsLeftOfThem) {
  const Steps steps = of({.seconds = 100}, 10, 1000,
                         Measured{.step = 0.5, .validation = 0.25, .evaluation = 6, .spent = 4});
  EXPECT_EQ(steps.total, 10u + 170u);
  EXPECT_EQ(steps.validate_every, 9);  // ceil(170 / 20)
  EXPECT_EQ(steps.words, "--time 100, which was 170 steps here");
}

// A twentieth of the time would pay for half a validation; there are two.
TEST(Budget, OfSecondsValidatesTwiceAndTrainsOneStepAtLeast) {
  const Steps slow = of({.seconds = 10}, 0, 1000,
                        Measured{.step = 0.1, .validation = 1, .evaluation = 2, .spent = 1});
  EXPECT_EQ(slow.total, 50u);
  EXPECT_EQ(slow.validate_every, 25);
  EXPECT_EQ(of({.seconds = 1}, 7, 1000,
               Measured{.step = 0.1, .validation = 1, .evaluation = 2, .spent = 1})
                .total,
            8u);
}

TEST(Budget, NoRunHasMoreStepsThanAnyCanHave) {
  for (const uint64_t done : {0, 10})
    EXPECT_EQ(of({.seconds = 1e9}, done, 1000,
                 Measured{.step = 1e-3, .validation = 0.25, .evaluation = 6, .spent = 4})
                  .total,
              static_cast<uint64_t>(kMostSteps));
}

TEST(Budget, RefusesWhatIsNoBudget) {
  EXPECT_NO_THROW(check({.steps = 1}, false));
  EXPECT_NO_THROW(check({}, true));
  EXPECT_THROW(check({}, false), UsageError);
  EXPECT_THROW(check({.seconds = 5, .steps = 5}, true), UsageError);
  EXPECT_THROW(check({.steps = 5, .epochs = 5}, false), UsageError);
  for (const double bad : {-1.0, 0.05, 2e9, kNan, kInf}) try {
      check({.seconds = bad}, false);
      ADD_FAILURE() << bad;
    } catch (const FieldError& error) {
      EXPECT_EQ(error.field(), "seconds") << bad;
    }
  EXPECT_THROW(check({.steps = -1}, false), FieldError);
  EXPECT_THROW(check({.steps = kMostSteps + 1}, false), FieldError);
  EXPECT_THROW(check({.epochs = kNan}, false), FieldError);
  EXPECT_THROW(of({.epochs = 1e8}), FieldError);  // more steps than can be run
}

}  // namespace
}  // namespace dae::test
