#include "kernels/layers/dense.h"

#include <array>

#include "kernels/layers/cuda_libraries.h"
#include "kernels/layers/onednn.h"
#include "runtime/error.h"

namespace dae {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
using Operands = std::vector<onednn::Routine::Operand>;
constexpr auto kF32 = dnnl::memory::data_type::f32;

// Plain layouts for all operands: reordering 16 MiB of weights into the library's own costs more
// than its faster kernel gains at these batches.
struct Descs {
  Desc x, w, b, y;
};

void check_spec(const char* op, Device device, const DenseSpec& s) {
  if (device == Device::cpu && s.dtype != DType::f32) fail("{}: the CPU computes in f32", op);
  if (s.batch < 1 || s.inputs < 1 || s.outputs < 1)
    fail("{}: cannot plan {} rows of {} to {}", op, s.batch, s.inputs, s.outputs);
}

cuda_libraries::Dense cuda_problem(cuda_libraries::Direction direction, const DenseSpec& s) {
  const bool forward = direction == cuda_libraries::Direction::forward;
  return {.direction = direction,
          .batch = s.batch,
          .inputs = s.inputs,
          .outputs = s.outputs,
          .bias = forward,
          .relu = forward && s.relu,
          .dtype = s.dtype};
}

Descs describe(const DenseSpec& s) {
  return {{{s.batch, s.inputs}, kF32, Tag::ab},
          {{s.outputs, s.inputs}, kF32, Tag::ab},
          {{s.outputs}, kF32, Tag::a},
          {{s.batch, s.outputs}, kF32, Tag::ab}};
}

dnnl::inner_product_forward::primitive_desc forward_pd(const Descs& d, bool relu) {
  const dnnl::inner_product_forward::desc desc(dnnl::prop_kind::forward_training, d.x, d.w, d.b,
                                               d.y);
  return {desc, onednn::attributes(relu), onednn::engine()};
}

std::string in_words(const char* op, const DenseSpec& s) {
  return fmt::format("{}: {} rows of {} to {}", op, s.batch, s.inputs, s.outputs);
}

void check(const char* op, const DenseSpec& s, const Tensor& x, const Tensor& w, const Tensor& y) {
  check_shape(op, "x", x, {s.batch, s.inputs});
  check_shape(op, "w", w, {s.outputs, s.inputs});
  check_shape(op, "y", y, {s.batch, s.outputs});
  for (const Tensor* tensor : {&x, &w, &y}) check_dtype(op, "a tensor", *tensor, s.dtype);
}

}  // namespace

DenseForward::DenseForward(Device device, const DenseSpec& spec) : spec_(spec) {
  const char* const op = "dense_forward";
  check_spec(op, device, spec);
  if (device == Device::cuda) {
    routine_ = cuda_libraries::plan(cuda_problem(cuda_libraries::Direction::forward, spec));
    return;
  }
  const std::string name = in_words(op, spec);
  routine_ = onednn::named(name, [&] {
    const Descs d = describe(spec);
    return onednn::make_routine<dnnl::inner_product_forward>(
        name, forward_pd(d, spec.relu),
        Operands{{DNNL_ARG_SRC, false, d.x, d.x},
                 {DNNL_ARG_WEIGHTS, false, d.w, d.w},
                 {DNNL_ARG_DST, true, d.y, d.y},
                 {DNNL_ARG_BIAS, false, d.b, d.b}});
  });
}

void DenseForward::operator()(const Queue& q, const Tensor& x, const Tensor& w, const Tensor& b,
                              const Tensor& y, const Tensor& workspace) const {
  const char* const op = "dense_forward";
  check(op, spec_, x, w, y);
  check_shape(op, "b", b, {spec_.outputs});
  check_dtype(op, "b", b, spec_.dtype);
  run(op, q, std::array<const void*, 4>{x.data, w.data, y.data, b.data}, workspace);
}

DenseBackwardData::DenseBackwardData(Device device, const DenseSpec& spec) : spec_(spec) {
  const char* const op = "dense_backward_data";
  check_spec(op, device, spec);
  if (device == Device::cuda) {
    routine_ = cuda_libraries::plan(cuda_problem(cuda_libraries::Direction::backward_data, spec));
    return;
  }
  const std::string name = in_words(op, spec);
  routine_ = onednn::named(name, [&] {
    const Descs d = describe(spec);
    return onednn::make_routine<dnnl::inner_product_backward_data>(
        name, {{d.x, d.w, d.y}, onednn::attributes(false), onednn::engine(), forward_pd(d, false)},
        Operands{{DNNL_ARG_DIFF_DST, false, d.y, d.y},
                 {DNNL_ARG_WEIGHTS, false, d.w, d.w},
                 {DNNL_ARG_DIFF_SRC, true, d.x, d.x}});
  });
}

void DenseBackwardData::operator()(const Queue& q, const Tensor& dy, const Tensor& w,
                                   const Tensor& dx, const Tensor& workspace) const {
  const char* const op = "dense_backward_data";
  check(op, spec_, dx, w, dy);
  run(op, q, std::array<const void*, 3>{dy.data, w.data, dx.data}, workspace);
}

DenseBackwardWeights::DenseBackwardWeights(Device device, const DenseSpec& spec) : spec_(spec) {
  const char* const op = "dense_backward_weights";
  check_spec(op, device, spec);
  if (device == Device::cuda) {
    routine_ =
        cuda_libraries::plan(cuda_problem(cuda_libraries::Direction::backward_weights, spec));
    return;
  }
  const std::string name = in_words(op, spec);
  routine_ = onednn::named(name, [&] {
    const Descs d = describe(spec);
    return onednn::make_routine<dnnl::inner_product_backward_weights>(
        name,
        {{d.x, d.w, d.b, d.y}, onednn::attributes(false), onednn::engine(), forward_pd(d, false)},
        Operands{{DNNL_ARG_SRC, false, d.x, d.x},
                 {DNNL_ARG_DIFF_DST, false, d.y, d.y},
                 {DNNL_ARG_DIFF_WEIGHTS, true, d.w, d.w},
                 {DNNL_ARG_DIFF_BIAS, true, d.b, d.b}});
  });
}

void DenseBackwardWeights::operator()(const Queue& q, const Tensor& x, const Tensor& dy,
                                      const Tensor& dw, const Tensor& db,
                                      const Tensor& workspace) const {
  const char* const op = "dense_backward_weights";
  check(op, spec_, x, dw, dy);
  const bool makes_db = q.device == Device::cpu;
  if (makes_db) {
    check_shape(op, "db", db, {spec_.outputs});
    check_dtype(op, "db", db, DType::f32);
  }
  const void* const operands[] = {x.data, dy.data, dw.data, db.data};
  run(op, q, std::span(operands).first(makes_db ? 4 : 3), workspace);
}

}  // namespace dae
