#if defined(DAE_HAS_CUDA) && __has_include(<cudnn_graph.h>)
#include "kernels/layers/cudnn_graph.h"

namespace dae::cudnn {
namespace {

using cuda_libraries::Convolution;
using cuda_libraries::Direction;

constexpr int64_t kAlignment = 16;  // weights are slices of a flat buffer, 128 or 256 bytes apart

enum Uid : int64_t { kX = 1, kW, kY, kBias, kAddend, kGate, kSums, kFirstBetween };

// An image of NHWC order as cuDNN counts it: dimensions N, C, H, W with NHWC strides. Filters
// {K, kernel, kernel, C} have the same form.
Descriptor tensor(Uid uid, const Shape& s, DType dtype, bool intermediate = false) {
  using I64 = std::vector<int64_t>;
  Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const auto type = dtype == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{type})
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, I64{s[0], s[3], s[1], s[2]})
      .set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64,
           I64{s[1] * s[2] * s[3], 1, s[2] * s[3], s[3]})
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, I64{uid})
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, I64{kAlignment});
  if (intermediate) d.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, std::vector<char>{1});
  d.finalize("describing a tensor");
  return d;
}

Descriptor convolution(const Convolution& p) {
  const std::vector<int64_t> ones{1, 1}, pad{p.pad, p.pad}, stride{p.stride, p.stride};
  Descriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, std::vector<int64_t>{2})
      .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT})
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
           std::vector{CUDNN_CROSS_CORRELATION})
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, pad)
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, pad)
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, stride)
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, ones)
      .finalize("describing a convolution");
  return d;
}

struct Attributes {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t x, w, y, conv, alpha, beta;
};
Attributes attributes_of(Direction direction) {
  switch (direction) {
    case Direction::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case Direction::backward_data:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case Direction::backward_weights:
      break;
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

Descriptor pointwise(cudnnPointwiseMode_t mode) {
  Descriptor d(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  d.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, std::vector{mode})
      .set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT})
      .finalize("describing a pointwise operation");
  return d;
}

// What one problem's convolution writes.
Uid result_of(Direction direction) {
  return direction == Direction::forward ? kY : direction == Direction::backward_data ? kX : kW;
}
const Shape& shape_of(const Convolution& p, Uid uid) {
  return uid == kX ? p.x : uid == kW ? p.w : p.y;
}

// Builds the chain of operations. What an operation makes is virtual and f32, and stays in
// registers, but for the last one's: that is the problem's result, rounded once.
class Chain {
 public:
  explicit Chain(const Convolution& p)
      : p_(p), result_(result_of(p.direction)), result_shape_(shape_of(p, result_)) {
    graph_.kept.reserve(32);  // references into it stay valid
    left_ = 1 + p.addend + p.bias + p.relu + p.gate;
  }

  void convolve() {
    const Attributes a = attributes_of(p_.direction);
    const Descriptor& made = next();
    const auto operand = [&](Uid uid) -> const Descriptor& {
      return uid == result_ ? made : keep(tensor(uid, shape_of(p_, uid), p_.dtype));
    };
    Descriptor operation(a.operation);
    operation.set(a.x, operand(kX))
        .set(a.w, operand(kW))
        .set(a.y, operand(kY))
        .set(a.conv, keep(convolution(p_)))
        .set(a.alpha, CUDNN_TYPE_FLOAT, std::vector<float>{1})
        .set(a.beta, CUDNN_TYPE_FLOAT, std::vector<float>{0});
    add(std::move(operation), made);
  }

  void add_operand(Uid uid, const Shape& shape) {
    pointwise_step(CUDNN_POINTWISE_ADD, CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
                   CUDNN_ATTR_OPERATION_POINTWISE_YDESC, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
                   &keep(tensor(uid, shape, p_.dtype)));
  }
  void relu() {
    pointwise_step(CUDNN_POINTWISE_RELU_FWD, CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
                   CUDNN_ATTR_OPERATION_POINTWISE_YDESC, {}, nullptr);
  }
  // cuDNN's gradient of ReLU takes what went into it; what came out has the same signs.
  void relu_backward() {
    pointwise_step(CUDNN_POINTWISE_RELU_BWD, CUDNN_ATTR_OPERATION_POINTWISE_DYDESC,
                   CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
                   &keep(tensor(kGate, result_shape_, p_.dtype)));
  }
  // Sums of each channel of the result; not a link of the chain.
  void sum_channels() {
    Descriptor sum(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
    sum.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE,
            std::vector{CUDNN_REDUCE_TENSOR_ADD})
        .set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT})
        .finalize("describing a sum");
    Descriptor operation(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
    operation.set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, keep(std::move(sum)))
        .set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, *last_)
        .set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC,
             keep(tensor(kSums, {1, 1, 1, result_shape_[3]}, DType::f32)));
    add(std::move(operation), *last_);
  }

  Graph finish() {
    graph_.graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, operations_)
        .finalize("building the graph");
    return std::move(graph_);
  }

 private:
  const Descriptor& keep(Descriptor d) {
    graph_.kept.push_back(std::move(d));
    return graph_.kept.back();
  }
  // What the next operation of the chain makes.
  const Descriptor& next() {
    if (--left_ == 0) return keep(tensor(result_, result_shape_, p_.dtype));
    return keep(tensor(static_cast<Uid>(kFirstBetween + left_), result_shape_, DType::f32, true));
  }
  void add(Descriptor operation, const Descriptor& made) {
    operation.finalize("describing an operation");
    operations_.push_back(keep(std::move(operation)).raw());
    last_ = &made;
  }
  void pointwise_step(cudnnPointwiseMode_t mode, cudnnBackendAttributeName_t from,
                      cudnnBackendAttributeName_t to, cudnnBackendAttributeName_t with,
                      const Descriptor* operand) {
    const Descriptor& made = next();
    Descriptor step(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    step.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, keep(pointwise(mode))).set(from, *last_);
    if (operand) step.set(with, *operand);
    step.set(to, made);
    add(std::move(step), made);
  }

  const Convolution& p_;
  const Uid result_;
  const Shape result_shape_;
  int left_;  // links of the chain that are still to come
  Graph graph_;
  std::vector<cudnnBackendDescriptor_t> operations_;
  const Descriptor* last_ = nullptr;
};

}  // namespace

// Addend, bias, ReLU, in this order: cuDNN has ready kernels for it; with the bias first it has to
// compile one.
Graph graph_of(const Convolution& p) {
  Chain chain(p);
  chain.convolve();
  const Shape& result = shape_of(p, result_of(p.direction));
  if (p.addend) chain.add_operand(kAddend, result);
  if (p.bias) chain.add_operand(kBias, {1, 1, 1, result[3]});
  if (p.relu) chain.relu();
  if (p.gate) chain.relu_backward();
  if (p.sums) chain.sum_channels();
  return chain.finish();
}

std::vector<int64_t> uids_of(const Convolution& p) {
  std::vector<int64_t> uids = p.direction == Direction::forward ? std::vector<int64_t>{kX, kW, kY}
                              : p.direction == Direction::backward_data
                                  ? std::vector<int64_t>{kY, kW, kX}
                                  : std::vector<int64_t>{kX, kY, kW};
  if (p.bias) uids.push_back(kBias);
  if (p.addend) uids.push_back(kAddend);
  if (p.gate) uids.push_back(kGate);
  if (p.sums) uids.push_back(kSums);
  return uids;
}

}  // namespace dae::cudnn
#endif
