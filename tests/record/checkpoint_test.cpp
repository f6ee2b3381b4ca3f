// What training goes on from comes back as it was. Checkpoints that somebody made by hand:
// hostile_files_test.cpp.
#include "record/checkpoint.h"

#include <gtest/gtest.h>

#include <numeric>

#include "data/safetensors.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

TEST(Checkpoint, ComesBackAsItWas) {
  const TemporaryFolder folder;
  const std::string path = folder.file("checkpoint.safetensors");
  ParameterSet parameters;
  parameters.declare("a", {3, 2}, 1);
  parameters.declare("b", {5}, 0);
  // Of every parameter, and zeros between them.
  const auto values_from = [&](float first) {
    std::vector<float> values(static_cast<size_t>(parameters.count()));
    for (const Parameter& p : parameters.list())
      std::iota(values.begin() + p.offset, values.begin() + p.offset + p.shape.count(),
                first + static_cast<float>(p.offset));
    return values;
  };
  Checkpoint kept{.weights = values_from(0.5f),
                  .ema = values_from(1000),
                  .moment1 = values_from(-2000),
                  .moment2 = values_from(3000),
                  .state = {},
                  .noted_steps = 2,
                  .loss_sums = {1.5, -0.1}};
  kept.state.step = 7;
  kept.state.skipped = 3;
  write_checkpoint(path, parameters, kept);
  const Checkpoint again = read_checkpoint(path, parameters);
  EXPECT_EQ(again.weights, kept.weights);
  EXPECT_EQ(again.ema, kept.ema);
  EXPECT_EQ(again.moment1, kept.moment1);
  EXPECT_EQ(again.moment2, kept.moment2);
  EXPECT_EQ(again.state.step, 7u);
  EXPECT_EQ(again.state.skipped, 3u);
  EXPECT_EQ(again.noted_steps, 2);
  EXPECT_EQ(again.loss_sums, kept.loss_sums);
  EXPECT_EQ(read_checkpoint_step(path), 7u);
  EXPECT_EQ(read_averaged_weights(path, parameters), kept.ema);
}

// Files of before were written where a row of metrics.csv was, and say nothing of steps since then.
TEST(Checkpoint, OfBeforeIsOneAtARow) {
  const TemporaryFolder folder;
  const std::string path = folder.file("checkpoint.safetensors");
  uint64_t step = 7, skipped = 3;
  save_safetensors(path,
                   {{"step", {&step, {1}, DType::u64}}, {"skipped", {&skipped, {1}, DType::u64}}});
  const ParameterSet none;
  const Checkpoint read = read_checkpoint(path, none);
  EXPECT_EQ(read.state.step, 7u);
  EXPECT_EQ(read.state.skipped, 3u);
  EXPECT_EQ(read.noted_steps, 0);
  EXPECT_EQ(read.loss_sums, std::vector<double>{});
}

}  // namespace
}  // namespace dae::test
