#include "runtime/plan.h"

#include <algorithm>

#include "runtime/error.h"

namespace dae {

const char* name_of(Phase phase) {
  switch (phase) {
    case Phase::input:
      return "input";
    case Phase::forward:
      return "forward";
    case Phase::loss:
      return "loss";
    case Phase::backward:
      return "backward";
    case Phase::update:
      return "update";
  }
  return "";
}

TensorId Plan::push(TensorInfo info) {
  const auto id = static_cast<TensorId>(tensors_.size());
  if (info.root == kNoTensor) info.root = id;
  tensors_.push_back(std::move(info));
  written_.push_back(false);
  return id;
}

TensorId Plan::external(std::string name, Shape shape, DType dtype, Role role) {
  return push({std::move(name), {nullptr, shape, dtype}, kNoTensor, 0, role});
}

TensorId Plan::tensor(std::string name, Shape shape, DType dtype, int block) {
  return push({std::move(name), {nullptr, shape, dtype, block}, kNoTensor, 0, Role::arena});
}

void Plan::grow(TensorId flat, int64_t count) {
  Tensor& view = tensors_[flat].view;
  if (view.count() < count) view.shape = {count};
}

TensorId Plan::slice(TensorId of, std::string name, int64_t offset, Shape shape) {
  const TensorInfo& whole = tensors_[of];
  if (offset < 0 || offset + shape.count() > whole.view.count())
    fail("plan: {} ({} from element {}) does not lie inside {} ({})", name, to_string(shape),
         offset, whole.name, to_string(whole.view));
  Tensor view = whole.view;
  view.shape = shape;
  return push({std::move(name), view, whole.root,
               whole.offset + static_cast<size_t>(offset) * size_of(view.dtype), whole.role});
}

TensorId Plan::reshape(TensorId of, Shape shape) {
  const TensorInfo& whole = tensors_[of];
  if (shape.count() != whole.view.count() || whole.view.block != 1)
    fail("plan: cannot see {} ({}) as {}", whole.name, to_string(whole.view), to_string(shape));
  return slice(of, whole.name, 0, shape);
}

void Plan::add(Step step) {
  for (const auto& ids : {step.reads, step.writes, step.scratch})
    if (std::count(ids.begin(), ids.end(), kNoTensor))
      fail("plan: step {} ({}) lists a missing tensor", step.name, step.op);
  for (const TensorId id : step.reads) {
    const TensorInfo& info = tensors_[id];
    if (!info.external() && !written_[info.root])
      fail("plan: step {} ({}) reads {} before any step writes it", step.name, step.op, info.name);
  }
  for (const int earlier : step.after)
    if (earlier < 0 || earlier >= static_cast<int>(steps_.size()))
      fail("plan: step {} ({}) comes after {}, of {} steps", step.name, step.op, earlier,
           steps_.size());
  for (const TensorId id : step.writes) written_[tensors_[id].root] = true;
  steps_.push_back(std::move(step));
}

void Plan::keep(TensorId id) {
  if (!written_[tensors_[id].root])
    fail("plan: {} is kept before any step writes it", tensors_[id].name);
  outputs_.push_back(id);
}

int64_t Plan::bytes(const Step& step) const {
  if (step.bytes >= 0) return step.bytes;
  size_t sum = 0;
  for (const TensorId id : step.reads) sum += view(id).bytes();
  for (const TensorId id : step.writes) sum += view(id).bytes();
  return static_cast<int64_t>(sum);
}

size_t Plan::bytes(Role role) const {
  size_t sum = 0;
  for (size_t id = 0; id < tensors_.size(); id++)
    if (tensors_[id].role == role && tensors_[id].root == static_cast<TensorId>(id))
      sum += tensors_[id].view.bytes();
  return sum;
}

TensorId Plan::find(const std::string& name) const {
  const TensorId id = find_if_any(name);
  if (id == kNoTensor) fail("plan: there is no tensor named {}", name);
  return id;
}

TensorId Plan::find_if_any(const std::string& name) const {
  for (size_t id = 0; id < tensors_.size(); id++)
    if (tensors_[id].name == name) return static_cast<TensorId>(id);
  return kNoTensor;
}

}  // namespace dae
