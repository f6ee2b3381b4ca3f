// Operands with which the forms of a layer are timed (model/upconv_form.cpp,
// model/residual_form.cpp): device memory that lives as long as the trial does.
#pragma once

#include <deque>

#include "runtime/memory.h"
#include "runtime/tensor.h"
#include "runtime/varied_buffer.h"

namespace dae {

class Trial {
 public:
  explicit Trial(DType dtype) : dtype_(dtype) {}

  Tensor tensor(const Shape& shape) { return tensor(shape, dtype_); }
  Tensor tensor(const Shape& shape, DType dtype) {
    memory_.push_back(varied_buffer(Device::cuda, shape.count(), dtype));
    return {memory_.back().data(), shape, dtype};
  }
  // The workspace of a planned op.
  template <class Op>
  Tensor space_for(const Op& op) {
    memory_.emplace_back(Device::cuda, static_cast<size_t>(op.workspace_bytes()));
    return {memory_.back().data(), {op.workspace_bytes()}, DType::u8};
  }

 private:
  DType dtype_;
  std::deque<Buffer> memory_;
};

}  // namespace dae
