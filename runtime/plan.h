// The plan: the one central idea. Shapes are fixed when a run starts, so a network and its training
// step are a list of steps over named tensors. Everything else follows from this list: where each
// tensor lies (layout.h), which step waits for which, the check that nothing is read before it is
// written, the memory report, and the profile of time against bytes and FLOPs (executor.h).
//
//   Plan plan;
//   const TensorId x = plan.external("x", {16, 64, 64, 3});
//   const TensorId y = plan.tensor("y", {16, 128, 128, 3});
//   plan.add({.op = "upsample2x", .name = "decoder.up1", .phase = Phase::forward,
//             .reads = {x}, .writes = {y},
//             .run = [=](const Queue& q, const TensorTable& t) { upsample2x(q, t[x], t[y]); }});
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

using TensorId = int;
inline constexpr TensorId kNoTensor = -1;

enum class Phase : uint8_t { input, forward, loss, backward, update };
const char* name_of(Phase phase);

// The tensors of a plan with their addresses. Index kNoTensor gives the empty Tensor that ops take
// for an argument left out.
class TensorTable {
 public:
  explicit TensorTable(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {}
  const Tensor& operator[](TensorId id) const { return id == kNoTensor ? empty_ : tensors_[id]; }
  Tensor& at(TensorId id) { return tensors_[id]; }

 private:
  std::vector<Tensor> tensors_;
  Tensor empty_;
};

struct Step {
  std::string op;    // the name it has in kernels/: "conv2d_forward"
  std::string name;  // where it stands: "encoder.1.a"
  Phase phase = Phase::forward;
  int stream = 0;  // steps of one stream run in list order; others are ordered by what they touch
  // And by this: places in the list of steps that are over first.
  std::vector<int> after = {};
  std::vector<TensorId> reads = {}, writes = {};  // in place: in both
  std::vector<TensorId> scratch = {};             // written, then read, by this step alone
  int64_t flops = 0;
  int64_t bytes = -1;  // moved to and from memory; -1: each tensor read or written once
  std::function<void(const Queue&, const TensorTable&)> run = {};
};

// What a tensor is to those who give it memory and count it. All but the arena's are external:
// their memory outlives a run.
enum class Role : uint8_t {
  arena,  // lives inside a run
  batch,  // what a run is given and leaves: pictures, draws, losses
  state,  // what is kept of a network: weights, gradients, moments
  table,  // where photographs lie; as long as there are photographs
};

struct TensorInfo {
  std::string name;
  Tensor view;  // shape, dtype, block; no address
  TensorId root = kNoTensor;
  size_t offset = 0;        // bytes from the root's start
  Role role = Role::arena;  // of the root
  bool external() const { return role != Role::arena; }
};

class Plan {
 public:
  // Memory that outlives a run and is given to the executor by bind().
  TensorId external(std::string name, Shape shape, DType dtype = DType::f32,
                    Role role = Role::batch);

  // Memory that the arena provides from the tensor's first write to its last use.
  TensorId tensor(std::string name, Shape shape, DType dtype = DType::f32, int block = 1);

  // Makes a tensor of one dimension hold at least `count` elements: the flat buffer of a network's
  // weights grows while its layers are added.
  void grow(TensorId flat, int64_t count);

  // A part of another tensor's memory, `offset` elements from its start. Throws Error when it does
  // not lie inside.
  TensorId slice(TensorId of, std::string name, int64_t offset, Shape shape);

  // The same memory under another shape of as many elements.
  TensorId reshape(TensorId of, Shape shape);

  // Throws Error naming the step and the tensor when it reads what no earlier step wrote.
  void add(Step step);

  // Makes a tensor of the arena an output: it keeps its memory to the end of the run, where it can
  // be read until the next one. Throws Error naming it when no step wrote it.
  void keep(TensorId id);

  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<TensorId>& outputs() const { return outputs_; }  // in the order of keep()
  const Tensor& view(TensorId id) const { return tensors_[id].view; }
  const Shape& shape(TensorId id) const { return tensors_[id].view.shape; }
  int64_t bytes(const Step& step) const;                // what it moves, as it or its tensors say
  size_t bytes(Role role) const;                        // of all tensors with this role
  TensorId find(const std::string& name) const;         // throws Error naming it when there is none
  TensorId find_if_any(const std::string& name) const;  // kNoTensor when there is none

 private:
  TensorId push(TensorInfo info);

  std::vector<TensorInfo> tensors_;
  std::vector<Step> steps_;
  std::vector<TensorId> outputs_;
  std::vector<bool> written_;  // by root: an earlier step wrote some of it
};

}  // namespace dae
