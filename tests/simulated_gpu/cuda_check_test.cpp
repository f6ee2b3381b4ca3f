// What becomes of CUDA's errors: which of them lose the GPU, in which words a person is told, and
// what the next call sees of them. Every test's name has `Simulated` in it, which is what its
// filter selects.
#include "runtime/cuda_check.h"

#include <fmt/format.h>

#include "runtime/device.h"
#include "runtime/memory.h"
#include "runtime/stream.h"
#include "tests/simulated_gpu/simulator_parts.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

using cuda::fail_call;
using cuda::launch;

__global__ void idle_kernel() {}

void run_idle() {
  launch("idle", idle_kernel, 1, 1, 0, nullptr);
}

// Those of which CUDA's reference says that the process must end.
constexpr cudaError_t kForEver[] = {cudaErrorECCUncorrectable,   cudaErrorIllegalAddress,
                                    cudaErrorLaunchTimeout,      cudaErrorAssert,
                                    cudaErrorHardwareStackError, cudaErrorIllegalInstruction,
                                    cudaErrorMisalignedAddress,  cudaErrorInvalidAddressSpace,
                                    cudaErrorInvalidPc,          cudaErrorLaunchFailure};

TEST(SimulatedErrors, TheGpuIsLostByThoseThatStay) {
  for (const cudaError_t error : kForEver) {
    simulated::fail_after(0, error);
    EXPECT_EQ(said<DeviceLost>(run_idle),
              fmt::format("the GPU cannot go on: {} (noticed by launching idle)",
                          cudaGetErrorString(error)));
    EXPECT_THROW(synchronize_device(), DeviceLost) << error;
    simulated::mend();
    EXPECT_EQ(said(run_idle), "accepted");
  }
}

TEST(SimulatedErrors, OthersNameTheCallAndItsPlace) {
  for (const cudaError_t error :
       {cudaErrorInvalidValue, cudaErrorInvalidConfiguration, cudaErrorInvalidDevice,
        cudaErrorInvalidResourceHandle, cudaErrorNotReady, cudaErrorStreamCaptureUnsupported,
        cudaErrorStreamCaptureInvalidated, cudaErrorStreamCaptureUnjoined})
    EXPECT_EQ(said([&] { fail_call(error, "ask()", "a.cu", 12); }),
              fmt::format("CUDA: ask() at a.cu:12 failed: {}", cudaGetErrorString(error)));
}

TEST(SimulatedErrors, OfMemoryItIsSaidHowMuchThereIs) {
  ASSERT_EQ(free_memory(Device::cuda), simulated::kCapacity);
  simulated::set_capacity(5 << 20);
  const Buffer taken(Device::cuda, 2 << 20);
  EXPECT_EQ(said<OutOfMemory>([] { fail_call(cudaErrorMemoryAllocation, "ask()", "a.cu", 12); }),
            "out of memory on the GPU, which has 3.0 MiB of 5.0 MiB free (ask() at a.cu:12)");
}

// An error that was told is over: the next call, which asks for the last one, does not meet it.
TEST(SimulatedErrors, NobodyIsToldTwice) {
  simulated::set_capacity(1 << 20);
  EXPECT_THROW(Buffer(Device::cuda, 2 << 20), OutOfMemory);
  EXPECT_EQ(said(run_idle), "accepted");
  EXPECT_EQ(said([] { launch("wide", idle_kernel, 1, 1025, 0, nullptr); }),
            "CUDA: launching wide failed: invalid configuration argument");
  EXPECT_EQ(said(run_idle), "accepted");
}

// CUDA keeps that an event is not over as it keeps an error, which the next launch must not meet.
TEST(SimulatedErrors, WhatIsNotOverYetIsNoErrorOfTheNextLaunch) {
  simulated::settings().schedule = simulated::Schedule::latest;
  const Buffer buffer(Device::cuda, 400);
  const cuda::Stream stream;
  const cuda::Event over;
  cuda::clear_async(buffer.data(), buffer.bytes(), stream.get());
  over.record(stream);
  EXPECT_FALSE(over.is_over());
  EXPECT_EQ(said(run_idle), "accepted");
  EXPECT_TRUE(over.is_over());
}

TEST(SimulatedErrors, OneThatDoesNotMatterIsForgottenAndALostGpuIsNot) {
  EXPECT_EQ(cudaSetDevice(simulated::kMostDevices), cudaErrorInvalidDevice);
  forget_device_error();
  EXPECT_EQ(said(run_idle), "accepted");
  simulated::fail_after(0, cudaErrorIllegalAddress);
  EXPECT_THROW(run_idle(), DeviceLost);
  EXPECT_THROW(forget_device_error(), DeviceLost);
  simulated::mend();
}

}  // namespace
}  // namespace dae::test
