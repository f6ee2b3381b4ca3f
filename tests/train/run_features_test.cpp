// The judge of a perceptual loss where none is given.
#include "train/run_features.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <stop_token>

#include "data/synthetic.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

// Of a pair it looks at the clean picture alone: whoever read the other one here would end this program. It is
// stopped after its first step.
TEST(RunFeatures, PairsAreLearntByTheirCleanPictures) {
  const Image clean = draw_dead_leaves(3, 0, 40, 48);
  void* const closed =
      mmap(nullptr, clean.pixels.size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(closed, MAP_FAILED);
  Source pair = source_of(clean.view());
  pair.given = static_cast<const uint8_t*>(closed);
  std::stop_source stop;
  stop.request_stop();
  TrainingObserver nobody;
  EXPECT_EQ(said<Cancelled>([&] { train_run_features({pair}, nobody, stop.get_token()); }),
            "the training was stopped before its first step");
  munmap(closed, clean.pixels.size());
}

}  // namespace
}  // namespace dae::test
