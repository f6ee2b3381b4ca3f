// What an ONNX graph computes, in plain fp64 loops by the words of ONNX's operator schemas, and of the
// operators and attributes that exchange/onnx_file.h uses alone: any other is an error.
#pragma once

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <map>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace dae::test {

using Ints = std::vector<int64_t>;

struct OnnxTensor {
  Ints shape;
  std::vector<double> values;
  bool whole = false;  // whole numbers, whose division has no remainder

  static int64_t count(const Ints& shape) {
    return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
  }
  OnnxTensor() = default;
  OnnxTensor(Ints s, bool is_whole = false)
      : shape(std::move(s)), values(static_cast<size_t>(count(shape))), whole(is_whole) {}
  Ints ints() const { return {values.begin(), values.end()}; }
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  double& at(std::span<const int64_t> index) { return values[offset(index)]; }
  double at(std::span<const int64_t> index) const { return values[offset(index)]; }
  double& at(std::initializer_list<int64_t> index) {
    return at(std::span(index.begin(), index.size()));
  }
  double at(std::initializer_list<int64_t> index) const {
    return at(std::span(index.begin(), index.size()));
  }

 private:
  size_t offset(std::span<const int64_t> index) const {
    int64_t sum = 0;
    for (size_t i = 0; i < shape.size(); i++) sum = sum * shape[i] + index[i];
    return static_cast<size_t>(sum);
  }
};

class OnnxEvaluator {
 public:
  explicit OnnxEvaluator(const onnx::GraphProto& graph) : graph_(graph) {}

  OnnxTensor run(const std::map<std::string, OnnxTensor>& given) {
    values_ = given;
    for (const onnx::TensorProto& tensor : graph_.initializer())
      values_[tensor.name()] = read(tensor);
    for (const onnx::NodeProto& node : graph_.node()) {
      node_ = &node;
      inputs_.clear();
      for (const std::string& name : node.input())
        inputs_.push_back(name.empty() ? OnnxTensor() : values_.at(name));
      values_[node.output(0)] = compute(node.op_type());
    }
    return values_.at(graph_.output(0).name());
  }

 private:
  static OnnxTensor read(const onnx::TensorProto& proto) {
    const bool whole = proto.data_type() == onnx::TensorProto::INT64;
    OnnxTensor tensor(Ints(proto.dims().begin(), proto.dims().end()), whole);
    for (size_t i = 0; i < tensor.values.size(); i++) {
      if (whole)
        tensor.values[i] =
            static_cast<double>(reinterpret_cast<const int64_t*>(proto.raw_data().data())[i]);
      else
        tensor.values[i] = reinterpret_cast<const float*>(proto.raw_data().data())[i];
    }
    return tensor;
  }

  const onnx::AttributeProto* find(const std::string& name) const {
    for (const onnx::AttributeProto& attribute : node_->attribute())
      if (attribute.name() == name) return &attribute;
    return nullptr;
  }
  int64_t number(const std::string& name, int64_t otherwise) const {
    const auto* const attribute = find(name);
    return attribute ? attribute->i() : otherwise;
  }
  Ints list(const std::string& name) const {
    const auto* const attribute = find(name);
    return attribute ? Ints(attribute->ints().begin(), attribute->ints().end()) : Ints();
  }
  const OnnxTensor& in(size_t i) const { return inputs_.at(i); }

  // Calls f(index) for every index of a shape, the last axis fastest.
  template <class F>
  static void each(const Ints& shape, const F& f) {
    Ints index(shape.size());
    for (int64_t left = OnnxTensor::count(shape); left > 0; left--) {
      f(index);
      for (size_t i = shape.size(); i-- > 0 && ++index[i] == shape[i];) index[i] = 0;
    }
  }

  // f(index in y) is the value there.
  template <class F>
  static OnnxTensor made(const Ints& shape, bool whole, const F& f) {
    OnnxTensor y(shape, whole);
    each(shape, [&](const Ints& index) { y.at(index) = f(index); });
    return y;
  }

  Ints broadcast_shape() const {
    Ints shape;
    for (const OnnxTensor& x : inputs_) {
      if (x.shape.size() > shape.size())
        shape.insert(shape.begin(), x.shape.size() - shape.size(), 1);
      for (size_t i = 0; i < x.shape.size(); i++) {
        int64_t& side = shape[shape.size() - x.shape.size() + i];
        if (side != 1 && x.shape[i] != 1 && side != x.shape[i])
          throw std::runtime_error(node_->name() + ": shapes do not fit");
        side = std::max(side, x.shape[i]);
      }
    }
    return shape;
  }
  static double broadcast(const OnnxTensor& x, const Ints& index) {
    Ints own(index.end() - x.rank(), index.end());
    for (size_t i = 0; i < own.size(); i++) own[i] = x.shape[i] == 1 ? 0 : own[i];
    return x.at(own);
  }
  OnnxTensor pairwise(const std::function<double(double, double)>& f) const {
    return made(broadcast_shape(), in(0).whole && in(1).whole, [&](const Ints& index) {
      return f(broadcast(in(0), index), broadcast(in(1), index));
    });
  }
  OnnxTensor each_value(const std::function<double(double)>& f) const {
    OnnxTensor y = in(0);
    for (double& value : y.values) value = f(value);
    return y;
  }

  OnnxTensor compute(const std::string& op) const {
    if (op == "Add") return pairwise([](double a, double b) { return a + b; });
    if (op == "Sub") return pairwise([](double a, double b) { return a - b; });
    if (op == "Mul") return pairwise([](double a, double b) { return a * b; });
    if (op == "Div") {
      const bool whole = in(0).whole;
      return pairwise([&](double a, double b) { return whole ? std::trunc(a / b) : a / b; });
    }
    if (op == "Max") return pairwise([](double a, double b) { return std::max(a, b); });
    if (op == "Min") return pairwise([](double a, double b) { return std::min(a, b); });
    if (op == "Mod") return pairwise([](double a, double b) { return a - b * std::floor(a / b); });
    if (op == "Less") return pairwise([](double a, double b) { return a < b ? 1 : 0; });
    if (op == "Relu") return each_value([](double v) { return std::max(v, 0.0); });
    if (op == "Tanh") return each_value([](double v) { return std::tanh(v); });
    if (op == "Exp") return each_value([](double v) { return std::exp(v); });
    if (op == "Log") return each_value([](double v) { return std::log(v); });
    if (op == "Floor") return each_value([](double v) { return std::floor(v); });
    if (op == "Sigmoid") return each_value([](double v) { return 1 / (1 + std::exp(-v)); });
    if (op == "Identity" || op == "Cast") {
      OnnxTensor y = in(0);
      if (op == "Cast") y.whole = number("to", 0) == onnx::TensorProto::INT64;
      return y;
    }
    if (op == "Clip")
      return each_value([&](double v) { return std::clamp(v, in(1).values[0], in(2).values[0]); });
    if (op == "Where")
      return made(broadcast_shape(), false, [&](const Ints& index) {
        return broadcast(broadcast(in(0), index) != 0 ? in(1) : in(2), index);
      });
    return op == "Conv" || op == "ConvTranspose" || op == "Gemm" || op == "Resize" ||
                   op.starts_with("Global") || op == "ReduceMean" || op == "SpaceToDepth"
               ? layer(op)
               : moved(op);
  }

  // Operators that compute no new value.
  OnnxTensor moved(const std::string& op) const {
    const OnnxTensor& x = in(0);
    OnnxTensor y = x;
    if (op == "Shape") {
      y = OnnxTensor({x.rank()}, true);
      std::copy(x.shape.begin(), x.shape.end(), y.values.begin());
    } else if (op == "Range") {
      y = made({static_cast<int64_t>(in(1).values[0] - x.values[0])}, true,
               [&](const Ints& i) { return x.values[0] + static_cast<double>(i[0]); });
    } else if (op == "Unsqueeze") {
      for (const int64_t axis : in(1).ints()) y.shape.insert(y.shape.begin() + axis, 1);
    } else if (op == "Flatten") {
      y.shape = {x.shape[0], x.shape[0] == 0 ? 0 : OnnxTensor::count(x.shape) / x.shape[0]};
    } else if (op == "Reshape") {
      y.shape = in(1).ints();
      int64_t known = 1;
      for (size_t i = 0; i < y.shape.size(); i++) {
        if (y.shape[i] == 0) y.shape[i] = x.shape[i];
        if (y.shape[i] > 0) known *= y.shape[i];
      }
      for (int64_t& side : y.shape)
        if (side < 0) side = OnnxTensor::count(x.shape) / known;
      if (OnnxTensor::count(y.shape) != OnnxTensor::count(x.shape))
        throw std::runtime_error(node_->name() + ": reshaped to another number of elements");
    } else if (op == "Transpose") {
      const Ints perm = list("perm");
      Ints shape;
      for (const int64_t axis : perm) shape.push_back(x.shape[static_cast<size_t>(axis)]);
      y = made(shape, x.whole, [&](const Ints& index) {
        Ints from(index.size());
        for (size_t i = 0; i < perm.size(); i++) from[static_cast<size_t>(perm[i])] = index[i];
        return x.at(from);
      });
    } else if (op == "Expand") {
      y = made(in(1).ints(), x.whole, [&](const Ints& index) { return broadcast(x, index); });
    } else if (op == "Gather") {
      const auto axis = static_cast<size_t>(number("axis", 0));
      Ints shape(x.shape.begin(), x.shape.begin() + static_cast<int64_t>(axis));
      shape.insert(shape.end(), in(1).shape.begin(), in(1).shape.end());
      shape.insert(shape.end(), x.shape.begin() + static_cast<int64_t>(axis) + 1, x.shape.end());
      const auto inner = static_cast<size_t>(in(1).rank());
      y = made(shape, x.whole, [&](const Ints& index) {
        const auto first = index.begin() + static_cast<int64_t>(axis);
        const Ints which(first, first + static_cast<int64_t>(inner));
        Ints from(index.begin(), first);
        from.push_back(static_cast<int64_t>(in(1).at(which)));
        from.insert(from.end(), first + static_cast<int64_t>(inner), index.end());
        if (from[axis] < 0 || from[axis] >= x.shape[axis])
          throw std::runtime_error(node_->name() + ": gathers from outside");
        return x.at(from);
      });
    } else if (op == "Slice") {
      Ints first(x.shape.size());
      for (size_t i = 0; i < in(3).values.size(); i++) {
        const auto axis = static_cast<size_t>(in(3).ints()[i]);
        first[axis] = in(1).ints()[i];
        y.shape[axis] = in(2).ints()[i] - first[axis];
      }
      y = made(y.shape, x.whole, [&](Ints index) {
        for (size_t i = 0; i < index.size(); i++) index[i] += first[i];
        return x.at(index);
      });
    } else if (op == "Concat") {
      const auto axis = static_cast<size_t>(number("axis", 0));
      for (size_t i = 1; i < inputs_.size(); i++) y.shape[axis] += in(i).shape[axis];
      y = made(y.shape, x.whole, [&](Ints index) {
        size_t part = 0;
        for (; index[axis] >= in(part).shape[axis]; part++) index[axis] -= in(part).shape[axis];
        return in(part).at(index);
      });
    } else {
      throw std::runtime_error("operator " + op);
    }
    return y;
  }

  OnnxTensor layer(const std::string& op) const {
    const OnnxTensor& x = in(0);
    const Ints& s = x.shape;
    if (op == "Gemm") {
      const OnnxTensor& w = in(1);
      if (number("transB", 0) != 1) throw std::runtime_error("Gemm without transB");
      return made({s[0], w.shape[0]}, false, [&](const Ints& i) {
        double sum = in(2).values[static_cast<size_t>(i[1])];
        for (int64_t c = 0; c < s[1]; c++) sum += x.at({i[0], c}) * w.at({i[1], c});
        return sum;
      });
    }
    if (op == "Resize")
      return made({s[0], s[1], 2 * s[2], 2 * s[3]}, false, [&](const Ints& i) {
        return x.at({i[0], i[1], i[2] / 2, i[3] / 2});
      });
    if (op == "SpaceToDepth")
      return made({s[0], 4 * s[1], s[2] / 2, s[3] / 2}, false, [&](const Ints& i) {
        const int64_t phase = i[1] / s[1];
        return x.at({i[0], i[1] % s[1], 2 * i[2] + phase / 2, 2 * i[3] + phase % 2});
      });
    if (op.starts_with("Global"))
      return made({s[0], s[1], 1, 1}, false, [&](const Ints& i) {
        double sum = 0, most = x.at({i[0], i[1], 0, 0});
        each({s[2], s[3]}, [&](const Ints& p) {
          const double value = x.at({i[0], i[1], p[0], p[1]});
          sum += value;
          most = std::max(most, value);
        });
        return op == "GlobalMaxPool" ? most : sum / static_cast<double>(s[2] * s[3]);
      });
    if (op == "ReduceMean")  // of the middle axis of three, which goes
      return made({s[0], s[2]}, false, [&](const Ints& i) {
        double sum = 0;
        for (int64_t j = 0; j < s[1]; j++) sum += x.at({i[0], j, i[1]});
        return sum / static_cast<double>(s[1]);
      });
    const OnnxTensor& w = in(1);
    const int64_t kernel = w.shape[2], stride = list("strides")[0], pad = list("pads")[0];
    if (op == "Conv") {
      const auto side = [&](int64_t n) { return (n + 2 * pad - kernel) / stride + 1; };
      return made({s[0], w.shape[0], side(s[2]), side(s[3])}, false, [&](const Ints& i) {
        double sum = in(2).values[static_cast<size_t>(i[1])];
        each(Ints{s[1], kernel, kernel}, [&](const Ints& t) {
          const int64_t row = i[2] * stride + t[1] - pad, column = i[3] * stride + t[2] - pad;
          if (row >= 0 && row < s[2] && column >= 0 && column < s[3])
            sum += x.at({i[0], t[0], row, column}) * w.at({i[1], t[0], t[1], t[2]});
        });
        return sum;
      });
    }
    const auto side = [&](int64_t n) { return (n - 1) * stride - 2 * pad + kernel; };
    OnnxTensor y = made({s[0], w.shape[1], side(s[2]), side(s[3])}, false,
                        [&](const Ints& i) { return in(2).values[static_cast<size_t>(i[1])]; });
    each(s, [&](const Ints& i) {
      each(Ints{w.shape[1], kernel, kernel}, [&](const Ints& t) {
        const int64_t row = i[2] * stride + t[1] - pad, column = i[3] * stride + t[2] - pad;
        if (row >= 0 && row < y.shape[2] && column >= 0 && column < y.shape[3])
          y.at({i[0], t[0], row, column}) += x.at(i) * w.at({i[1], t[0], t[1], t[2]});
      });
    });
    return y;
  }

  const onnx::GraphProto& graph_;
  const onnx::NodeProto* node_ = nullptr;
  std::vector<OnnxTensor> inputs_;
  std::map<std::string, OnnxTensor> values_;
};

}  // namespace dae::test
