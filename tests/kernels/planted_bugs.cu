// planted_bugs TOOL: a kernel with the bug that compute-sanitizer's TOOL exists to find. A tool
// that passes it is asleep, and its silence about our kernels is worth nothing
// (tools/gpu_acceptance.sh).
#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>

namespace {

constexpr int kThreads = 64;

// memcheck: the last thread writes behind the allocation.
__global__ void out_of_bounds(int* data) {
  data[threadIdx.x + 1] = 1;
}

// racecheck: each thread reads what a thread of the other warp writes, without a barrier.
__global__ void shared_race(int* data) {
  __shared__ int shared[kThreads];
  shared[threadIdx.x] = data[threadIdx.x];
  data[threadIdx.x] = shared[kThreads - 1 - threadIdx.x];
}

// initcheck: the memory has never been written.
__global__ void uninitialised_read(const int* never_written, int* data) {
  data[threadIdx.x] = never_written[threadIdx.x] + 1;
}

// synccheck: the last half warp does not come to the barrier.
__global__ void divergent_barrier(int* data) {
  if (threadIdx.x < kThreads - 16) __syncthreads();
  data[threadIdx.x] = 1;
}

int fail(cudaError_t status) {
  std::fprintf(stderr, "planted_bugs: no usable GPU: %s\n", cudaGetErrorString(status));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const char* const tool = argc == 2 ? argv[1] : "";
  const auto is = [tool](const char* name) { return std::strcmp(tool, name) == 0; };
  if (!is("memcheck") && !is("racecheck") && !is("initcheck") && !is("synccheck")) {
    std::fprintf(stderr, "usage: planted_bugs memcheck|racecheck|initcheck|synccheck\n");
    return 2;
  }
  int *data = nullptr, *never_written = nullptr;
  const size_t bytes = kThreads * sizeof(int);
  if (const cudaError_t status = cudaMalloc(&data, bytes)) return fail(status);
  if (const cudaError_t status = cudaMalloc(&never_written, bytes)) return fail(status);
  if (const cudaError_t status = cudaMemset(data, 0, bytes)) return fail(status);
  if (is("memcheck")) out_of_bounds<<<1, kThreads>>>(data);
  if (is("racecheck")) shared_race<<<1, kThreads>>>(data);
  if (is("initcheck")) uninitialised_read<<<1, kThreads>>>(never_written, data);
  if (is("synccheck")) divergent_barrier<<<1, kThreads>>>(data);
  // The bug's error is the tool's to report: without the tool this program ends well.
  cudaDeviceSynchronize();
  cudaFree(data);
  cudaFree(never_written);
  return 0;
}
