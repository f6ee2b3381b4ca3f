#if defined(DAE_HAS_CUDA) && __has_include(<cudnn_graph.h>)
#include "kernels/layers/cudnn_backend.h"

#include "runtime/error.h"
#include "runtime/shared_library.h"

namespace dae::cudnn {

const Library& library() {
  static const Library the = [] {
    const SharedLibrary so("libcudnn.so.9", "cuDNN 9");
    Library l;
    so.load(l.create, "cudnnBackendCreateDescriptor");
    so.load(l.destroy, "cudnnBackendDestroyDescriptor");
    so.load(l.set, "cudnnBackendSetAttribute");
    so.load(l.get, "cudnnBackendGetAttribute");
    so.load(l.finalize, "cudnnBackendFinalize");
    so.load(l.execute, "cudnnBackendExecute");
    so.load(l.create_handle, "cudnnCreate");
    so.load(l.set_stream, "cudnnSetStream");
    so.load(l.error_string, "cudnnGetErrorString");
    so.load(l.last_error, "cudnnGetLastErrorString");
    so.load(l.version, "cudnnGetVersion");
    return l;
  }();
  return the;
}

void check(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char reason[512] = {};
  library().last_error(reason, sizeof(reason));
  fail("cuDNN: {} failed: {} {}", what, library().error_string(status), reason);
}

cudnnHandle_t handle() {
  static const cudnnHandle_t the = [] {
    cudnnHandle_t made = nullptr;
    check(library().create_handle(&made), "making a handle");
    return made;
  }();
  return the;
}

std::vector<Descriptor> Descriptor::get(cudnnBackendAttributeName_t name,
                                        cudnnBackendDescriptorType_t type, int64_t most) const {
  std::vector<Descriptor> held;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int64_t i = 0; i < most; i++) raw.push_back(held.emplace_back(type).raw());
  int64_t count = 0;
  check(library().get(raw_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &count, raw.data()),
        "reading descriptors");
  while (static_cast<int64_t>(held.size()) > count) held.pop_back();
  return held;
}

}  // namespace dae::cudnn
#endif
