// Rows of an evaluation that not every run has, and how far it says that it is with one.
#include <dae/evaluation.h>
#include <dae/training.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/training_run.h"

namespace dae::test {
namespace {

class EvaluationRows : public TrainingRun {};

// Partners, which are half as bright, are not what a run from pairs is asked about where noise is asked for.
// That of 5/255 leaves 20 log10(255 / 5) dB, and a little more where views are clamped.
TEST_F(EvaluationRows, NoiseIsThatOfCleanPicturesWhereARunHasPairs) {
  make_dark(5);
  TrainingOptions pairs = options("run", 2);
  pairs.pairs = folder_.file("dark");
  train(pairs);
  const Evaluation made =
      evaluate(folder_.file("run"), {.device = Device::cpu,
                                     .corruption = CorruptSpec{.clip = false, .quantize = false},
                                     .sigma = 5});
  ASSERT_EQ(made.rows.size(), 1u);
  EXPECT_EQ(made.rows[0].name, "sigma");
  EXPECT_NEAR(made.rows[0].corrupted.pooled_psnr, 20 * std::log10(255 / 5.0), 1);
}

TEST_F(EvaluationRows, JpegHasARowOfItsOwn) {
  train(options("run", 2));
  EvaluationOptions asked{.device = Device::cpu, .dataset = folder_.file("photos")};
  asked.corruption = CorruptSpec{.jpeg = {50, 50}};
  const Evaluation made = evaluate(folder_.file("run"), asked);
  std::vector<std::string> names;
  for (const EvaluationRow& row : made.rows) names.push_back(row.name);
  ASSERT_EQ(names, (std::vector<std::string>{"all", "noise", "blur", "brightness", "channel",
                                             "jpeg", "clean"}));
  EXPECT_LT(made.rows[5].corrupted.pooled_psnr, 45);
  EXPECT_GT(made.rows[5].corrupted.pooled_psnr, 20);
  EXPECT_TRUE(std::isinf(made.rows[6].corrupted.pooled_psnr));
}

// Views are counted, four of each of five pictures, or the pictures themselves.
TEST_F(EvaluationRows, ProgressIsToldToItsEnd) {
  train(options("run", 2));
  EvaluationOptions asked{.device = Device::cpu, .dataset = folder_.file("photos"), .sigma = 5};
  std::vector<size_t> done;
  size_t wanted = 0;
  asked.progress = [&](const std::string& what, size_t now, size_t total) {
    if (what != "sigma") return true;
    done.push_back(now);
    EXPECT_EQ(total, wanted);
    return true;
  };
  for (const bool whole : {false, true}) {
    asked.whole_pictures = whole;
    wanted = whole ? 5 : 20;
    done.clear();
    evaluate(folder_.file("run"), asked);
    ASSERT_FALSE(done.empty());
    EXPECT_GT(done.front(), 0u);
    EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
    EXPECT_EQ(done.back(), wanted);
  }
}

}  // namespace
}  // namespace dae::test
