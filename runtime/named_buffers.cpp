#include "runtime/named_buffers.h"

#include "runtime/error.h"

namespace dae {

void NamedBuffers::bind(Executor& executor) {
  const std::vector<TensorInfo>& tensors = executor.plan().tensors();
  for (size_t i = 0; i < tensors.size(); i++) {
    const auto id = static_cast<TensorId>(i);
    if (!tensors[i].external() || tensors[i].root != id) continue;
    const size_t bytes = executor.tensors()[id].bytes();
    auto buffer = buffers_.find(tensors[i].name);
    if (buffer == buffers_.end())
      buffer = buffers_.emplace(tensors[i].name, Buffer(device_, bytes)).first;
    if (buffer->second.bytes() < bytes)
      fail("{} takes {} bytes here and {} where it was bound first", tensors[i].name, bytes,
           buffer->second.bytes());
    executor.bind(id, buffer->second.data());
  }
}

const Buffer& NamedBuffers::operator[](const std::string& name) const {
  const auto buffer = buffers_.find(name);
  if (buffer != buffers_.end()) return buffer->second;
  std::string known;
  for (const auto& [other, memory] : buffers_) known += (known.empty() ? "" : ", ") + other;
  fail("there is no memory named {}; there is {}", name, known);
}

}  // namespace dae
