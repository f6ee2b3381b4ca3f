// The simulated GPU's pool, its capacity, a GPU that breaks, and copies that run ahead: right use
// works, each kind of wrong use is found. Every test's name has `Simulated` in it, which is what
// its filter selects.
#include <gtest/gtest.h>

#include <vector>

#include "runtime/device.h"
#include "runtime/memory.h"
#include "runtime/stream.h"
#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/simulator_parts.h"

namespace dae::test {
namespace {

using cuda::launch;
using simulated::Schedule;
using simulated::take_findings;

constexpr int kCount = 100;
constexpr size_t kBytes = kCount * sizeof(float);
const std::vector<Schedule> kSchedules = {Schedule::eager, Schedule::latest,
                                          Schedule::copies_first};

cudaStream_t handle(const cuda::Stream& stream) {
  return static_cast<cudaStream_t>(stream.get());
}
float* from_pool(const cuda::Stream& stream) {
  void* data = nullptr;
  EXPECT_EQ(cudaMallocAsync(&data, kBytes, handle(stream)), cudaSuccess);
  return static_cast<float*>(data);
}
void fill(const cuda::Stream& stream, float* out, float value) {
  simulated::announce(handle(stream), "fill it", {{out, kBytes, true}});
  launch("fill", fill_kernel, 1, 128, 0, stream.get(), out, value, kCount);
}
float first_of(const float* data) {
  float value = 0;
  cudaMemcpy(&value, data, sizeof(value), cudaMemcpyDefault);
  return value;
}

// --- The pool ---------------------------------------------------------------------------------

TEST(SimulatedPool, StreamOrderedMemoryInEverySchedule) {
  for (const Schedule schedule : kSchedules) {
    simulated::settings().schedule = schedule;
    cuda::Stream first, second;
    cuda::Event made, used;
    float* const data = from_pool(first);
    made.record(first);
    second.wait(made);
    fill(second, data, 3);
    used.record(second);
    used.synchronize();
    EXPECT_EQ(first_of(data), 3);
    first.wait(used);
    EXPECT_EQ(cudaFreeAsync(data, handle(first)), cudaSuccess);
    first.synchronize();
    EXPECT_TRUE(take_findings().empty());
  }
}

TEST(SimulatedPool, UseBeforeItIsThereIsFound) {
  cuda::Stream first, second;
  float* const data = from_pool(first);
  simulated::announce(handle(second), "fill it", {{data, kBytes, true}});
  simulated::enqueue_library_call("nothing", handle(second), [] {});
  expect_finding("nothing orders fill it (nothing)");
  cudaDeviceSynchronize();
  cudaFreeAsync(data, handle(first));
}

TEST(SimulatedPool, AFreeThatDoesNotWaitForAnotherStreamIsFound) {
  cuda::Stream first, second;
  float* const data = from_pool(first);
  first.synchronize();
  simulated::settings().schedule = Schedule::latest;
  fill(second, data, 1);
  cudaFreeAsync(data, handle(first));
  expect_finding("nothing orders cudaFreeAsync");
  second.synchronize();
}

TEST(SimulatedPool, UseAfterFreeIsFoundInEverySchedule) {
  for (const Schedule schedule : kSchedules) {
    simulated::settings().schedule = schedule;
    cuda::Stream stream;
    float* const data = from_pool(stream);
    EXPECT_EQ(cudaFreeAsync(data, handle(stream)), cudaSuccess);
    simulated::announce(handle(stream), "fill it", {{data, kBytes, true}});
    simulated::enqueue_library_call("nothing", handle(stream), [] {});
    expect_finding("which was freed");
    stream.synchronize();
    EXPECT_EQ(cudaFreeAsync(data, handle(stream)), cudaErrorInvalidValue) << "twice";
    EXPECT_EQ(cudaFree(data), cudaErrorInvalidValue);
    cudaGetLastError();
    take_findings();
  }
}

TEST(SimulatedPoolDeathTest, AKernelThatTouchesFreedMemory) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        cuda::Stream stream;
        float* const data = from_pool(stream);
        cudaFreeAsync(data, handle(stream));
        fill(stream, data, 1);
      },
      "which was freed|SEGV|AddressSanitizer");
}

