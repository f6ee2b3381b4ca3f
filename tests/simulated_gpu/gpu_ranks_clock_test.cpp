// Of a rank that waits while its NCCL has noticed an error: others have ten seconds to say what they know of it. This
// program's own clock_gettime stands before the system's, so that they pass at once. Every test's name has `Simulated`
// in it, which is what its filter selects.
//
// Simulated GPU: without sanitizers (host threads are none of its stream's to ThreadSanitizer)
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

#include "runtime/gpu_ranks.h"
#include "runtime/memory.h"
#include "tests/simulated_gpu/simulator.h"
#include "tests/support/said.h"
#include "tests/support/thread_ranks.h"

namespace {

// Of the calling thread: how many seconds more pass each time that it asks, and have passed so.
thread_local time_t leap = 0, leapt = 0;

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const auto status = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (clock == CLOCK_MONOTONIC) time->tv_sec += leapt += leap;
  return status;
}

namespace dae::test {
namespace {

constexpr int kRemoteError = 6;  // of ncclResult_t

// What a rank hears that waits for its GPU, which is at work when it asks first.
std::string heard_where_time_leaps(time_t seconds) {
  simulated::settings().schedule = simulated::Schedule::latest;
  std::string heard;
  ThreadRanks::run(1, [&](Communicator& alone) {
    GpuRanks gpus(alone);
    const Buffer buffer(Device::cuda, 400);
    const cuda::Stream stream;
    const cuda::Event over;
    cuda::clear_async(buffer.data(), buffer.bytes(), stream.get());
    over.record(stream);
    simulated::fail_nccl(kRemoteError);
    leap = seconds;
    heard = said<RankLost>([&] { gpus.wait(over); });
    leap = 0;
  });
  simulated::mend();
  return heard;
}

TEST(SimulatedGpuRanksClock, WhatNcclHasNoticedIsSaidWhenNobodyElseSaysMore) {
  EXPECT_EQ(heard_where_time_leaps(0), "accepted");
  const std::string heard = heard_where_time_leaps(11);
  EXPECT_TRUE(
      heard.starts_with("NCCL: to exchange: remote process exited or there was a network error"))
      << heard;
}

}  // namespace
}  // namespace dae::test
