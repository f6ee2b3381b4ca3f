// The memory of external tensors, by their plan's names, so that several plans that know a tensor
// by one name share it.
#pragma once

#include <map>
#include <string>

#include "runtime/executor.h"
#include "runtime/memory.h"

namespace dae {

class NamedBuffers {
 public:
  explicit NamedBuffers(Device device) : device_(device) {}

  // Binds every external tensor of the executor's plan; what no plan had before is allocated,
  // zeroed. Throws Error naming a tensor that is larger here than where it was first bound.
  void bind(Executor& executor);

  // Throws Error naming it and what there is when there is none.
  const Buffer& operator[](const std::string& name) const;

 private:
  Device device_;
  std::map<std::string, Buffer> buffers_;
};

}  // namespace dae
