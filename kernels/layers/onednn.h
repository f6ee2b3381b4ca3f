// A thin wrapper of oneDNN, the CPU's convolutions and matrix products. Only
// kernels/layers/conv2d.cpp and kernels/layers/dense.cpp include it.
#pragma once

#include <dnnl.hpp>
#include <memory>
#include <string>
#include <vector>

#include "kernels/layers/routine.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "runtime/tensor.h"

namespace dae::onednn {

const dnnl::engine& engine();

// The desc of a tensor stored as `shape` and `block` say (NHWC or blocked), in oneDNN's logical
// order: N, C, H, W.
dnnl::memory::desc image_desc(const Shape& shape, int block);
// The same logical shape, its layout left to the primitive.
dnnl::memory::desc any_image_desc(const Shape& shape);

// The channel block that this machine's convolutions prefer: 16, 8, or 1 for plain NHWC. Asked from
// the library, once.
int preferred_block();

// Of a primitive whose scratchpad is given to it, as Routine does, with ReLU on its result or not.
dnnl::primitive_attr attributes(bool relu);

// One primitive with the reorders its operands need: an operand whose layout in the plan is not the
// one the primitive wants passes through the workspace, before the call (inputs) or after it
// (outputs). The primitive's own scratchpad lies in the workspace too, so oneDNN keeps no memory.
class Routine : public dae::Routine {
 public:
  struct Operand {
    int argument;  // DNNL_ARG_...
    bool output;
    dnnl::memory::desc plan, primitive;
  };

  // `name` is for errors of its calls.
  Routine(std::string name, const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad,
          const std::vector<Operand>& operands);

  size_t workspace_bytes() const override { return workspace_bytes_; }

  // Operands in the constructor's order. Allocates nothing here; oneDNN allocates a small vector a
  // call.
  using dae::Routine::run;
  void run(void* stream, std::span<const void* const> data, void* workspace) override;

 private:
  struct Slot {
    dnnl::memory plan, primitive;  // the same object when no reorder is needed
    dnnl::reorder reorder;         // empty when none is needed
    bool output = false;
    size_t offset = 0;  // of `primitive` in the workspace
  };

  void reorder(const Slot& slot) const;

  std::string name_;
  dnnl::primitive primitive_;
  std::vector<Slot> slots_;
  dnnl::memory scratchpad_;
  size_t scratchpad_offset_ = 0;
  size_t workspace_bytes_ = 0;
  std::vector<dnnl_exec_arg_t> arguments_;
};

// f(), with what oneDNN throws as Error: "NAME: oneDNN could not create a primitive descriptor".
// NAME is an op's, with its shapes: every call into oneDNN goes through here, so no error of its
// own leaves the layers.
template <class F>
auto named(const std::string& name, const F& f) {
  try {
    return f();
  } catch (const dnnl::error& error) {
    fail("{}: oneDNN {}", name, error.message);
  }
}

// The routine of a primitive descriptor. Where sizes are beyond oneDNN it fails only now, and says
// no more than that it could not create a primitive: thrown as OutOfMemory, for a smaller batch is
// the remedy.
template <class Primitive>
std::shared_ptr<Routine> make_routine(const std::string& name,
                                      const typename Primitive::primitive_desc& pd,
                                      const std::vector<Routine::Operand>& operands) {
  try {
    return std::make_shared<Routine>(name, Primitive(pd), pd.scratchpad_desc(), operands);
  } catch (const dnnl::error& error) {
    throw OutOfMemory(fmt::format("{}: oneDNN {}", name, error.message));
  }
}

}  // namespace dae::onednn
