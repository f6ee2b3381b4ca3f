// What the thread that reads ahead promises to the one that computes, and how long steps wait for pictures.
#include "train/read_ahead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/device.h"
#include "runtime/error.h"
#include "tests/support/op_case.h"
#include "tests/support/sharded_run.h"
#include "tests/support/variants.h"
#include "train/elapsed.h"

namespace dae::test {
namespace {

using namespace std::chrono_literals;

TEST(ReadAhead, EachStepIsReadOnceAndInOrder) {
  std::vector<uint64_t> read;
  ReadAhead ahead([&](uint64_t number) { read.push_back(number); });
  for (uint64_t number = 0; number < 100; number++) {
    ahead.wait_for(number);
    EXPECT_EQ(read.back(), number);
    ahead.begin(number + 1);
  }
  ahead.wait_for(100);
  ASSERT_EQ(read.size(), 101u);
  for (uint64_t number = 0; number <= 100; number++) EXPECT_EQ(read[number], number);
}

// A run that goes back, as when its time is measured, does not take what was read for another step.
TEST(ReadAhead, AnotherStepThanWasBegunIsRead) {
  std::vector<uint64_t> read;
  ReadAhead ahead([&](uint64_t number) { read.push_back(number); });
  ahead.wait_for(5);
  ahead.begin(6);
  ahead.wait_for(0);
  EXPECT_EQ(read.back(), 0u);
  ahead.wait_for(0);
  EXPECT_EQ(read.size(), 3u) << "what is there is not read again";
}

TEST(ReadAhead, ReadsWhileOthersCompute) {
  std::atomic<bool> read = false;
  ReadAhead ahead([&](uint64_t) { read = true; });
  ahead.begin(1);
  for (int tries = 0; tries < 1000 && !read; tries++) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(read) << "before anybody waited for it";
  const Elapsed asking;
  ahead.wait_for(1);
  EXPECT_LE(ahead.seconds_waited(), asking.seconds());
}

TEST(ReadAhead, WaitingIsCounted) {
  ReadAhead ahead([&](uint64_t) { std::this_thread::sleep_for(50ms); });
  ahead.wait_for(0);
  ahead.begin(1);
  ahead.wait_for(1);
  EXPECT_GE(ahead.seconds_waited(), 0.05);
}

// What goes wrong with a step is said where the step is taken, and of no other.
TEST(ReadAhead, ErrorsComeWithTheirStep) {
  ReadAhead ahead([&](uint64_t number) {
    if (number == 1) fail("the disk is gone");
  });
  ahead.wait_for(0);
  ahead.begin(1);
  EXPECT_THROW(ahead.wait_for(1), Error);
  EXPECT_THROW(ahead.wait_for(1), Error);
  ahead.wait_for(2);
  ahead.begin(1);
  ahead.wait_for(3);
}

// One that is not waited for ends nothing.
TEST(ReadAhead, IsOverWithItsOwner) {
  std::atomic<int> read = 0;
  {
    ReadAhead ahead([&](uint64_t) { read++; });
    ahead.begin(1);
  }
  EXPECT_LE(read, 1);
}

// Of a source each crop is checked before it is drawn from, once; and what is wrong ends the step.
TEST(ReadAhead, SourcesAreCheckedBeforeTheyAreUsed) {
  const Pictures pictures;
  TrainerConfig config = sharded_config("mse", 1, 4);
  std::vector<int> checked(pictures.sources.size());
  config.check_source = [&](int64_t source) { checked[static_cast<size_t>(source)]++; };
  {
    const auto trainer = make_trainer(config, pictures.sources);
    for (int step = 0; step < 12; step++) trainer->run(1);
  }
  EXPECT_EQ(checked, std::vector<int>(checked.size(), 1));
  config.check_source = [](int64_t source) {
    if (source == 3) fail("3.png: its pixels were damaged");
  };
  const auto trainer = make_trainer(config, pictures.sources);
  try {
    for (int step = 0; step < 12; step++) trainer->run(1);
    ADD_FAILURE() << "nothing was damaged";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "3.png: its pixels were damaged");
  }
}

class WaitingTest : public testing::TestWithParam<Device> {};

// Steps wait for pictures that are read slowly, and while nobody asks for a step none waits. A step hides a part of what
// is read during it, on a busy machine even a long one: then one that takes twice as long is tried.
TEST_P(WaitingTest, IsForPicturesAlone) {
  if (GetParam() == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  if (tested_name(GetParam()) == "simulated")
    GTEST_SKIP() << "its clock stands still: trainer_resources_test counts what is timed";
  const Pictures pictures;
  TrainerConfig config = sharded_config("mse", 1, 1);
  config.device = GetParam();
  std::unique_ptr<Trainer> trainer;
  double waited = 0;
  for (std::chrono::seconds slowly = 1s; waited < 0.3 && slowly < 60s; slowly *= 2) {
    int read = 0;
    config.check_source = [&](int64_t) {
      // Not the first, which may be read before the first step.
      if (++read == 3) std::this_thread::sleep_for(slowly);
    };
    trainer = make_trainer(config, pictures.sources);
    for (int step = 0; step < 6; step++) trainer->run(2);
    trainer->take_mean_loss();
    ASSERT_GE(read, 3);
    waited = trainer->seconds_waited();
  }
  EXPECT_GE(waited, 0.3);
  std::this_thread::sleep_for(2s);
  const Elapsed asking;
  for (int step = 0; step < 3; step++) trainer->run(2);
  trainer->take_mean_loss();
  EXPECT_LE(trainer->seconds_waited() - waited, asking.seconds());
}

INSTANTIATE_TEST_SUITE_P(Devices, WaitingTest, testing::ValuesIn(tested_devices()), device_name);

}  // namespace
}  // namespace dae::test
