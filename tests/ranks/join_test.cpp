#include "ranks/join.h"

#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <cstdlib>
#include <filesystem>

#include "places.h"
#include "runtime/error.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

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
                                         "PMI_SIZE",
                                         "MASTER_ADDR",
                                         "MASTER_PORT",
                                         "TORCHELASTIC_USE_AGENT_STORE"};
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

TEST_F(LaunchTest, WithoutMpiOrAMeetingPointOnlyAloneTrains) {
  setenv("SLURM_STEP_NUM_TASKS", "8", 1);
  setenv("SLURM_PROCID", "5", 1);
  expect(5, 8, false);
  try {
    join_ranks(60);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "8 processes were launched together, without Open MPI, by which they would reach "
                 "each other: launch them by its mpirun or by srun --mpi=pmix, or set MASTER_ADDR "
                 "and MASTER_PORT to where rank 0 can be reached, as torchrun does");
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

// Beside the tests there is none, and what the package installs may not be there either.
TEST_F(LaunchTest, AMissingLibraryOfMpiIsNamedByWhereItBelongs) {
  setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  setenv("OMPI_COMM_WORLD_RANK", "1", 1);
  const std::string path = DAE_INSTALLED_LIBRARIES + std::string("/libdae_mpi.so");
  if (std::filesystem::exists(path)) GTEST_SKIP() << path << " is installed";
  EXPECT_EQ(said([] { join_ranks(60); }),
            "2 processes were launched together, and there is no " + path +
                ", by which they would reach each other: install the package dae-mpi, or "
                "libopenmpi-dev before the program is built, or set MASTER_ADDR and MASTER_PORT to "
                "where rank 0 can be reached, as torchrun does");
}

TEST_F(LaunchTest, ByTorchrun) {
  setenv("WORLD_SIZE", "2", 1);
  setenv("RANK", "1", 1);
  setenv("MASTER_ADDR", "node7", 1);
  EXPECT_FALSE(launch_of_environment().point);
  setenv("MASTER_PORT", "29500", 1);
  expect(1, 2, false);
  EXPECT_EQ(launch_of_environment().point->host, "node7");
  EXPECT_EQ(launch_of_environment().point->port, 29500);
  // Its agent listens there itself.
  setenv("TORCHELASTIC_USE_AGENT_STORE", "True", 1);
  EXPECT_EQ(launch_of_environment().point->port, 29501);
  setenv("TORCHELASTIC_USE_AGENT_STORE", "False", 1);
  EXPECT_EQ(launch_of_environment().point->port, 29500);
  setenv("MASTER_ADDR", "", 1);  // as a script has it that found no name
  EXPECT_FALSE(launch_of_environment().point);
  setenv("MASTER_ADDR", "node7", 1);
  for (const char* port : {"0", "-1", "65536"}) {
    setenv("MASTER_PORT", port, 1);
    EXPECT_THROW(join_ranks(60), Error) << port;
  }
}

// Pods and nodes start one after the other. At this port nobody listens, and nobody else can.
TEST_F(LaunchTest, RankZeroHasFiveTimesAsLongToCome) {
  namespace ip = boost::asio::ip;
  boost::asio::io_context io;
  const ip::tcp::socket taken(io, ip::tcp::endpoint(ip::address_v4::loopback(), 0));
  const std::string port = std::to_string(taken.local_endpoint().port());
  setenv("WORLD_SIZE", "2", 1);
  setenv("RANK", "1", 1);
  setenv("MASTER_ADDR", "127.0.0.1", 1);
  setenv("MASTER_PORT", port.c_str(), 1);
  const std::string found = said([] { join_ranks(0.1); });
  const std::string wanted = "rank 1 on " + ip::host_name() +
                             ": rank 0 was not reached within 0.5 seconds: 127.0.0.1 port " + port +
                             ": ";  // and what the system says of the last time that it was tried
  EXPECT_EQ(found.substr(0, wanted.size()), wanted);
}

TEST_F(LaunchTest, ARankOutsideItsWorldIsRefused) {
  setenv("WORLD_SIZE", "2", 1);
  setenv("MASTER_ADDR", "localhost", 1);
  setenv("MASTER_PORT", "29500", 1);
  for (const std::string rank : {"2", "-1"}) {
    setenv("RANK", rank.c_str(), 1);
    EXPECT_EQ(said([] { join_ranks(60); }), "rank " + rank + " of 2 processes: there is none");
  }
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
