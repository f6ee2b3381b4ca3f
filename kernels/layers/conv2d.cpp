// oneDNN's side of the contract. Where a tensor's layout is free it is left to the primitive: a
// plain NHWC side beside a blocked one (3 channels into 32) would fall to the library's reference
// code, three orders of magnitude slower; letting the primitive choose and reordering those few
// channels costs 3 percent of the layer.
//
// Algorithm: Winograd where the library has one (AVX-512) and both channel counts are at least 32:
// measured 1.7 to 2.4 times direct at 32..256 channels and 8..64 pixels on a Zen 4; at 3 channels
// it is far slower. Direct elsewhere.
#include "kernels/layers/conv2d.h"

#include <array>
#include <string_view>

#include "kernels/layers/cuda_forward.h"
#include "kernels/layers/onednn.h"
#include "runtime/error.h"

namespace dae {
namespace {

using dnnl::algorithm;
using Operands = std::vector<onednn::Routine::Operand>;
using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
constexpr auto kF32 = dnnl::memory::data_type::f32;

struct Descs {
  Desc x, w, b, y;                 // as the plan stores them
  Desc x_wanted, w_any, y_wanted;  // as the primitive is asked
  dnnl::memory::dims strides, padding;
};

void check_spec(const char* op, Device device, const ConvSpec& s) {
  if (device == Device::cpu && (s.dtype != DType::f32 || s.addend || s.gate || s.sums))
    fail("{}: the CPU computes in f32, without addend, gate and sums", op);
  if (s.x.rank() != 4 || !(s.y == conv_output(s.x, s.y[3], s.kernel, s.stride, s.pad)))
    fail("{}: a {}x{} kernel with stride {} and padding {} does not make {} of {}", op, s.kernel,
         s.kernel, s.stride, s.pad, to_string(s.y), to_string(s.x));
}

cuda_libraries::Convolution cuda_problem(cuda_libraries::Direction direction, const ConvSpec& s) {
  if (s.x_block != 1 || s.y_block != 1)
    fail("conv2d: blocked tensors are the CPU's; cuda has plain NHWC alone");
  return {.direction = direction,
          .x = s.x,
          .w = s.weights(),
          .y = s.y,
          .stride = s.stride,
          .pad = s.pad,
          .dtype = s.dtype};
}

Descs describe(const ConvSpec& s) {
  const Desc x = onednn::image_desc(s.x, s.x_block), y = onednn::image_desc(s.y, s.y_block);
  const bool mixed = (s.x_block == 1) != (s.y_block == 1);
  const dnnl::memory::dims w_dims = {s.y[3], s.x[3], s.kernel, s.kernel};
  return {.x = x,
          .w = Desc(w_dims, kF32, Tag::ohwi),
          .b = s.bias ? Desc({s.y[3]}, kF32, Tag::a) : Desc(),
          .y = y,
          .x_wanted = mixed && s.x_block == 1 ? onednn::any_image_desc(s.x) : x,
          .w_any = Desc(w_dims, kF32, Tag::any),
          .y_wanted = mixed && s.y_block == 1 ? onednn::any_image_desc(s.y) : y,
          .strides = {s.stride, s.stride},
          .padding = {s.pad, s.pad}};
}

bool suits_winograd(const ConvSpec& s) {
  return s.kernel == 3 && s.stride == 1 && s.x[3] >= 32 && s.y[3] >= 32;
}

// make(algorithm) with Winograd if it suits and exists, else direct.
template <class Make>
auto choose(const ConvSpec& spec, const Make& make) {
  if (suits_winograd(spec)) try {
      return make(algorithm::convolution_winograd);
    } catch (const dnnl::error&) {  // this machine has none
    }
  return make(algorithm::convolution_direct);
}

std::string in_words(const char* op, const ConvSpec& s) {
  return fmt::format("{}: {} to {}", op, to_string(s.x), to_string(s.y));
}

dnnl::convolution_forward::primitive_desc forward_pd(const Descs& d, algorithm a, bool bias,
                                                     bool relu) {
  const auto kind = dnnl::prop_kind::forward_training;
  using Forward = dnnl::convolution_forward::desc;
  const Forward desc =
      bias ? Forward(kind, a, d.x_wanted, d.w_any, d.b, d.y_wanted, d.strides, d.padding, d.padding)
           : Forward(kind, a, d.x_wanted, d.w_any, d.y_wanted, d.strides, d.padding, d.padding);
  return {desc, onednn::attributes(relu), onednn::engine()};
}

dnnl::convolution_backward_data::primitive_desc backward_data_pd(const ConvSpec& spec,
                                                                 const Descs& d) {
  return choose(spec, [&](algorithm a) {
    const dnnl::convolution_backward_data::desc desc(a, d.x_wanted, d.w_any, d.y_wanted, d.strides,
                                                     d.padding, d.padding);
    return dnnl::convolution_backward_data::primitive_desc(
        desc, onednn::attributes(false), onednn::engine(), forward_pd(d, a, false, false));
  });
}

dnnl::convolution_backward_weights::primitive_desc backward_weights_pd(const ConvSpec& spec,
                                                                       const Descs& d) {
  return choose(spec, [&](algorithm a) {
    using Backward = dnnl::convolution_backward_weights::desc;
    const Backward desc =
        spec.bias
            ? Backward(a, d.x_wanted, d.w_any, d.b, d.y_wanted, d.strides, d.padding, d.padding)
            : Backward(a, d.x_wanted, d.w_any, d.y_wanted, d.strides, d.padding, d.padding);
    return dnnl::convolution_backward_weights::primitive_desc(
        desc, onednn::attributes(false), onednn::engine(), forward_pd(d, a, spec.bias, false));
  });
}

// make(spec, d), with images in plain NHWC where the library has nothing but its reference code otherwise: there it
// multiplies matrices, a hundred times faster. Without AVX-512 that is so for a 4x4 kernel with stride 2 to few
// channels and for the weights of a 3x3 kernel on an image smaller than that.
template <class Make>
auto without_reference_code(const ConvSpec& spec, Descs d, const Make& make) {
  auto pd = make(spec, d);
  if (!std::string_view(pd.impl_info_str()).starts_with("ref")) return pd;
  d.x_wanted = onednn::image_desc(spec.x, 1);
  d.y_wanted = onednn::image_desc(spec.y, 1);
  return make(spec, d);
}

void check_images(const char* op, const ConvSpec& spec, const Tensor& x, const Tensor& w,
                  const Tensor& y) {
  check_shape(op, "x", x, spec.x);
  check_shape(op, "w", w, spec.weights());
  check_shape(op, "y", y, spec.y);
  if (x.block != spec.x_block || y.block != spec.y_block)
    fail("{}: planned for channel blocks of {} and {}, got {} and {}", op, spec.x_block,
         spec.y_block, to_string(x), to_string(y));
  for (const Tensor* tensor : {&x, &w, &y}) check_dtype(op, "a tensor", *tensor, spec.dtype);
}

// Where a convolution's operands are, and what `finish` has of `more`, in the order of
// kernels/layers/cuda_libraries.h.
class Addresses {
 public:
  Addresses(const char* op, DType dtype, const Tensor& in, const Tensor& w, const Tensor& result)
      : op_(op), dtype_(dtype), result_(result.shape), data_{in.data, w.data, result.data} {}

