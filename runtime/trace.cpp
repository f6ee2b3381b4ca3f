#include "runtime/trace.h"

#ifdef DAE_HAS_CUDA
#include <cuda_profiler_api.h>
#include <nvtx3/nvToolsExt.h>

#include "runtime/cuda_check.h"
#include "runtime/device.h"
#endif

namespace dae::trace {

#ifdef DAE_HAS_CUDA

void begin_step(const Step& step, const TensorTable&, const Queue& q) {
  if (q.device == Device::cuda) nvtxRangePushA(step.name.c_str());
}
void end_step(const Queue& q) {
  if (q.device == Device::cuda) nvtxRangePop();
}

Profiled::Profiled() {
  synchronize_device();
  DAE_CUDA_CHECK(cudaProfilerStart());
}
Profiled::~Profiled() {
  cudaDeviceSynchronize();  // an error is the next checked call's
  cudaProfilerStop();
}

#else

void begin_step(const Step&, const TensorTable&, const Queue&) {}
void end_step(const Queue&) {}
Profiled::Profiled() = default;
Profiled::~Profiled() = default;

#endif

}  // namespace dae::trace
