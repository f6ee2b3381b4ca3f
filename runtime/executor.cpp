#include "runtime/executor.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "runtime/bf16.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/trace.h"

namespace dae {
namespace {

std::vector<Tensor> views_of(const Plan& plan) {
  std::vector<Tensor> tensors;
  for (const TensorInfo& info : plan.tensors()) tensors.push_back(info.view);
  return tensors;
}

template <class T>
bool all_finite_as(const Tensor& tensor) {
  std::vector<T> values(static_cast<size_t>(tensor.count()));
  copy_between_devices(values.data(), tensor.data, tensor.bytes());
  return std::all_of(values.begin(), values.end(),
                     [](T value) { return std::isfinite(to_float(value)); });
}

// Of a tensor on either device; those of whole numbers are.
bool all_finite(const Tensor& tensor) {
  if (tensor.count() == 0) return true;
  if (tensor.dtype == DType::f32) return all_finite_as<float>(tensor);
  if (tensor.dtype == DType::bf16) return all_finite_as<BFloat16>(tensor);
  return true;
}

}  // namespace

Executor::Executor(Plan plan, Layout layout)
    : plan_(std::move(plan)),
      layout_(std::move(layout)),
      tensors_(views_of(plan_)),
      seconds_(plan_.steps().size()) {}

void Executor::attach(std::byte* arena, size_t bytes) {
  if (bytes < layout_.bytes || reinterpret_cast<uintptr_t>(arena) % kTensorAlignment != 0)
    fail("executor: the plan needs an arena of {} bytes aligned to {}, got {} bytes at {}",
         layout_.bytes, kTensorAlignment, bytes, static_cast<const void*>(arena));
  for (size_t id = 0; id < plan_.tensors().size(); id++)
    if (!plan_.tensors()[id].external())
      tensors_.at(static_cast<TensorId>(id)).data = arena + layout_.offsets[id];
}

void Executor::bind(TensorId external, void* data) {
  const TensorInfo& bound = plan_.tensors()[external];
  if (!bound.external() || bound.root != external)
    fail("executor: {} is not an external tensor", bound.name);
  for (size_t id = 0; id < plan_.tensors().size(); id++) {
    const TensorInfo& info = plan_.tensors()[id];
    if (info.root == external)
      tensors_.at(static_cast<TensorId>(id)).data = static_cast<std::byte*>(data) + info.offset;
  }
}

void Executor::resize(TensorId external, Shape shape) {
  if (!plan_.tensors()[external].external())
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

void Executor::run_step(const Step& step, const Queue& q) const {
  trace::begin_step(step, tensors_, q);
  step.run(q, tensors_);
  trace::end_step(q);
}

void Executor::run(const Queue& q) {
  check_bound();
  for (const Step& step : plan_.steps()) run_step(step, q);
}

void Executor::run_on(const std::vector<cuda::Stream>& streams) {
  check_bound();
  const std::vector<Step>& steps = plan_.steps();
  if (event_of_.empty()) {
    event_of_.assign(steps.size(), -1);
    for (const std::vector<int>& waits : layout_.waits)
      for (const int earlier : waits)
        if (event_of_[earlier] < 0) {
          event_of_[earlier] = static_cast<int>(events_.size());
          events_.emplace_back();
        }
    for (size_t i = 0; i < streams.size(); i++) events_.emplace_back();
  }
  const cuda::Event* const ends = events_.data() + (events_.size() - streams.size());
  ends[0].record(streams[0]);
  for (size_t i = 1; i < streams.size(); i++) streams[i].wait(ends[0]);
  for (size_t i = 0; i < steps.size(); i++) {
    const cuda::Stream& stream = streams[steps[i].stream];
    for (const int earlier : layout_.waits[i]) stream.wait(events_[event_of_[earlier]]);
    run_step(steps[i], Queue{Device::cuda, stream.get()});
    if (event_of_[i] >= 0) events_[event_of_[i]].record(stream);
  }
  for (size_t i = 1; i < streams.size(); i++) {
    ends[i].record(streams[i]);
    streams[0].wait(ends[i]);
  }
}

void Executor::run_profiled(const Queue& q, const std::function<void()>& wait) {
  using Clock = std::chrono::steady_clock;
  check_bound();
  for (size_t i = 0; i < plan_.steps().size(); i++) {
    const auto begin = Clock::now();
    run_step(plan_.steps()[i], q);
    if (q.device == Device::cuda) wait();
    seconds_[i] += std::chrono::duration<double>(Clock::now() - begin).count();
  }
  profiled_runs_++;
}

std::optional<Executor::NotFinite> Executor::run_until_not_finite(const Queue& q, size_t at_most) {
  check_bound();
  for (size_t i = 0; i < std::min(at_most, plan_.steps().size()); i++) {
    const Step& step = plan_.steps()[i];
    run_step(step, q);
    if (q.device == Device::cuda) synchronize_device();
    for (const TensorId id : step.writes)
      if (!all_finite(tensors_[id])) return NotFinite{i, id};
  }
  return std::nullopt;
}

}  // namespace dae
