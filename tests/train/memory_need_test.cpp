// What is said of memory, and how much of what is free a run takes: under a limit of this process, so that the
// numbers are no machine's.
//
// Simulated GPU: not at all (sentences, and a rule about the CPU's memory)
#include "train/memory_need.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <regex>

#include "runtime/memory.h"
#include "tests/support/said.h"
#include "tests/support/sharded_run.h"

namespace dae::test {
namespace {

constexpr size_t kKiB = 1 << 10;
constexpr size_t kLeft = size_t{256} << 20;

TEST(MemoryNeed, EachPurposeIsNamed) {
  const MemoryNeed shared{.parameters = kKiB,
                          .arena = 2 * kKiB,
                          .activations = 3 * kKiB,
                          .workspaces = 4 * kKiB,
                          .batches = 5 * kKiB,
                          .validation = 6 * kKiB};
  const std::string words =
      "weights, gradients, moments and EMA 1.0 KiB, arena 2.0 KiB (unshared: activations 3.0 KiB, "
      "workspaces 4.0 KiB), batches 5.0 KiB, validation 6.0 KiB, ";
  MemoryNeed on_cpu = shared, on_gpu = shared;
  on_cpu.checkpoint = 9 * kKiB;
  on_cpu.loaded = 10 * kKiB;
  EXPECT_EQ(to_string(on_cpu, Device::cpu),
            "memory: 33.0 KiB = " + words + "a checkpoint 9.0 KiB, the program 10.0 KiB");
  on_gpu.photographs = 7 * kKiB;
  on_gpu.pinned = 8 * kKiB;
  const std::string taken = "memory on the GPU: 21.0 KiB = " + words + "photographs 7.0 KiB ";
  EXPECT_EQ(to_string(on_gpu, Device::cuda), taken + "(streamed); pinned on the host 8.0 KiB");
  on_gpu.resident = true;
  EXPECT_EQ(to_string(on_gpu, Device::cuda), taken + "(all of them); pinned on the host 8.0 KiB");
}

TEST(MemoryNeed, AShortageIsOfWhatIsStillToBeAllocated) {
  const MemoryNeed need{.parameters = kKiB, .arena = 2 * kKiB, .loaded = 4 * kKiB};
  EXPECT_EQ(shortage(need, 2 * kKiB, Device::cpu),
            "3.0 KiB of memory are needed and 2.0 KiB are free");
  EXPECT_EQ(shortage(need, 2 * kKiB, Device::cuda),
            "3.0 KiB of memory are needed and 2.0 KiB are free on the GPU");
}

// What this process may still take of its address space, as under `ulimit -v`.
class LimitOfThisProcess {
 public:
  explicit LimitOfThisProcess(size_t left) {
    getrlimit(RLIMIT_AS, &before_);
    size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit = before_;
    limit.rlim_cur = pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) + left;
    EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
  }
  ~LimitOfThisProcess() { setrlimit(RLIMIT_AS, &before_); }
  LimitOfThisProcess(const LimitOfThisProcess&) = delete;
  LimitOfThisProcess& operator=(const LimitOfThisProcess&) = delete;

 private:
  rlimit before_{};
};

TEST(MemoryNeed, AnEighthOfAComputersMemoryIsLeftToOthers) {
  const LimitOfThisProcess limit(kLeft);
  const auto free = static_cast<double>(free_memory(Device::cpu));
  EXPECT_NEAR(static_cast<double>(usable_memory(Device::cpu)), free * 7 / 8, free / 50);
}

// Rank 0 of 64, whose messages go nowhere: all on one machine, or each on one of its own.
class Nowhere final : public Communicator {
 public:
  explicit Nowhere(bool together) : together_(together) {}
  int rank() const override { return 0; }
  int size() const override { return 64; }
  std::string machine(int rank) const override {
    return together_ ? "machine" : "machine" + std::to_string(rank);
  }
  void exchange(std::span<const Message>, std::span<const Message>) override {}
  void await(const std::function<bool()>&) override {}

 private:
  const bool together_;
};

// A batch that would fit once does not fit 64 times. What is named in its place is as large as a rank's part: the
// memory that planning takes and the crop that it is short of are far less than half of that.
TEST(MemoryNeed, RanksOfOneMachineShareItsMemory) {
  const Pictures pictures;
  const auto make = [&](int64_t batch, Communicator& ranks) {
    TrainerConfig config;
    config.network = {.size = 16, .width = 4, .blocks = 1, .levels = 1, .global = false};
    config.batch = batch;
    config.sharding = {.shards = 64, .ranks = &ranks};
    return make_trainer(config, pictures.sources);
  };
  Nowhere together(true), apart(false);
  const LimitOfThisProcess limit(kLeft);
  const auto part = static_cast<double>(usable_memory(Device::cpu)) / 64;
  const std::string refusal = said<OutOfMemory>([&] { make(32768, together); });
  std::smatch words;
  ASSERT_TRUE(std::regex_match(
      refusal, words,
      std::regex(R"(batch 32768: ([0-9.]+) MiB of memory are needed and ([0-9.]+) MiB are free; )"
                 R"(the largest batch that fits is ([0-9]+))")))
      << refusal;
  EXPECT_GT(std::stod(words[1]), std::stod(words[2]));
  const auto taken = static_cast<double>(make(std::stoll(words[3]), apart)->memory().total());
  EXPECT_LT(taken, 1.05 * part);
  EXPECT_GT(taken, 0.5 * part);
  EXPECT_EQ(said([&] { make(32768, apart); }), "accepted");
}

}  // namespace
}  // namespace dae::test
