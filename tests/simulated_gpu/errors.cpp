// What goes wrong: findings, CUDA's error codes, and a GPU that breaks in the middle of its work.
#include <utility>

#include "tests/simulated_gpu/work.h"

namespace simulated {

void report(const std::string& finding) {
  if (state().findings.size() < 20) state().findings.push_back(finding);
}
std::vector<std::string> take_findings() {
  return std::exchange(state().findings, {});
}
cudaError_t set_error(cudaError_t error) {
  return state().last_error = error;
}
cudaError_t failure() {
  return state().broken ? set_error(state().breaks_with) : cudaSuccess;
}
bool broken() {
  return state().broken;
}
void fail_after(uint64_t operations, cudaError_t error) {
  state().works_left = operations;
  state().breaks_with = error;
}
void mend() {
  drop_all_work();
  state().broken = false;
  state().breaks_with = state().last_error = cudaSuccess;
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
  return state().last_error;
}
cudaError_t cudaGetLastError() {
  if (broken()) return failure();
  return std::exchange(state().last_error, cudaSuccess);
}
