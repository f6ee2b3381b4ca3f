// The simulated GPU itself: that right programs give right results in every order, and that each
// kind of wrong one is found. Every test's name has `Simulated` in it, which is what its filter
// selects.
#include "tests/simulated_gpu/simulator.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <vector>

#include "runtime/cuda_kernel.h"
#include "runtime/error.h"
#include "tests/simulated_gpu/sanitizers.h"

namespace dae::test {
namespace {

using cuda::BlockReduce;
using cuda::launch;
using simulated::Schedule;
using simulated::take_findings;
using simulated::ThreadOrder;

// Device memory as a test uses it.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t count, T value = T()) : count_(count) {
    EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)), cudaSuccess);
    write(std::vector<T>(count, value));
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  void write(const std::vector<T>& values) {
    cudaMemcpy(data_, values.data(), values.size() * sizeof(T), cudaMemcpyDefault);
    cudaStreamSynchronize(nullptr);  // other streams may use it at once
  }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDefault);
    return values;
  }
  T* data() const { return data_; }

 private:
  T* data_ = nullptr;
  size_t count_;
};

struct Stream {
  cudaStream_t handle;
  Stream() { cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking); }
  ~Stream() { cudaStreamDestroy(handle); }
};
struct Event {
  cudaEvent_t handle;
  Event() { cudaEventCreateWithFlags(&handle, cudaEventDisableTiming); }
  ~Event() { cudaEventDestroy(handle); }
};

void expect_finding(const std::string& words) {
  const std::vector<std::string> findings = take_findings();
  for (const std::string& finding : findings)
    if (finding.find(words) != std::string::npos) return;
  std::string all;
  for (const std::string& finding : findings) all += "\n  " + finding;
  ADD_FAILURE() << "no finding says \"" << words << "\":" << all;
}

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
  EXPECT_THROW(launch("big", lost_lane_kernel, 1, 32, 49 << 10, nullptr), Error);
  EXPECT_THROW(launch("no stream", lost_lane_kernel, 1, 32, 0, reinterpret_cast<void*>(8)), Error);
}

// --- Streams ----------------------------------------------------------------------------------

__global__ void fill_kernel(float* out, float value, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) out[i] = value;
}
__global__ void add_kernel(const float* a, float* b, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) b[i] += a[i];
}

void fill(Stream& stream, const char* name, DeviceArray<float>& out, float value) {
  simulated::announce(stream.handle, name, {{out.data(), 400, true}});
  launch("fill", fill_kernel, 1, 128, 0, stream.handle, out.data(), value, 100);
}
void add(Stream& stream, const char* name, DeviceArray<float>& a, DeviceArray<float>& b) {
  simulated::announce(stream.handle, name,
                      {{a.data(), 400, false}, {b.data(), 400, false}, {b.data(), 400, true}});
  launch("add", add_kernel, 1, 128, 0, stream.handle, a.data(), b.data(), 100);
}

const std::vector<simulated::Settings> kSchedules = [] {
  std::vector<simulated::Settings> list = {{.schedule = Schedule::eager},
                                           {.schedule = Schedule::latest}};
  for (uint64_t seed = 1; seed <= 20; seed++)
    list.push_back({ThreadOrder::random, Schedule::random, seed});
  return list;
}();

TEST(SimulatedStreams, EventsOrderThemInEverySchedule) {
  for (const simulated::Settings& settings : kSchedules) {
    simulated::settings() = settings;
    DeviceArray<float> a(100), b(100, 1);
    Stream first, second;
    Event filled, added;
    fill(first, "make a", a, 2);
    cudaEventRecord(filled.handle, first.handle);
    cudaStreamWaitEvent(second.handle, filled.handle, 0);
    add(second, "use a", a, b);
    cudaEventRecord(added.handle, second.handle);
    cudaStreamWaitEvent(first.handle, added.handle, 0);
    fill(first, "make a again", a, 7);
    cudaEventSynchronize(added.handle);
    cudaStreamSynchronize(first.handle);
    EXPECT_EQ(b.read(), std::vector<float>(100, 3));
    EXPECT_EQ(a.read(), std::vector<float>(100, 7));
    EXPECT_TRUE(take_findings().empty());
  }
}

TEST(SimulatedStreams, AMissingWaitIsFoundInAnyScheduleNamingBoth) {
  if (simulated::kTsan) GTEST_SKIP() << "ends the program: SimulatedDeathTest has it";
  for (const Schedule schedule : {Schedule::eager, Schedule::latest}) {
    simulated::settings().schedule = schedule;
    DeviceArray<float> a(100), b(100, 1);
    Stream first, second;
    fill(first, "make a", a, 2);
    add(second, "use a", a, b);
    cudaDeviceSynchronize();
    expect_finding("nothing orders use a (add) (stream");
    take_findings();
  }
}

TEST(SimulatedStreams, MemoryHandedOnTooEarlyIsFound) {
  if (simulated::kTsan) GTEST_SKIP() << "ends the program: SimulatedDeathTest has it";
  DeviceArray<float> a(100), b(100, 1);
  Stream first, second;
  Event filled;
  fill(first, "make a", a, 2);
  cudaEventRecord(filled.handle, first.handle);
  cudaStreamWaitEvent(second.handle, filled.handle, 0);
  add(second, "use a", a, b);
  fill(first, "make something else in a's memory", a, 7);  // while `use a` may still read it
  cudaDeviceSynchronize();
  expect_finding("make something else in a's memory (fill)");
}

TEST(SimulatedStreams, ACopyThatDoesNotWaitIsFound) {
  if (simulated::kTsan) GTEST_SKIP() << "ends the program: SimulatedDeathTest has it";
  DeviceArray<float> a(100);
  Stream stream;
  fill(stream, "make a", a, 2);
  a.read();
  expect_finding("nothing orders cudaMemcpy");
}

