// A Tensor is a view: pointer, shape, element type, layout. It owns nothing and is copied freely.
//
// Shapes are NHWC for images and feature maps ({batch, height, width, channels}), {rows, columns}
// for matrices. Element order is row-major over the shape, channels fastest, unless `block` says
// otherwise: block > 1 means that the channels of an NHWC shape are stored in groups of `block`,
// i.e. physically {N, C/block, H, W, block}. That is the layout in which oneDNN's convolutions run
// fastest; it occurs between convolutions on the CPU only. Ops that look at positions but treat
// channels alike accept it by folding the groups into the batch (see folded()).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>

#include "runtime/bf16.h"
#include "runtime/queue.h"

namespace dae {

enum class DType : uint8_t { f32, bf16, u8, i32, u64 };

size_t size_of(DType dtype);
const char* name_of(DType dtype);

// The element type a C++ type stands for.
template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::f32;
  if constexpr (std::is_same_v<T, BFloat16>) return DType::bf16;
  if constexpr (std::is_same_v<T, uint8_t>) return DType::u8;
  if constexpr (std::is_same_v<T, int32_t>) return DType::i32;
  if constexpr (std::is_same_v<T, uint64_t>) return DType::u64;
}

class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims);

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[i]; }
  int64_t count() const;  // product of all dimensions; 1 for rank 0
  bool operator==(const Shape&) const = default;

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

std::string to_string(const Shape& shape);  // "16x64x64x3"

// Every tensor the arena lays out starts at a multiple of this many bytes.
inline constexpr size_t kTensorAlignment = 256;

struct Tensor {
  void* data = nullptr;
  Shape shape;
  DType dtype = DType::f32;
  int block = 1;

  int64_t count() const { return shape.count(); }
  size_t bytes() const { return static_cast<size_t>(count()) * size_of(dtype); }

  // The elements as T; throws Error when dtype is another type.
  template <class T>
  T* as() const {
    check_dtype(dtype_of<std::remove_const_t<T>>());
    return static_cast<T*>(data);
  }

  // The same memory as a plain NHWC tensor: {N, H, W, C} blocked by b becomes {N * C/b, H, W, b}.
  // An unblocked tensor is returned as it is.
  Tensor folded() const;

 private:
  void check_dtype(DType wanted) const;
};

std::string to_string(const Tensor& tensor);  // "f32 16x64x64x32/16"

// Contract checks of ops: each throws Error naming `op`, `what` and the offending shapes.
void check_shape(const char* op, const char* what, const Tensor& tensor, const Shape& shape);
void check_dtype(const char* op, const char* what, const Tensor& tensor, DType dtype);
// Throws unless `tensor` is f32, or, on a GPU, bf16: the CPU computes in f32 alone.
void check_float(const char* op, const char* what, const Tensor& tensor, Device device);
void check_same_layout(const char* op, const char* what, const Tensor& a, const Tensor& b);
// Throws when `tensor` is blocked and `device` is not the CPU, which alone has that layout.
void check_layout(const char* op, const char* what, const Tensor& tensor, Device device);
// Throws unless tensor.data is a multiple of `alignment` bytes (or the tensor is empty).
void check_aligned(const char* op, const char* what, const Tensor& tensor, size_t alignment);

}  // namespace dae
