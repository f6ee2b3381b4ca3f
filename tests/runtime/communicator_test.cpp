#include "runtime/communicator.h"

#include <cstdlib>

#include "tests/support/thread_ranks.h"

namespace dae::test {
namespace {

TEST(Communicator, WhatRankZeroHasEveryRankGets) {
  ThreadRanks::run(3, [](Communicator& ranks) {
    int number = ranks.rank() == 0 ? 7 : 0;
    broadcast(ranks, &number, sizeof(number));
    EXPECT_EQ(number, 7);
    const std::string long_text(100'000, 'x');
    EXPECT_EQ(broadcast(ranks, ranks.rank() == 0 ? long_text : "mine"), long_text);
    EXPECT_EQ(broadcast(ranks, ranks.rank() == 0 ? "" : "mine"), "");
  });
}

TEST(Communicator, RankZeroHearsAllInTheirOrder) {
  ThreadRanks::run(3, [](Communicator& ranks) {
    const std::vector<std::string> said =
        gather(ranks, std::string(static_cast<size_t>(ranks.rank()), 'a'));
    if (ranks.rank() == 0)
      EXPECT_EQ(said, (std::vector<std::string>{"", "a", "aa"}));
    else
      EXPECT_TRUE(said.empty());
  });
}

TEST(Communicator, ARankIsNamedWithItsMachine) {
  ThreadRanks::run(
      2, [](Communicator& ranks) { EXPECT_EQ(describe(ranks, 1), "rank 1 on machine1"); });
}

// --- How a process was launched -----------------------------------------------------------------------

class LaunchTest : public testing::Test {
 protected:
  static constexpr const char* kAll[] = {"OMPI_COMM_WORLD_SIZE",
                                         "OMPI_COMM_WORLD_RANK",
                                         "PMIX_RANK",
                                         "SLURM_STEP_NUM_TASKS",
                                         "SLURM_PROCID",
                                         "WORLD_SIZE",
                                         "RANK",
                                         "PMI_RANK",
                                         "PMI_SIZE"};
  void SetUp() override {
    for (const char* name : kAll) unsetenv(name);
  }
  void TearDown() override { SetUp(); }
  static void expect(int rank, int size, bool by_mpi) {
    const Launch launch = launch_of_environment();
    EXPECT_EQ(launch.rank, rank);
    EXPECT_EQ(launch.size, size);
    EXPECT_EQ(launch.by_mpi, by_mpi);
  }
};

TEST_F(LaunchTest, AloneWithoutALauncher) {
  expect(0, 1, false);
  EXPECT_EQ(join_ranks(60), nullptr);
}

TEST_F(LaunchTest, ByMpirun) {
  setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
  setenv("OMPI_COMM_WORLD_RANK", "3", 1);
  expect(3, 4, true);
}

TEST_F(LaunchTest, BySrunWithPmix) {
  setenv("SLURM_STEP_NUM_TASKS", "8", 1);
  setenv("SLURM_PROCID", "5", 1);
  setenv("PMIX_RANK", "5", 1);
  expect(5, 8, true);
}

TEST_F(LaunchTest, WithoutMpiOnlyAloneTrains) {
  setenv("SLURM_STEP_NUM_TASKS", "8", 1);
  setenv("SLURM_PROCID", "5", 1);
  expect(5, 8, false);
  try {
    join_ranks(60);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "8 processes were launched together, without Open MPI, by which they would reach "
                 "each other: launch them by its mpirun, or by srun --mpi=pmix");
  }
  SetUp();
  setenv("WORLD_SIZE", "2", 1);  // torchrun
  setenv("RANK", "1", 1);
  expect(1, 2, false);
  EXPECT_THROW(join_ranks(60), Error);
  SetUp();
  setenv("PMI_SIZE", "3", 1);  // MPICH's mpirun
  setenv("PMI_RANK", "2", 1);
  expect(2, 3, false);
  EXPECT_THROW(join_ranks(60), Error);
}

TEST_F(LaunchTest, WhatIsNoNumberIsNoLauncher) {
  setenv("OMPI_COMM_WORLD_SIZE", "4x", 1);
  expect(0, 1, false);
  setenv("WORLD_SIZE", "2", 1);  // a shell's own, without RANK
  expect(0, 1, false);
}

// Inside an allocation of several tasks a program that was started without srun is alone.
TEST_F(LaunchTest, InABatchScriptOfSlurmAlone) {
  setenv("SLURM_PROCID", "0", 1);
  expect(0, 1, false);
  setenv("PMIX_RANK", "1", 1);  // without anybody's size
  expect(0, 1, false);
}

}  // namespace
}  // namespace dae::test
