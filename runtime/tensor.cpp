#include "runtime/tensor.h"

#include "runtime/error.h"

namespace dae {

size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::bf16:
      return 2;
    case DType::u8:
      return 1;
    case DType::u64:
      return 8;
  }
  return 0;
}

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::bf16:
      return "bf16";
    case DType::u8:
      return "u8";
    case DType::i32:
      return "i32";
    case DType::u64:
      return "u64";
  }
  return "?";
}

Shape::Shape(std::initializer_list<int64_t> dims) {
  if (dims.size() > kMaxRank)
    fail("a shape has at most {} dimensions, not {}", +kMaxRank, dims.size());
  for (int64_t dim : dims) {
    if (dim < 0) fail("a shape cannot have the negative dimension {}", dim);
    dims_[rank_++] = dim;
  }
}

int64_t Shape::count() const {
  int64_t n = 1;
  for (int i = 0; i < rank_; i++) n *= dims_[i];
  return n;
}

std::string to_string(const Shape& shape) {
  if (shape.rank() == 0) return "scalar";
  std::string text;
  for (int i = 0; i < shape.rank(); i++) text += (i ? "x" : "") + std::to_string(shape[i]);
  return text;
}

Tensor Tensor::folded() const {
  if (block == 1) return *this;
  return {data, {shape[0] * (shape[3] / block), shape[1], shape[2], block}, dtype, 1};
}

void Tensor::check_dtype(DType wanted) const {
  if (dtype != wanted) fail("tensor {} read as {}", to_string(*this), name_of(wanted));
}

std::string to_string(const Tensor& tensor) {
  std::string text = std::string(name_of(tensor.dtype)) + " " + to_string(tensor.shape);
  if (tensor.block > 1) text += "/" + std::to_string(tensor.block);
  return text;
}

void check_shape(const char* op, const char* what, const Tensor& tensor, const Shape& shape) {
  if (!(tensor.shape == shape))
    fail("{}: {} is {}, expected shape {}", op, what, to_string(tensor), to_string(shape));
}

void check_dtype(const char* op, const char* what, const Tensor& tensor, DType dtype) {
  if (tensor.dtype != dtype)
    fail("{}: {} is {}, expected {}", op, what, to_string(tensor), name_of(dtype));
}

void check_float(const char* op, const char* what, const Tensor& tensor, Device device) {
  if (tensor.dtype == DType::f32 || (tensor.dtype == DType::bf16 && device != Device::cpu)) return;
  fail("{}: {} is {}, expected f32{}", op, what, to_string(tensor),
       device == Device::cpu ? "" : " or bf16");
}

void check_same_layout(const char* op, const char* what, const Tensor& a, const Tensor& b) {
  if (!(a.shape == b.shape) || a.block != b.block)
    fail("{}: {} must have one shape and layout, got {} and {}", op, what, to_string(a),
         to_string(b));
}

void check_layout(const char* op, const char* what, const Tensor& tensor, Device device) {
  if (device != Device::cpu && tensor.block != 1)
    fail("{}: {} is {}, blocked: {} has plain NHWC tensors alone", op, what, to_string(tensor),
         name_of(device));
}

void check_aligned(const char* op, const char* what, const Tensor& tensor, size_t alignment) {
  if (tensor.count() > 0 && reinterpret_cast<uintptr_t>(tensor.data) % alignment != 0)
    fail("{}: {} ({}) starts at {}, which is not a multiple of {} bytes", op, what,
         to_string(tensor), tensor.data, alignment);
}

}  // namespace dae