TEST(SimulatedPool, KeepsWhatWasFreedUntilItIsTrimmed) {
  const auto free_bytes = [] {
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    return free;
  };
  const size_t before = free_memory(Device::cuda);  // which trims
  { const Buffer buffer(Device::cuda, 1 << 20); }
  cudaDeviceSynchronize();
  EXPECT_EQ(free_bytes(), before - (1 << 20));
  EXPECT_EQ(free_memory(Device::cuda), before);
  simulated::set_capacity((2 << 20) + simulated::kCapacity - before);
  EXPECT_EQ(free_memory(Device::cuda), size_t{2} << 20);
  const Buffer half(Device::cuda, 1 << 20);
  EXPECT_THROW(Buffer(Device::cuda, (1 << 20) + 1), OutOfMemory);
  const Buffer rest(Device::cuda, 1 << 20);
  EXPECT_EQ(free_memory(Device::cuda), 0u);
}

// --- Memory that is not the GPU's ---------------------------------------------------------------

TEST(SimulatedMemory, WorkThatReadsTheHostsMemoryIsFound) {
  cuda::Stream stream;
  const std::vector<float> host(kCount);
  simulated::announce(handle(stream), "use it", {{host.data(), kBytes, false}});
  simulated::enqueue_library_call("nothing", handle(stream), [] {});
  expect_finding("which a GPU cannot reach");
}

TEST(SimulatedMemory, PinnedMemoryGoesWithItsOwner) {
  const auto is_pinned = [](const std::byte* data) {
    return simulated::is_pinned_memory(data, kBytes);
  };
  const std::byte* last = nullptr;
  {
    PinnedBuffer pinned(kBytes);
    const std::byte* const first = pinned.data();
    EXPECT_TRUE(is_pinned(first));
    pinned = PinnedBuffer(kBytes);
    EXPECT_FALSE(is_pinned(first)) << "its owner has another's";
    last = pinned.data();
    const PinnedBuffer heir(std::move(pinned));
    EXPECT_EQ(heir.data(), last);
    EXPECT_TRUE(is_pinned(last));
  }
  EXPECT_FALSE(is_pinned(last));
}

// --- A GPU that breaks ------------------------------------------------------------------------

TEST(SimulatedFailure, EveryCallReturnsTheErrorAndDestructorsDoNot) {
  for (const Schedule schedule : kSchedules) {
    simulated::settings().schedule = schedule;
    {
      cuda::Stream stream;
      cuda::Event event;
      const Buffer buffer(Device::cuda, kBytes);
      PinnedBuffer pinned(kBytes);
      auto* const data = reinterpret_cast<float*>(buffer.data());
      fill(stream, data, 1);
      stream.synchronize();
      simulated::fail_after(1, cudaErrorIllegalAddress);
      EXPECT_THROW(
          {
            fill(stream, data, 2);  // runs
            fill(stream, data, 3);
            cuda::copy_async(pinned.data(), data, kBytes, stream);
            stream.synchronize();
          },
          DeviceLost);
      EXPECT_THROW(stream.synchronize(), DeviceLost);
      EXPECT_THROW(event.record(stream), DeviceLost);
      EXPECT_THROW(fill(stream, data, 4), DeviceLost);
      EXPECT_THROW(Buffer(Device::cuda, 8), DeviceLost);
      EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress) << "it does not go away";
      pinned.data()[0] = std::byte{1};  // which nothing uses any more
    }
    simulated::mend();
    const Buffer again(Device::cuda, kBytes);
    EXPECT_EQ(first_of(reinterpret_cast<const float*>(again.data())), 0);
    EXPECT_TRUE(take_findings().empty());
  }
}

// --- Copies first -----------------------------------------------------------------------------

// The host overwrites, by a copy on another stream, what a kernel has not read yet, and says
// nothing of it to the vector clocks: only values can tell.
TEST(SimulatedSchedules, CopiesRunAheadOfKernelsThatTheyDoNotWaitFor) {
  if (simulated::kTsan) GTEST_SKIP() << "ThreadSanitizer calls it the race that it is";
  const auto outcome = [](bool waits) {
    simulated::settings().schedule = Schedule::copies_first;
    cuda::Stream kernels, copies;
    cuda::Event filled;
    const Buffer memory(Device::cuda, kBytes);
    PinnedBuffer pinned(kBytes);  // zeros
    auto* const data = reinterpret_cast<float*>(memory.data());
    launch("fill", fill_kernel, 1, 128, 0, kernels.get(), data, 5.0f, kCount);
    filled.record(kernels);
    if (waits) copies.wait(filled);
    cuda::copy_async(data, pinned.data(), kBytes, copies);
    kernels.synchronize();
    copies.synchronize();
    return first_of(data);
  };
  EXPECT_EQ(outcome(true), 0);
  EXPECT_EQ(outcome(false), 5);
}

}  // namespace
}  // namespace dae::test
