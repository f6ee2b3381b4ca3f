// The simulated GPU's streams, events, copies and graphs: right programs give right results in
// every schedule, and a missing wait is found in any, naming both. Every test's name has
// `Simulated` in it, which is what its filter selects.
#include <vector>

#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/simulator_parts.h"

namespace dae::test {
namespace {

using cuda::launch;
using simulated::Schedule;
using simulated::take_findings;
using simulated::ThreadOrder;

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
  EXPECT_EQ(cudaGetLastError(), cudaErrorNotReady) << "the real runtime keeps it, too";
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
  EXPECT_EQ(cudaStreamBeginCapture(first.handle, cudaStreamCaptureModeGlobal),
            cudaErrorInvalidValue);
  cudaGetLastError();
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

}  // namespace
}  // namespace dae::test
