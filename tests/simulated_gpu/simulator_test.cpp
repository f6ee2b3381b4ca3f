// The simulated GPU itself: that right kernels give right results in every order, and that each
// kind of wrong one is found. Every test's name has `Simulated` in it, which is what its filter
// selects.
#include "tests/simulated_gpu/simulator.h"

#include <cmath>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "runtime/block_reduce.h"
#include "runtime/error.h"
#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/simulator_parts.h"

namespace dae::test {
namespace {

using cuda::BlockReduce;
using cuda::launch;
using simulated::take_findings;
using simulated::ThreadOrder;

const std::vector<ThreadOrder> kOrders = {ThreadOrder::forward, ThreadOrder::reversed,
                                          ThreadOrder::warps_reversed, ThreadOrder::random};

// --- Kernels ----------------------------------------------------------------------------------

__global__ void reverse_kernel(const float* from, float* to, int count) {
  DAE_SHARED(float, tile, 128);
  const int i = static_cast<int>(threadIdx.x);
  if (i < count) tile[i] = from[i];
  __syncthreads();
  if (i < count) to[i] = tile[count - 1 - i];
}

__global__ void reverse_without_barrier_kernel(const float* from, float* to, int count) {
  DAE_SHARED(float, tile, 128);
  const int i = static_cast<int>(threadIdx.x);
  if (i < count) tile[i] = from[i];
  if (i < count) to[i] = tile[count - 1 - i];
}

TEST(SimulatedKernels, SharedMemoryAndBarriersInEveryOrder) {
  std::vector<float> values(100);
  std::iota(values.begin(), values.end(), 1.0f);
  for (const ThreadOrder order : kOrders) {
    simulated::settings().order = order;
    DeviceArray<float> from(100), to(100);
    from.write(values);
    launch("reverse", reverse_kernel, 1, 128, 0, nullptr, from.data(), to.data(), 100);
    const std::vector<float> result = to.read();
    for (int i = 0; i < 100; i++) EXPECT_EQ(result[i], values[99 - i]);
  }
}

TEST(SimulatedKernels, AMissingBarrierGivesPoison) {
  if (simulated::kTsan) GTEST_SKIP() << "ends the program: SimulatedDeathTest has it";
  DeviceArray<float> from(100, 1), to(100);
  launch("reverse", reverse_without_barrier_kernel, 1, 128, 0, nullptr, from.data(), to.data(),
         100);
  EXPECT_TRUE(std::isnan(to.read()[0]));
}

__global__ void indices_kernel(int* out) {
  const int block =
      static_cast<int>((blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x);
  const int thread =
      static_cast<int>((threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x);
  out[block * static_cast<int>(blockDim.x * blockDim.y * blockDim.z) + thread] =
      block * 1000 + thread;
}

TEST(SimulatedKernels, IndicesInThreeDimensions) {
  DeviceArray<int> out(2 * 3 * 2 * 24, -1);
  launch("indices", indices_kernel, dim3(2, 3, 2), dim3(4, 3, 2), 0, nullptr, out.data());
  const std::vector<int> result = out.read();
  for (int b = 0; b < 12; b++)
    for (int t = 0; t < 24; t++) EXPECT_EQ(result[b * 24 + t], b * 1000 + t);
}

__global__ void dynamic_shared_kernel(int* out, int count) {
  DAE_DYNAMIC_SHARED(int, all);
  all[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  int sum = 0;
  for (int i = 0; i < count; i++) sum += all[i];
  out[threadIdx.x] = sum;
}

TEST(SimulatedKernels, DynamicSharedMemory) {
  DeviceArray<int> out(64);
  launch("dynamic", dynamic_shared_kernel, 1, 64, 64 * sizeof(int), nullptr, out.data(), 64);
  EXPECT_EQ(out.read(), std::vector<int>(64, 63 * 64 / 2));
  if (simulated::kAsan) return;  // which ends the program: see below
  launch("dynamic", dynamic_shared_kernel, 1, 64, 63 * sizeof(int), nullptr, out.data(), 63);
  expect_finding("just outside the shared array dynamic of 252 bytes");
}

__global__ void reduce_kernel(const float* x, float* sum, float* others) {
  using Reduce = BlockReduce<float, 96>;
  DAE_SHARED(Reduce::TempStorage, storage, 1);
  const float result = Reduce(storage[0]).Sum(x[threadIdx.x]);
  if (threadIdx.x == 0) sum[0] = result;
  others[threadIdx.x] = result;
}

TEST(SimulatedKernels, BlockReductionsGiveTheFirstThreadAlone) {
  DeviceArray<float> x(96, 0.5f), sum(1), others(96);
  launch("reduce", reduce_kernel, 1, 96, 0, nullptr, x.data(), sum.data(), others.data());
  EXPECT_EQ(sum.read()[0], 48);
  const std::vector<float> result = others.read();
  for (int i = 1; i < 96; i++) EXPECT_TRUE(std::isnan(result[i])) << i;
}

__global__ void reduce_twice_kernel(float* out, bool barrier) {
  using Reduce = BlockReduce<float, 32>;
  DAE_SHARED(Reduce::TempStorage, storage, 1);
  const float first = Reduce(storage[0]).Sum(1.0f);
  if (barrier) __syncthreads();
  const float second = Reduce(storage[0]).Sum(2.0f);
  if (threadIdx.x == 0) out[0] = first + second;
}

TEST(SimulatedKernels, StorageUsedAgainWithoutABarrierIsFound) {
  DeviceArray<float> out(1);
  launch("twice", reduce_twice_kernel, 1, 32, 0, nullptr, out.data(), true);
  EXPECT_EQ(out.read()[0], 96);
  EXPECT_TRUE(take_findings().empty());
  if (simulated::kTsan) return;  // which ends the program at the race
  launch("twice", reduce_twice_kernel, 1, 32, 0, nullptr, out.data(), false);
  expect_finding("storage again without a barrier");
}

__global__ void warp_kernel(int* out) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  int sum = lane;
  for (int bit = 16; bit > 0; bit /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, bit);
  const unsigned odd = __ballot_sync(0xffffffffu, lane % 2 == 1);
  const int next = __shfl_down_sync(0xffffffffu, lane, 1);
  const int third = __shfl_sync(0xffffffffu, lane, 3);
  const bool any = __any_sync(0xffffffffu, lane == 7), all = __all_sync(0xffffffffu, lane == 7);
  int half = lane;
  if (lane < 16) half += __shfl_xor_sync(0x0000ffffu, half, 8);
  __syncwarp(0xffffffffu);
  out[threadIdx.x] = sum == 496 && odd == 0xaaaaaaaau && next == (lane == 31 ? 31 : lane + 1) &&
                     third == 3 && any && !all && half == (lane < 16 ? lane + (lane ^ 8) : lane);
}

TEST(SimulatedKernels, WarpOperations) {
  for (const ThreadOrder order : kOrders) {
    simulated::settings().order = order;
    DeviceArray<int> out(96);
    launch("warp", warp_kernel, 1, 96, 0, nullptr, out.data());
    EXPECT_EQ(out.read(), std::vector<int>(96, 1));
  }
}

__global__ void lost_lane_kernel() {
  if (threadIdx.x != 5) __syncwarp(0xffffffffu);
}
__global__ void outside_mask_kernel(int* out) {
  if (threadIdx.x < 8) out[threadIdx.x] = __shfl_sync(0xffu, 1, 9);
}

TEST(SimulatedKernels, LanesThatNeverComeAreFound) {
  launch("lost", lost_lane_kernel, 1, 32, 0, nullptr);
  cudaDeviceSynchronize();
  expect_finding("of which some never come");
  DeviceArray<int> out(8);
  launch("outside", outside_mask_kernel, 1, 32, 0, nullptr, out.data());
  cudaDeviceSynchronize();
  expect_finding("asks lane 9");
}

__global__ void count_kernel(unsigned* count, int* top) {
  atomicAdd(count, 2u);
  atomicMax(top, static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x));
}

TEST(SimulatedKernels, Atomics) {
  DeviceArray<unsigned> count(1, 5);
  DeviceArray<int> top(1, -3);
  launch("count", count_kernel, 3, 40, 0, nullptr, count.data(), top.data());
  EXPECT_EQ(count.read()[0], 5u + 240u);
  EXPECT_EQ(top.read()[0], 119);
}

__global__ void divergent_kernel(int* out) {
  if (threadIdx.x < 7)
    __syncthreads();
  else
    __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void early_exit_kernel(int* out) {
  if (threadIdx.x == 3) return;
  __syncthreads();
  out[threadIdx.x] = 1;
}

TEST(SimulatedKernels, DivergentBarriersAreFoundWithBothLines) {
  DeviceArray<int> out(32);
  launch("divergent", divergent_kernel, 1, 32, 0, nullptr, out.data());
  cudaDeviceSynchronize();
  expect_finding("simulator_test.cpp");
  launch("exit", early_exit_kernel, 1, 32, 0, nullptr, out.data());
  cudaDeviceSynchronize();
  expect_finding("has ended while others wait at the barrier");
}

__global__ void write_kernel(float* out, int at) {
  if (threadIdx.x == 0) out[at] = 1;
}

TEST(SimulatedMemory, AWriteJustOutsideIsFound) {
  if (simulated::kAsan) GTEST_SKIP() << "ends the program: SimulatedDeathTest has it";
  DeviceArray<float> out(10);
  launch("write", write_kernel, 1, 1, 0, nullptr, out.data(), 10);
  cudaDeviceSynchronize();
  expect_finding("write wrote just outside device allocation");
  launch("write", write_kernel, 1, 1, 0, nullptr, out.data(), -1);
  cudaDeviceSynchronize();
  expect_finding("write wrote just outside device allocation");
}

TEST(SimulatedMemory, StartsAsPoisonAndMisuseIsAnError) {
  float* data = nullptr;
  ASSERT_EQ(cudaMalloc(reinterpret_cast<void**>(&data), 64), cudaSuccess);
  float value = 0;
  cudaMemcpy(&value, data + 3, sizeof(value), cudaMemcpyDefault);
  EXPECT_TRUE(std::isnan(value));
  EXPECT_EQ(cudaFree(data + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFreeHost(data), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(data), cudaSuccess);
  EXPECT_EQ(cudaFree(data), cudaErrorInvalidValue) << "twice";
  EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&data), size_t{1} << 40),
            cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "reading it clears it";
}

TEST(SimulatedMemory, ACopyPastTheEndIsFound) {
  if (simulated::kAsan || simulated::kTsan) GTEST_SKIP() << "the sanitizers end the program first";
  DeviceArray<float> out(10);
  float values[11] = {};
  cudaMemcpy(out.data(), values, sizeof(values), cudaMemcpyDefault);
  expect_finding("44 bytes at byte 0 of device allocation");
  take_findings();
}

TEST(SimulatedRuntime, LaunchesThatCudaRefuses) {
  EXPECT_THROW(launch("big", lost_lane_kernel, 1, 1025, 0, nullptr), Error);
  EXPECT_THROW(launch("big", lost_lane_kernel, dim3(1, 65536), 32, 0, nullptr), Error);
  EXPECT_THROW(launch("big", lost_lane_kernel, 1, 32, 228 << 10, nullptr), Error);
  EXPECT_THROW(launch("no stream", lost_lane_kernel, 1, 32, 0, reinterpret_cast<void*>(8)), Error);
}

// --- What ends the program --------------------------------------------------------------------

class SimulatedDeathTest : public testing::Test {
 protected:
  SimulatedDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(SimulatedDeathTest, TheHostTouchesDeviceMemory) {
  DeviceArray<float> a(10);
  EXPECT_DEATH(a.data()[3] = 1, "the host touches byte 12 of device allocation|SEGV");
}

TEST_F(SimulatedDeathTest, AKernelWritesFarOutside) {
  DeviceArray<float> a(10);
  const auto write = [&](int at) { launch("write", write_kernel, 1, 1, 0, nullptr, a.data(), at); };
  EXPECT_DEATH(write(1000), "write touches byte 4000 of device allocation|SEGV|AddressSanitizer");
  EXPECT_DEATH(write(1 << 28), "which no allocation is near|SEGV|AddressSanitizer");
}

TEST_F(SimulatedDeathTest, TheHostReadsPinnedMemoryBeforeItWaits) {
  EXPECT_DEATH(
      {
        DeviceArray<float> a(4, 1);
        Stream stream;
        float* pinned = nullptr;
        cudaHostAlloc(reinterpret_cast<void**>(&pinned), 16, cudaHostAllocDefault);
        cudaMemcpyAsync(pinned, a.data(), 16, cudaMemcpyDefault, stream.handle);
        std::exit(pinned[0] > 0);
      },
      "while cudaMemcpyAsync may still use it|SEGV|data race");
}

// What only ThreadSanitizer sees: real accesses, with both source lines.
TEST_F(SimulatedDeathTest, RacesWithBothLines) {
  if (!simulated::kTsan) GTEST_SKIP() << "needs ThreadSanitizer";
  DeviceArray<float> a(200), b(200);
  const auto no_barrier = [&] {
    launch("reverse", reverse_without_barrier_kernel, 1, 128, 0, nullptr, a.data(), b.data(), 100);
  };
  EXPECT_DEATH(no_barrier(), "data race(.|\n)*simulator_test.cpp:(.|\n)*simulator_test.cpp:");
  const auto blocks = [&] { launch("same element", write_kernel, 2, 32, 0, nullptr, a.data(), 0); };
  EXPECT_DEATH(blocks(), "data race");
  const auto no_wait = [&] {
    Stream first, second;
    launch("fill", fill_kernel, 1, 128, 0, first.handle, a.data(), 1.0f, 100);
    launch("add", add_kernel, 1, 128, 0, second.handle, a.data(), b.data(), 100);
  };
  EXPECT_DEATH(no_wait(), "data race");

  // Launch by launch: what streams do to each other is found, and nothing else.
  simulated::settings().launches_as_threads = true;
  EXPECT_DEATH(no_wait(), "data race(.|\n)*add_kernel(.|\n)*fill_kernel");
  blocks();
  launch("reverse", reverse_kernel, 2, 128, 0, nullptr, a.data(), b.data(), 100);
  cudaDeviceSynchronize();
  Stream first, second;
  launch("fill", fill_kernel, 1, 128, 0, first.handle, a.data(), 1.0f, 100);
  cudaStreamSynchronize(first.handle);
  launch("add", add_kernel, 1, 128, 0, second.handle, a.data(), b.data(), 100);
  cudaStreamSynchronize(second.handle);
}

// Of streams that have waited for each other, and of those that have the identities of one that is gone.
TEST_F(SimulatedDeathTest, RacesBetweenStreamsThatHaveMet) {
  if (!simulated::kTsan) GTEST_SKIP() << "needs ThreadSanitizer";
  DeviceArray<float> a(100), b(100);
  const auto fill = [&](const Stream& on) {
    launch("fill", fill_kernel, 2, 64, 0, on.handle, a.data(), 1.0f, 100);
  };
  const auto add = [&](const Stream& on) {
    launch("add", add_kernel, 2, 64, 0, on.handle, a.data(), b.data(), 100);
  };
  const auto fill_and_add = [&](const Stream& first, const Stream& second) {
    fill(first);
    add(second);
  };
  Stream stays;
  for (const bool together : {false, true, false}) {
    simulated::settings().launches_as_threads = together;
    Stream goes;
    EXPECT_DEATH(fill_and_add(goes, stays), "data race");
    fill(goes);
    cudaStreamSynchronize(goes.handle);
    add(stays);
    cudaStreamSynchronize(stays.handle);
    EXPECT_DEATH(fill_and_add(goes, stays), "data race");
    EXPECT_DEATH(fill_and_add(stays, goes), "data race");
  }
}

// A thread of one block writes an element before the barrier, one of another block after it.
__global__ void before_and_after_kernel(float* element, int before, int after) {
  const int b = static_cast<int>(blockIdx.x);
  if (b == before && threadIdx.x == 0) element[0] = 1;
  __syncthreads();
  if (b == after && threadIdx.x == 31) element[0] = 2;
}

// ThreadSanitizer's identities go from thread to thread: what one knew of others does not order those that
// come after them, whatever has run before, and as far as the simulator promises.
TEST_F(SimulatedDeathTest, RacesBetweenBlocksThatHaveBarriers) {
  if (!simulated::kTsan) GTEST_SKIP() << "needs ThreadSanitizer";
  constexpr int kNone = -1, kBlocks = 20,
                kThreads = 128;  // more threads than a launch has identities
  DeviceArray<float> a(1);
  const auto run = [&](int blocks, int before, int after) {
    launch("before and after", before_and_after_kernel, blocks, kThreads, 0, nullptr, a.data(),
           before, after);
  };
  EXPECT_DEATH(run(2, 0, 1), "data race");  // the first launch of all
  run(2, 0, kNone);
  run(2, kNone, 0);
  EXPECT_DEATH(run(2, 0, 1), "data race");
  EXPECT_DEATH(run(2, 1, 0), "data race");
  for (const ThreadOrder order : kOrders) {
    simulated::settings().order = order;
    run(kBlocks, 0, kNone);
    run(kBlocks, kNone, 0);
  }
  simulated::settings().order = ThreadOrder::forward;
  for (const int far : {1, 15})  // 15 blocks are 1920 threads
    EXPECT_DEATH(run(kBlocks, kBlocks - 1 - far, kBlocks - 1), "data race") << far;
}

TEST_F(SimulatedDeathTest, WritesJustOutside) {
  if (!simulated::kAsan) GTEST_SKIP() << "needs AddressSanitizer";
  DeviceArray<float> a(10);
  DeviceArray<int> out(64);
  EXPECT_DEATH(launch("write", write_kernel, 1, 1, 0, nullptr, a.data(), 10), "AddressSanitizer");
  EXPECT_DEATH(
      launch("dynamic", dynamic_shared_kernel, 1, 64, 63 * sizeof(int), nullptr, out.data(), 63),
      "AddressSanitizer");
}

}  // namespace
}  // namespace dae::test
