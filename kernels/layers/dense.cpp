#include "kernels/layers/dense.h"

#include "kernels/layers/cuda_libraries.h"
#include "kernels/layers/onednn.h"
#include "runtime/error.h"

namespace dae {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
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
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (relu) {
    dnnl::post_ops ops;
    ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attr.set_post_ops(ops);
  }
  const dnnl::inner_product_forward::desc desc(dnnl::prop_kind::forward_training, d.x, d.w, d.b,
                                               d.y);
  return {desc, attr, onednn::engine()};
}

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

void check(const char* op, const DenseSpec& s, const Tensor& x, const Tensor& w, const Tensor& y,
           const Tensor& workspace, int64_t workspace_bytes) {
  check_shape(op, "x", x, {s.batch, s.inputs});
  check_shape(op, "w", w, {s.outputs, s.inputs});
  check_shape(op, "y", y, {s.batch, s.outputs});
  for (const Tensor* tensor : {&x, &w, &y}) check_dtype(op, "a tensor", *tensor, s.dtype);
  if (static_cast<int64_t>(workspace.bytes()) < workspace_bytes)
    fail("{}: needs {} bytes of workspace, got {}", op, workspace_bytes, workspace.bytes());
}

}  // namespace

DenseForward::DenseForward(Device device, const DenseSpec& spec) : spec_(spec) {
  check_spec("dense_forward", device, spec);
  if (device == Device::cuda) {
    routine_ = cuda_libraries::plan(cuda_problem(cuda_libraries::Direction::forward, spec));
    return;
  }
  const Descs d = describe(spec);
  const auto pd = forward_pd(d, spec.relu);
  routine_ = onednn::make_routine<dnnl::inner_product_forward>(
      pd, std::vector<onednn::Routine::Operand>{{DNNL_ARG_SRC, false, d.x, d.x},
                                                {DNNL_ARG_WEIGHTS, false, d.w, d.w},
                                                {DNNL_ARG_DST, true, d.y, d.y},
                                                {DNNL_ARG_BIAS, false, d.b, d.b}});
}

int64_t DenseForward::workspace_bytes() const {
  return static_cast<int64_t>(routine_->workspace_bytes());
}

void DenseForward::operator()(const Queue& q, const Tensor& x, const Tensor& w, const Tensor& b,
                              const Tensor& y, const Tensor& workspace) const {
  check("dense_forward", spec_, x, w, y, workspace, workspace_bytes());
  check_shape("dense_forward", "b", b, {spec_.outputs});
  check_dtype("dense_forward", "b", b, spec_.dtype);
  routine_->run(q.stream, {x.data, w.data, y.data, b.data}, workspace.data);
}

DenseBackwardData::DenseBackwardData(Device device, const DenseSpec& spec) : spec_(spec) {
  check_spec("dense_backward_data", device, spec);
  if (device == Device::cuda) {
    routine_ = cuda_libraries::plan(cuda_problem(cuda_libraries::Direction::backward_data, spec));
    return;
  }
  const Descs d = describe(spec);
  const dnnl::inner_product_backward_data::primitive_desc pd(
      {d.x, d.w, d.y}, user_scratchpad(), onednn::engine(), forward_pd(d, false));
  routine_ = onednn::make_routine<dnnl::inner_product_backward_data>(
      pd, std::vector<onednn::Routine::Operand>{{DNNL_ARG_DIFF_DST, false, d.y, d.y},
                                                {DNNL_ARG_WEIGHTS, false, d.w, d.w},
                                                {DNNL_ARG_DIFF_SRC, true, d.x, d.x}});
}

int64_t DenseBackwardData::workspace_bytes() const {
  return static_cast<int64_t>(routine_->workspace_bytes());
}

void DenseBackwardData::operator()(const Queue& q, const Tensor& dy, const Tensor& w,
                                   const Tensor& dx, const Tensor& workspace) const {
  check("dense_backward_data", spec_, dx, w, dy, workspace, workspace_bytes());
  routine_->run(q.stream, {dy.data, w.data, dx.data}, workspace.data);
}

DenseBackwardWeights::DenseBackwardWeights(Device device, const DenseSpec& spec) : spec_(spec) {
  check_spec("dense_backward_weights", device, spec);
  if (device == Device::cuda) {
    routine_ =
        cuda_libraries::plan(cuda_problem(cuda_libraries::Direction::backward_weights, spec));
    return;
  }
  const Descs d = describe(spec);
  const dnnl::inner_product_backward_weights::primitive_desc pd(
      {d.x, d.w, d.b, d.y}, user_scratchpad(), onednn::engine(), forward_pd(d, false));
  routine_ = onednn::make_routine<dnnl::inner_product_backward_weights>(
      pd, std::vector<onednn::Routine::Operand>{{DNNL_ARG_SRC, false, d.x, d.x},
                                                {DNNL_ARG_DIFF_DST, false, d.y, d.y},
                                                {DNNL_ARG_DIFF_WEIGHTS, true, d.w, d.w},
                                                {DNNL_ARG_DIFF_BIAS, true, d.b, d.b}});
}

int64_t DenseBackwardWeights::workspace_bytes() const {
  return static_cast<int64_t>(routine_->workspace_bytes());
}

void DenseBackwardWeights::operator()(const Queue& q, const Tensor& x, const Tensor& dy,
                                      const Tensor& dw, const Tensor& db,
                                      const Tensor& workspace) const {
  check("dense_backward_weights", spec_, x, dw, dy, workspace, workspace_bytes());
  if (q.device == Device::cuda) {
    routine_->run(q.stream, {x.data, dy.data, dw.data}, workspace.data);
    return;
  }
  check_shape("dense_backward_weights", "db", db, {spec_.outputs});
  routine_->run(q.stream, {x.data, dy.data, dw.data, db.data}, workspace.data);
}

}  // namespace dae
