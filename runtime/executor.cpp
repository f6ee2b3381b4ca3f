#include "runtime/executor.h"

#include <chrono>

#include "runtime/device.h"
#include "runtime/error.h"

namespace dae {
namespace {

std::vector<Tensor> place_tensors(const Plan& plan, const Layout& layout, std::byte* arena) {
  std::vector<Tensor> tensors;
  for (size_t id = 0; id < plan.tensors().size(); id++) {
    Tensor tensor = plan.tensors()[id].view;
    if (!plan.tensors()[id].external) tensor.data = arena + layout.offsets[id];
    tensors.push_back(tensor);
  }
  return tensors;
}

}  // namespace

Executor::Executor(Plan plan, const Layout& layout, std::byte* arena, size_t arena_bytes)
    : plan_(std::move(plan)),
      tensors_(place_tensors(plan_, layout, arena)),
      seconds_(plan_.steps().size()) {
  if (arena_bytes < layout.bytes || reinterpret_cast<uintptr_t>(arena) % kTensorAlignment != 0)
    fail("executor: the plan needs an arena of {} bytes aligned to {}, got {} bytes at {}",
         layout.bytes, kTensorAlignment, arena_bytes, static_cast<const void*>(arena));
}

void Executor::bind(TensorId external, void* data) {
  const TensorInfo& bound = plan_.tensors()[external];
  if (!bound.external || bound.root != external)
    fail("executor: {} is not an external tensor", bound.name);
  for (size_t id = 0; id < plan_.tensors().size(); id++) {
    const TensorInfo& info = plan_.tensors()[id];
    if (info.root == external)
      tensors_.at(static_cast<TensorId>(id)).data = static_cast<std::byte*>(data) + info.offset;
  }
}

void Executor::resize(TensorId external, Shape shape) {
  if (!plan_.tensors()[external].external)
    fail("executor: {} is not an external tensor", plan_.tensors()[external].name);
  tensors_.at(external).shape = shape;
}

void Executor::check_bound() {
  if (all_bound_) return;
  for (size_t id = 0; id < plan_.tensors().size(); id++)
    if (tensors_[static_cast<TensorId>(id)].data == nullptr &&
        plan_.view(static_cast<TensorId>(id)).count() > 0)
      fail("executor: {} has not been bound", plan_.tensors()[id].name);
  all_bound_ = true;
}

void Executor::run(const Queue& q) {
  check_bound();
  for (const Step& step : plan_.steps()) step.run(q, tensors_);
}

void Executor::run_profiled(const Queue& q) {
  using Clock = std::chrono::steady_clock;
  check_bound();
  for (size_t i = 0; i < plan_.steps().size(); i++) {
    const auto begin = Clock::now();
    plan_.steps()[i].run(q, tensors_);
    if (q.device == Device::cuda) synchronize_device();
    seconds_[i] += std::chrono::duration<double>(Clock::now() - begin).count();
  }
  profiled_runs_++;
}

}  // namespace dae
