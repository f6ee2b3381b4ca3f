#include "runtime/program.h"

#include "runtime/device.h"
#include "runtime/error.h"

namespace dae {
namespace {

Executor executor_of(Plan plan, bool one_stream) {
  Layout layout = lay_out(plan, one_stream);
  return {std::move(plan), std::move(layout)};
}

}  // namespace

Program::Program(Device device, Plan plan, bool one_stream)
    : device_(device), executor_(executor_of(std::move(plan), one_stream)) {}

void Program::attach(std::span<std::byte> arena) {
  executor_.attach(arena.data(), arena.size());
  has_arena_ = true;
}

void Program::allocate() {
  const std::vector<TensorInfo>& tensors = plan().tensors();
  for (size_t i = 0; i < tensors.size(); i++) {
    const auto id = static_cast<TensorId>(i);
    if (!tensors[i].external() || tensors[i].root != id || tensor(id).data != nullptr) continue;
    buffers_.emplace_back(device_, tensor(id).bytes());
    bind(id, buffers_.back().data());
  }
  if (has_arena_) return;
  buffers_.emplace_back(device_, layout().bytes);
  attach({buffers_.back().data(), buffers_.back().bytes()});
}

void Program::run() {
  executor_.run(Queue{device_});
  if (device_ == Device::cuda) synchronize_device();
}

void Program::write(TensorId id, const void* from) const {
  copy_between_devices(tensor(id).data, from, tensor(id).bytes());
}

void Program::read(TensorId id, void* to) const {
  copy_between_devices(to, tensor(id).data, tensor(id).bytes());
}

std::vector<float> Program::floats(TensorId id) const {
  std::vector<float> values(static_cast<size_t>(tensor(id).count()));
  if (tensor(id).dtype != DType::f32)
    fail("program: {} is {}, not f32", plan().tensors()[id].name, to_string(tensor(id)));
  read(id, values.data());
  return values;
}

}  // namespace dae
