// The table of --profile, worked out again from the plan and from what each step took.
#include "report/profile_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <sstream>
#include <thread>

#include "kernels/layers/ceilings.h"

namespace dae::test {
namespace {

struct Row {
  std::string phase, op;
  double calls, milliseconds, share, gigabytes, gigaflops, rate, roofline;
};

double number_of(std::istream& in) {  // a percent sign may stand behind it
  std::string word;
  in >> word;
  return std::stod(word);
}

// Four steps of two ops that sleep, one of which is used in two phases.
Executor profiled(int runs) {
  Plan plan;
  const TensorId x = plan.external("x", {1000, 1000}), y = plan.tensor("y", {1000, 500});
  const auto sleeps = [](int milliseconds) {
    return [=](const Queue&, const TensorTable&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    };
  };
  plan.add({.op = "quick",
            .name = "1",
            .reads = {x},
            .writes = {y},
            .flops = 3'000'000'000,
            .run = sleeps(1)});
  plan.add({.op = "slow",
            .name = "2",
            .reads = {x},
            .writes = {y},
            .flops = 20'000'000,
            .run = sleeps(30)});
  plan.add({.op = "slow",
            .name = "3",
            .reads = {x},
            .writes = {y},
            .flops = 50'000'000,
            .bytes = 9'000'000,
            .run = sleeps(30)});
  plan.add({.op = "slow",
            .name = "4",
            .phase = Phase::backward,
            .reads = {y},
            .writes = {y},
            .flops = 40'000'000,
            .run = sleeps(10)});
  const Layout layout = lay_out(plan, true);
  Executor executor(plan, layout);
  static Buffer arena(Device::cpu, layout.bytes);
  static std::vector<float> in(1'000'000);
  executor.attach(arena.data(), arena.bytes());
  executor.bind(x, in.data());
  for (int run = 0; run < runs; run++) executor.run_profiled({});
  return executor;
}

TEST(ProfileTable, SaysWhatEachOpTakesOfAStep) {
  const Executor executor = profiled(2);
  std::istringstream lines(profile_table(executor, Device::cpu, DType::f32));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "");
  std::getline(lines, line);
  const Ceilings& best = ceilings(Device::cpu);
  double copied = 0, product = 0;
  ASSERT_EQ(
      std::sscanf(line.c_str(),
                  "2 steps; this machine's ceilings: copy %lf GB/s, f32 matrix product %lf GFLOP/s",
                  &copied, &product),
      2)
      << line;
  EXPECT_NEAR(copied, best.bytes_per_second / 1e9, 0.051);
  EXPECT_NEAR(product, best.f32_flops_per_second / 1e9, 0.51);
  std::getline(lines, line);
  std::istringstream header(line);
  for (const char* const title :
       {"phase", "op", "calls", "ms/step", "time", "GB", "GFLOP", "GFLOP/s", "roofline"}) {
    std::string word;
    header >> word;
    EXPECT_EQ(word, title);
  }
  std::vector<Row> rows;
  double all_calls = 0, all_milliseconds = 0;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    Row row;
    words >> row.phase;
    if (row.phase == "all") {
      all_calls = number_of(words), all_milliseconds = number_of(words);
      continue;
    }
    words >> row.op;
    for (double* const value : {&row.calls, &row.milliseconds, &row.share, &row.gigabytes,
                                &row.gigaflops, &row.rate, &row.roofline})
      *value = number_of(words);
    rows.push_back(row);
  }
  ASSERT_EQ(rows.size(), 3u);
  // The sums of the plan, and the seconds of two runs.
  const std::vector<double>& seconds = executor.seconds();
  const double slept[] = {0.001, 0.03, 0.03, 0.01};
  for (size_t i = 0; i < 4; i++) EXPECT_GE(seconds[i], 2 * slept[i]) << "in both runs: step " << i;
  const double total = seconds[0] + seconds[1] + seconds[2] + seconds[3];
  struct Sum {
    const char *phase, *op;
    double calls, seconds, bytes, flops;
  };
  Sum expected[] = {{"forward", "slow", 2, seconds[1] + seconds[2], 6e6 + 9e6, 7e7},
                    {"backward", "slow", 1, seconds[3], 4e6, 4e7},
                    {"forward", "quick", 1, seconds[0], 6e6, 3e9}};
  // The most time first: on a busy machine it need not be the one that sleeps longest.
  std::ranges::sort(expected, std::greater{}, &Sum::seconds);
  for (size_t i = 0; i < 3; i++) {
    const Sum& sum = expected[i];
    const double each = sum.seconds / 2;  // a step's
    EXPECT_EQ(rows[i].phase, sum.phase);
    EXPECT_EQ(rows[i].op, sum.op);
    EXPECT_EQ(rows[i].calls, sum.calls);
    EXPECT_NEAR(rows[i].milliseconds, each * 1e3, 0.0051);
    EXPECT_NEAR(rows[i].share, 100 * sum.seconds / total, 0.051);
    EXPECT_NEAR(rows[i].gigabytes, sum.bytes / 1e9, 0.00051);
    EXPECT_NEAR(rows[i].gigaflops, sum.flops / 1e9, 0.0051);
    EXPECT_NEAR(rows[i].rate, sum.flops / 1e9 / each, 0.51);
    const double least =
        std::max(sum.bytes / best.bytes_per_second, sum.flops / best.f32_flops_per_second);
    EXPECT_NEAR(rows[i].roofline, 100 * least / each, 0.51);
  }
  EXPECT_EQ(all_calls, 4);
  EXPECT_NEAR(all_milliseconds, total / 2 * 1e3, 0.0051);
}

}  // namespace
}  // namespace dae::test
