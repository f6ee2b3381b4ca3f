// The time of a process, which goes on while it does.
#include "ranks/signs_of_life.h"

#include <gtest/gtest.h>

namespace dae::test {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr double kMost = 0.5;  // seconds from one question to the next: more were none of its own
constexpr double kRounding = 1e-9;

// How far it goes on meanwhile.
template <class F>
double passed(OwnTime& time, const F& meanwhile) {
  const double before = time.now();
  meanwhile();
  return time.now() - before;
}

// A sleep may take longer, and so may the questions: what it went on by lies between what the clock
// says of the sleep and of all.
TEST(OwnTime, GoesOnAsTheClockDoes) {
  OwnTime time;
  for (const double wanted : {0.0, 0.01, 0.05}) {
    Seconds slept{};
    const auto all = Clock::now();
    const double went = passed(time, [&] {
      const auto begin = Clock::now();
      std::this_thread::sleep_for(Seconds(wanted));
      slept = Clock::now() - begin;
    });
    EXPECT_GE(went, std::min(slept.count(), kMost) - kRounding) << wanted;
    EXPECT_LE(went, std::min(Seconds(Clock::now() - all).count(), kMost) + kRounding) << wanted;
  }
}

// As where somebody stopped the process and let it go on: others do not lose it for that.
TEST(OwnTime, ForWhichTheProcessWasStoppedIsNotWaited) {
  OwnTime time;
  EXPECT_NEAR(passed(time, [] { std::this_thread::sleep_for(Seconds(1.2)); }), kMost, kRounding);
}

}  // namespace
}  // namespace dae::test