// Blocking copies that CUDA lets return before the data has arrived: from pageable memory, and
// within the device. Late, what reads on another stream finds what was there before; in any
// schedule the missing wait is named.
TEST(SimulatedStreams, ABlockingCopyToTheDeviceMayArriveLate) {
  if (simulated::kTsan) GTEST_SKIP() << "ends the program: RacesWithBothLines has its like";
  for (const bool from_device : {false, true})
    for (const Schedule schedule : {Schedule::eager, Schedule::latest}) {
      simulated::settings().schedule = schedule;
      DeviceArray<float> source(100, 2), a(100, 5), sum(100, 1);
      std::vector<float> twos(100, 2);
      Stream stream;
      const auto copy = [&] {
        cudaMemcpy(a.data(), from_device ? source.data() : twos.data(), 400, cudaMemcpyDefault);
        twos.assign(100, 9);  // staged: the host may use its memory again
      };
      copy();
      add(stream, "use a", a, sum);
      cudaStreamSynchronize(stream.handle);
      expect_finding("nothing orders use a (add)");
      EXPECT_EQ(sum.read()[0], schedule == Schedule::latest ? 1 + 5 : 1 + 2);
      take_findings();
      twos.assign(100, 2);
      copy();
      cudaStreamSynchronize(nullptr);
      add(stream, "use a", a, sum);
      cudaStreamSynchronize(stream.handle);
      EXPECT_EQ(sum.read()[99], schedule == Schedule::latest ? 1 + 5 + 2 : 1 + 2 + 2);
      EXPECT_EQ(take_findings(), std::vector<std::string>{});
    }
}

TEST(SimulatedStreams, AnEventTellsOnlyWhatCameBeforeIt) {
  simulated::settings().schedule = Schedule::latest;
  DeviceArray<float> a(100), b(100, 1);
  Stream first;
  Event early;
  cudaEventRecord(early.handle, first.handle);
  fill(first, "make a", a, 2);
  EXPECT_EQ(cudaEventSynchronize(early.handle), cudaSuccess);
  Event late;
  cudaEventRecord(late.handle, first.handle);
  EXPECT_EQ(cudaEventQuery(late.handle), cudaErrorNotReady);
  cudaEventSynchronize(late.handle);
  EXPECT_EQ(cudaEventQuery(late.handle), cudaSuccess);
}

TEST(SimulatedStreams, AsynchronousCopiesWantPinnedMemory) {
  DeviceArray<float> a(4, 1);
  Stream stream;
  float values[4];
  cudaMemcpyAsync(values, a.data(), sizeof(values), cudaMemcpyDefault, stream.handle);
  cudaStreamSynchronize(stream.handle);
  expect_finding("neither device nor pinned memory");
  float* pinned = nullptr;
  cudaHostAlloc(reinterpret_cast<void**>(&pinned), sizeof(values), cudaHostAllocDefault);
  cudaMemcpyAsync(pinned, a.data(), sizeof(values), cudaMemcpyDefault, stream.handle);
  cudaStreamSynchronize(stream.handle);
  EXPECT_EQ(pinned[3], 1);
  cudaFreeHost(pinned);
}

// --- Graphs -----------------------------------------------------------------------------------

TEST(SimulatedGraphs, ReplayWhatWasCapturedWithItsForks) {
  for (const simulated::Settings& settings : kSchedules) {
    simulated::settings() = settings;
    DeviceArray<float> a(100), b(100), c(100);
    Stream first, second;
    Event fork, join;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t exec = nullptr;
    ASSERT_EQ(cudaStreamBeginCapture(first.handle, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    fill(first, "make a", a, 2);
    cudaEventRecord(fork.handle, first.handle);
    cudaStreamWaitEvent(second.handle, fork.handle, 0);
    add(second, "a to b", a, b);
    add(first, "a to c", a, c);
    cudaEventRecord(join.handle, second.handle);
    cudaStreamWaitEvent(first.handle, join.handle, 0);
    add(first, "b to c", b, c);
    ASSERT_EQ(cudaStreamEndCapture(first.handle, &graph), cudaSuccess);
    ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
    cudaGraphDestroy(graph);
    EXPECT_EQ(c.read()[0], 0) << "capturing runs nothing";
    cudaGraphLaunch(exec, first.handle);
    cudaGraphLaunch(exec, first.handle);
    cudaStreamSynchronize(first.handle);
    EXPECT_EQ(b.read(), std::vector<float>(100, 4));
    EXPECT_EQ(c.read(), std::vector<float>(100, 2 + 2 + 2 + 4));
    cudaGraphExecDestroy(exec);
    EXPECT_TRUE(take_findings().empty());
  }
}

TEST(SimulatedGraphs, MisuseIsRefused) {
  Stream first, second;
  Event fork, outside;
  DeviceArray<float> a(100);
  cudaGraph_t graph = nullptr;
  cudaStreamBeginCapture(first.handle, cudaStreamCaptureModeThreadLocal);
  void* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, 8), cudaErrorStreamCaptureUnsupported);
  cudaGetLastError();
  cudaEventRecord(fork.handle, first.handle);
  cudaStreamWaitEvent(second.handle, fork.handle, 0);
  fill(second, "never joined", a, 1);
  EXPECT_EQ(cudaStreamEndCapture(first.handle, &graph), cudaErrorStreamCaptureUnjoined);
  cudaGetLastError();
  cudaStreamBeginCapture(first.handle, cudaStreamCaptureModeThreadLocal);
  EXPECT_EQ(cudaStreamSynchronize(first.handle), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(first.handle, &graph), cudaErrorStreamCaptureInvalidated);
  cudaGetLastError();
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
