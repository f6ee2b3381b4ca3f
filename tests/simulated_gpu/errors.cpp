// What goes wrong: findings, CUDA's error codes, and a GPU that breaks in the middle of its work.
#include <utility>

#include "tests/simulated_gpu/work.h"

namespace simulated {

namespace {

DeviceState& current() {
  return state().devices[static_cast<size_t>(current_device())];
}

}  // namespace

void report(const std::string& finding) {
  const Turn turn;
  if (state().findings.size() < 20) state().findings.push_back(finding);
}
std::vector<std::string> take_findings() {
  const Turn turn;
  return std::exchange(state().findings, {});
}
cudaError_t set_error(cudaError_t error) {
  return this_host_thread().last_error = error;
}
cudaError_t failure() {
  return current().broken ? set_error(current().breaks_with) : cudaSuccess;
}
bool broken() {
  return current().broken;
}
void fail_after(uint64_t operations, cudaError_t error, int device) {
  DeviceState& d = state().devices[static_cast<size_t>(device)];
  d.works_left = operations;
  d.breaks_with = error;
}
void fail_nccl(int result) {
  state().nccl_result = result;
}
void mend() {
  state().nccl_result = 0;
  for (int i = 0; i < kMostDevices; i++) {
    drop_all_work(i);
    DeviceState& d = state().devices[static_cast<size_t>(i)];
    d.broken = false;
    d.breaks_with = cudaSuccess;
  }
  this_host_thread().last_error = cudaSuccess;
}

}  // namespace simulated

using namespace simulated;

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorNotReady:
      return "device not ready";
    case cudaErrorECCUncorrectable:
      return "uncorrectable ECC error encountered";
    case cudaErrorIllegalAddress:
      return "an illegal memory access was encountered";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
      break;  // real ones that nothing here makes
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
    case cudaErrorStreamCaptureUnjoined:
      return "capturing stream has unjoined work";
  }
  return "unknown error";
}
cudaError_t cudaPeekAtLastError() {
  const Turn turn;
  return this_host_thread().last_error;
}
cudaError_t cudaGetLastError() {
  const Turn turn;
  if (broken()) return failure();
  return std::exchange(this_host_thread().last_error, cudaSuccess);
}