  void add(const ConvFinish& finish, const ConvMore& more, int64_t sum_rows) {
    const Shape channels = {result_[3]};
    if (finish.bias) add("the bias", more.bias, channels, dtype_);
    if (finish.addend) add("the addend", more.addend, result_, dtype_);
    if (finish.gate) add("the gate", more.gate, result_, dtype_);
    if (finish.sums) add("the sums", more.sums, {sum_rows, result_[3]}, DType::f32);
  }
  std::span<const void* const> all() const { return std::span(data_).first(count_); }

 private:
  void add(const char* what, const Tensor& tensor, const Shape& shape, DType dtype) {
    check_shape(op_, what, tensor, shape);
    check_dtype(op_, what, tensor, dtype);
    data_[count_++] = tensor.data;
  }
  const char* op_;
  DType dtype_;
  Shape result_;
  std::array<const void*, 7> data_;
  size_t count_ = 3;
};

}  // namespace

Shape conv_output(const Shape& x, int64_t filters, int kernel, int stride, int pad) {
  return {x[0], (x[1] + 2 * pad - kernel) / stride + 1, (x[2] + 2 * pad - kernel) / stride + 1,
          filters};
}

int preferred_block(Device device, int64_t channels) {
  if (device != Device::cpu) return 1;
  const int block = onednn::preferred_block();
  return channels % block == 0 ? block : 1;
}

Conv2dForward::Conv2dForward(Device device, const ConvSpec& spec) : spec_(spec) {
  const char* const op = "conv2d_forward";
  check_spec(op, device, spec);
  if (device == Device::cuda) {
    cuda_libraries::Convolution problem = cuda_problem(cuda_libraries::Direction::forward, spec);
    problem.bias = spec.bias;
    problem.addend = spec.addend;
    problem.relu = spec.relu;
    problem.gate = spec.gate;
    problem.sums = spec.sums;
    routine_ = plan_cuda_forward(problem);
    return;
  }
  const std::string name = in_words(op, spec);
  routine_ = onednn::named(name, [&] {
    const Descs d = describe(spec);
    const auto pd =
        choose(spec, [&](algorithm a) { return forward_pd(d, a, spec.bias, spec.relu); });
    Operands operands = {{DNNL_ARG_SRC, false, d.x, pd.src_desc()},
                         {DNNL_ARG_WEIGHTS, false, d.w, pd.weights_desc()},
                         {DNNL_ARG_DST, true, d.y, pd.dst_desc()}};
    if (spec.bias) operands.push_back({DNNL_ARG_BIAS, false, d.b, d.b});
    return onednn::make_routine<dnnl::convolution_forward>(name, pd, operands);
  });
}

void Conv2dForward::operator()(const Queue& q, const Tensor& x, const Tensor& w, const Tensor& b,
                               const Tensor& addend, const Tensor& y,
                               const Tensor& workspace) const {
  (*this)(q, x, w, ConvMore{.addend = addend, .bias = b}, y, workspace);
}

void Conv2dForward::operator()(const Queue& q, const Tensor& x, const Tensor& w,
                               const ConvMore& more, const Tensor& y,
                               const Tensor& workspace) const {
  const char* const op = "conv2d_forward";
  check_images(op, spec_, x, w, y);
  Addresses addresses(op, spec_.dtype, x, w, y);
  addresses.add(
      {.addend = spec_.addend, .bias = spec_.bias, .gate = spec_.gate, .sums = spec_.sums}, more,
      sum_rows());
  run(op, q, addresses.all(), workspace);
}

Conv2dBackwardData::Conv2dBackwardData(Device device, const ConvSpec& spec,
                                       const ConvFinish& finish)
    : spec_(spec), finish_(finish) {
  const char* const op = "conv2d_backward_data";
  check_spec(op, device, spec);
  if (finish.relu && !finish.bias) fail("{}: ReLU wants a bias", op);
  if (device == Device::cuda) {
    cuda_libraries::Convolution problem =
        cuda_problem(cuda_libraries::Direction::backward_data, spec);
    problem.bias = finish.bias;
    problem.addend = finish.addend;
    problem.relu = finish.relu;
    problem.gate = finish.gate;
    problem.sums = finish.sums;
    routine_ = cuda_libraries::plan(problem);
    return;
  }
  if (finish.addend || finish.bias || finish.gate || finish.sums)
    fail("{}: the CPU computes the gradient alone", op);
  const std::string name = in_words(op, spec);
  routine_ = onednn::named(name, [&] {
    const Descs d = describe(spec);
    const auto pd = without_reference_code(spec, d, backward_data_pd);
    return onednn::make_routine<dnnl::convolution_backward_data>(
        name, pd,
        Operands{{DNNL_ARG_DIFF_DST, false, d.y, pd.diff_dst_desc()},
                 {DNNL_ARG_WEIGHTS, false, d.w, pd.weights_desc()},
                 {DNNL_ARG_DIFF_SRC, true, d.x, pd.diff_src_desc()}});
  });
}

void Conv2dBackwardData::operator()(const Queue& q, const Tensor& dy, const Tensor& w,
                                    const Tensor& dx, const Tensor& workspace) const {
  (*this)(q, dy, w, ConvMore{}, dx, workspace);
}

void Conv2dBackwardData::operator()(const Queue& q, const Tensor& dy, const Tensor& w,
                                    const ConvMore& more, const Tensor& dx,
                                    const Tensor& workspace) const {
  const char* const op = "conv2d_backward_data";
  check_images(op, spec_, dx, w, dy);
  Addresses addresses(op, spec_.dtype, dy, w, dx);
  addresses.add(finish_, more, sum_rows());
  run(op, q, addresses.all(), workspace);
}

Conv2dBackwardWeights::Conv2dBackwardWeights(Device device, const ConvSpec& spec) : spec_(spec) {
  const char* const op = "conv2d_backward_weights";
  check_spec(op, device, spec);
  if (device == Device::cuda) {
    if (spec.bias) fail("{}: cuda makes db by relu_bias_backward; plan it without", op);
    routine_ =
        cuda_libraries::plan(cuda_problem(cuda_libraries::Direction::backward_weights, spec));
    return;
  }
  const std::string name = in_words(op, spec);
  routine_ = onednn::named(name, [&] {
    const Descs d = describe(spec);
    const auto pd = without_reference_code(spec, d, backward_weights_pd);
    Operands operands = {{DNNL_ARG_SRC, false, d.x, pd.src_desc()},
                         {DNNL_ARG_DIFF_DST, false, d.y, pd.diff_dst_desc()},
                         {DNNL_ARG_DIFF_WEIGHTS, true, d.w, pd.diff_weights_desc()}};
    if (spec.bias) operands.push_back({DNNL_ARG_DIFF_BIAS, true, d.b, d.b});
    return onednn::make_routine<dnnl::convolution_backward_weights>(name, pd, operands);
  });
}

void Conv2dBackwardWeights::operator()(const Queue& q, const Tensor& x, const Tensor& dy,
                                       const Tensor& dw, const Tensor& db,
                                       const Tensor& workspace) const {
  const char* const op = "conv2d_backward_weights";
  check_images(op, spec_, x, dw, dy);
  if (spec_.bias) {
    check_shape(op, "db", db, {spec_.y[3]});
    check_dtype(op, "db", db, DType::f32);
  }
  const void* const operands[] = {x.data, dy.data, dw.data, db.data};
  run(op, q, std::span(operands).first(3 + spec_.bias), workspace);
}

}  // namespace dae
