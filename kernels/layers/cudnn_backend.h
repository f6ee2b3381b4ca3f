// cuDNN's backend C calls as kernels/layers/cudnn.cpp needs them: the library opened by its soname,
// checked calls, and descriptors that are destroyed. Included only where there is a cudnn_graph.h.
#pragma once

#include <cudnn_graph.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace dae::cudnn {

struct Library {
  decltype(&::cudnnBackendCreateDescriptor) create = nullptr;
  decltype(&::cudnnBackendDestroyDescriptor) destroy = nullptr;
  decltype(&::cudnnBackendSetAttribute) set = nullptr;
  decltype(&::cudnnBackendGetAttribute) get = nullptr;
  decltype(&::cudnnBackendFinalize) finalize = nullptr;
  decltype(&::cudnnBackendExecute) execute = nullptr;
  decltype(&::cudnnCreate) create_handle = nullptr;
  decltype(&::cudnnSetStream) set_stream = nullptr;
  decltype(&::cudnnGetErrorString) error_string = nullptr;
  decltype(&::cudnnGetLastErrorString) last_error = nullptr;
  decltype(&::cudnnGetVersion) version = nullptr;
};

// Opened on the first call; throws Error saying what to install when there is none.
const Library& library();

// Throws Error with cuDNN's own words unless `status` is success.
void check(cudnnStatus_t status, const char* what);

// This process's one handle, made on the first call; needs a GPU.
cudnnHandle_t handle();

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    check(library().create(type, &raw_), "making a descriptor");
  }
  ~Descriptor() {
    if (raw_) library().destroy(raw_);
  }
  Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  cudnnBackendDescriptor_t raw() const { return raw_; }

  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                  const std::vector<T>& values) {
    check(library().set(raw_, name, type, static_cast<int64_t>(values.size()), values.data()),
          "setting an attribute");
    return *this;
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& other) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::vector{other.raw()});
  }
  Descriptor& finalize(const char* what) {
    check(library().finalize(raw_), what);
    return *this;
  }

  template <class T>
  std::vector<T> get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                     int64_t most) const {
    std::vector<T> values(static_cast<size_t>(most));
    int64_t count = 0;
    check(library().get(raw_, name, type, most, &count, values.data()), "reading an attribute");
    values.resize(static_cast<size_t>(count < most ? count : most));
    return values;
  }

  // How many elements it has: of those that tell before they are read.
  int64_t count(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const {
    int64_t count = 0;
    check(library().get(raw_, name, type, 0, &count, nullptr), "reading an attribute's size");
    return count;
  }

  // The descriptors of `type` that an attribute holds, up to `most`: fresh ones, which cuDNN fills.
  // (Not every attribute tells how many it holds before it is read.)
  std::vector<Descriptor> get(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type,
                              int64_t most) const;

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
};

}  // namespace dae::cudnn
