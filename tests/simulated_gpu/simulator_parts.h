// What the simulator's tests share: device memory, streams and events with an end, and what was
// found.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/cuda_kernel.h"
#include "tests/simulated_gpu/simulator.h"

namespace dae::test {

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

// Takes the findings, of which one must say these words.
inline void expect_finding(const std::string& words) {
  const std::vector<std::string> findings = simulated::take_findings();
  for (const std::string& finding : findings)
    if (finding.find(words) != std::string::npos) return;
  std::string all;
  for (const std::string& finding : findings) all += "\n  " + finding;
  ADD_FAILURE() << "no finding says \"" << words << "\":" << all;
}

__global__ inline void fill_kernel(float* out, float value, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) out[i] = value;
}
__global__ inline void add_kernel(const float* a, float* b, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) b[i] += a[i];
}

}  // namespace dae::test
