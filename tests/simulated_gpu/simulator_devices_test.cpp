// Several simulated GPUs: each has memory, streams and events of its own, and what is used on another is found. Every
// test's name has `Simulated` in it, which is what its filter selects.
//
// Simulated GPU: without sanitizers (host threads are none of its stream's to ThreadSanitizer)
#include <array>
#include <thread>
#include <vector>

#include "runtime/device.h"
#include "runtime/memory.h"
#include "tests/simulated_gpu/simulator_parts.h"

namespace dae::test {
namespace {

using cuda::launch;
using simulated::take_findings;

class SimulatedDevices : public testing::Test {
 protected:
  SimulatedDevices() { simulated::set_devices(3); }
  ~SimulatedDevices() override { simulated::mend(); }
  static void fill(const Stream& stream, const DeviceArray<float>& out, float value) {
    simulated::announce(stream.handle, "fill", {{out.data(), 400, true}});
    launch("fill", fill_kernel, 1, 128, 0, stream.handle, out.data(), value, 100);
  }
};

TEST_F(SimulatedDevices, AreCountedAndChosen) {
  EXPECT_EQ(count_gpus(), 3);
  use_gpu(2);
  int current = 0;
  EXPECT_EQ(cudaGetDevice(&current), cudaSuccess);
  EXPECT_EQ(current, 2);
  const std::string third = current_gpu_on_bus();
  use_gpu(0);
  EXPECT_NE(current_gpu_on_bus(), third);
  EXPECT_EQ(cudaSetDevice(3), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaSetDevice(-1), cudaErrorInvalidDevice);
  EXPECT_EQ(current_gpu_on_bus(), "0000:01:00.0");
}

TEST_F(SimulatedDevices, AreDescribed) {
  const GpuDescription gpu = describe_gpu();
  EXPECT_EQ(gpu.name, "simulated GPU");
  EXPECT_EQ(gpu.driver, 13010);
  EXPECT_EQ(gpu.runtime, 13000);
  EXPECT_EQ(gpu.l2_bytes, 16384u);
}

TEST_F(SimulatedDevices, EachThreadHasACurrentOne) {
  use_gpu(1);
  int elsewhere = -1;
  std::thread([&] { cudaGetDevice(&elsewhere); }).join();
  EXPECT_EQ(elsewhere, 0);
}

TEST_F(SimulatedDevices, EachHasItsMemory) {
  const size_t before = free_memory(Device::cuda);
  use_gpu(1);
  {
    const Buffer pooled(Device::cuda, 1 << 20);
    DeviceArray<float> plain(256);
    EXPECT_EQ(free_memory(Device::cuda), simulated::kCapacity - (1 << 20) - 1024);
    use_gpu(0);
    EXPECT_EQ(free_memory(Device::cuda), before);
    use_gpu(1);
  }
  EXPECT_EQ(free_memory(Device::cuda), simulated::kCapacity);
}

TEST_F(SimulatedDevices, WorkOnAStreamOfAnotherIsFound) {
  Stream first;
  Event event;
  DeviceArray<float> a(100);
  use_gpu(1);
  EXPECT_THROW(fill(first, a, 2), Error);
  expect_finding("which is of device 0, while 1 is the current one");
  EXPECT_EQ(cudaMemsetAsync(a.data(), 0, 400, first.handle), cudaErrorInvalidResourceHandle);
  expect_finding("cudaMemsetAsync on stream");
  void* data = nullptr;
  EXPECT_EQ(cudaMallocAsync(&data, 400, first.handle), cudaErrorInvalidResourceHandle);
  expect_finding("cudaMallocAsync on stream");
  Stream second;
  EXPECT_EQ(cudaEventRecord(event.handle, second.handle), cudaErrorInvalidResourceHandle);
  expect_finding("an event of device 0 on stream");
  use_gpu(0);
  EXPECT_EQ(take_findings(), std::vector<std::string>{});
}

TEST_F(SimulatedDevices, MemoryOfAnotherIsFound) {
  DeviceArray<float> a(100);
  use_gpu(1);
  Stream second;
  fill(second, a, 2);
  cudaStreamSynchronize(second.handle);
  expect_finding("of device 1 writes byte 0 of device allocation");
  use_gpu(0);
}

// One stream may wait for what another GPU's has recorded.
TEST_F(SimulatedDevices, EventsReachAcross) {
  for (const auto schedule : {simulated::Schedule::eager, simulated::Schedule::latest}) {
    simulated::settings().schedule = schedule;
    float* pinned = nullptr;
    cudaHostAlloc(reinterpret_cast<void**>(&pinned), 400, cudaHostAllocDefault);
    Stream first;
    Event filled;
    DeviceArray<float> a(100);
    fill(first, a, 3);
    cudaMemcpyAsync(pinned, a.data(), 400, cudaMemcpyDefault, first.handle);
    cudaEventRecord(filled.handle, first.handle);
    use_gpu(1);
    {
      Stream second;
      DeviceArray<float> b(100);
      cudaStreamWaitEvent(second.handle, filled.handle, 0);
      cudaMemcpyAsync(b.data(), pinned, 400, cudaMemcpyDefault, second.handle);
      cudaStreamSynchronize(second.handle);
      EXPECT_EQ(b.read(), std::vector<float>(100, 3));
    }
    use_gpu(0);
    cudaFreeHost(pinned);
    EXPECT_EQ(take_findings(), std::vector<std::string>{});
  }
}

TEST_F(SimulatedDevices, OneThatBreaksLeavesTheOthers) {
  simulated::fail_after(0, cudaErrorIllegalAddress, 1);
  use_gpu(1);
  EXPECT_THROW(Buffer(Device::cuda, 400), DeviceLost);
  EXPECT_THROW(synchronize_device(), DeviceLost);
  use_gpu(0);
  cudaGetLastError();  // the thread's last
  synchronize_device();
  {
    Stream first;
    DeviceArray<float> a(100);
    fill(first, a, 2);
    cudaStreamSynchronize(first.handle);
    EXPECT_EQ(a.read()[99], 2);
  }
}

// Threads, each with a GPU, whose work is enqueued side by side.
TEST_F(SimulatedDevices, AreUsedByThreadsAtOnce) {
  std::array<std::vector<float>, 3> results;
  std::vector<std::thread> threads;
  for (int device = 0; device < 3; device++)
    threads.emplace_back([&, device] {
      use_gpu(device);
      Stream stream;
      DeviceArray<float> a(100), b(100);
      cudaGraph_t graph = nullptr;
      cudaGraphExec_t exec = nullptr;
      cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal);
      simulated::announce(stream.handle, "add",
                          {{a.data(), 400, false}, {b.data(), 400, false}, {b.data(), 400, true}});
      launch("add", add_kernel, 1, 128, 0, stream.handle, a.data(), b.data(), 100);
      cudaStreamEndCapture(stream.handle, &graph);
      cudaGraphInstantiate(&exec, graph, 0);
      cudaGraphDestroy(graph);
      fill(stream, a, static_cast<float>(device));
      for (int i = 0; i < 20; i++) cudaGraphLaunch(exec, stream.handle);
      cudaStreamSynchronize(stream.handle);
      results[static_cast<size_t>(device)] = b.read();
      cudaGraphExecDestroy(exec);
    });
  for (std::thread& thread : threads) thread.join();
  for (size_t device = 0; device < 3; device++)
    EXPECT_EQ(results[device], std::vector<float>(100, 20.0f * static_cast<float>(device)));
}

}  // namespace
}  // namespace dae::test
