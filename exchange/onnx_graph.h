// An ONNX graph in the making: nodes are appended in the order in which they can be computed, and each
// gives the name of its value. Operators and attributes are those of ONNX's opset 13.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/parameters.h"

namespace dae {

// The name of a value in a graph.
using OnnxValue = std::string;

class OnnxGraph {
 public:
  static constexpr int kOpset = 13,
                       kIrVersion = 7;  // of the same release, ONNX 1.8 (November 2020)

  // `weights` are laid out as `parameters` says; both outlive this.
  OnnxGraph(onnx::GraphProto& graph, const ParameterSet& parameters,
            const std::vector<float>& weights)
      : graph_(graph), parameters_(parameters), weights_(weights) {}

  struct Attribute {
    std::string_view name;
    std::variant<int64_t, std::vector<int64_t>, std::string> value;
  };
  // A node with one output, which is named after `wanted`, or after the operator.
  OnnxValue add(const char* op, const std::vector<OnnxValue>& inputs,
                const std::vector<Attribute>& attributes = {}, const std::string& wanted = "");

  // Constants: one number, or a list of them. Equal ones are there once.
  OnnxValue number(float value) { return constant({}, std::vector{value}); }
  OnnxValue numbers(const std::vector<float>& values);
  OnnxValue whole(int64_t value) { return constant({}, std::vector{value}); }
  OnnxValue wholes(const std::vector<int64_t>& values);

  // The parameter of that name with its axes in the order `axes`: {0, 3, 1, 2} moves what is last to
  // second place. Throws Error when the network has no such parameter.
  OnnxValue parameter(const std::string& name, std::vector<int> axes);

  // Of numbers, whole ones or not, element by element. a / b of whole ones is for those that are not
  // negative.
  OnnxValue plus(const OnnxValue& a, const OnnxValue& b) { return add("Add", {a, b}); }
  OnnxValue minus(const OnnxValue& a, const OnnxValue& b) { return add("Sub", {a, b}); }
  OnnxValue times(const OnnxValue& a, const OnnxValue& b) { return add("Mul", {a, b}); }
  OnnxValue over(const OnnxValue& a, const OnnxValue& b) { return add("Div", {a, b}); }
  OnnxValue larger(const OnnxValue& a, const OnnxValue& b) { return add("Max", {a, b}); }
  OnnxValue smaller(const OnnxValue& a, const OnnxValue& b) { return add("Min", {a, b}); }
  // How long x is along an axis.
  OnnxValue length(const OnnxValue& x, int64_t axis);
  // A shape of whole numbers.
  OnnxValue shape(const std::vector<OnnxValue>& lengths);

 private:
  std::string free_name(const std::string& wanted);
  template <class T>
  OnnxValue constant(const std::vector<int64_t>& shape, const std::vector<T>& values);

  onnx::GraphProto& graph_;
  const ParameterSet& parameters_;
  const std::vector<float>& weights_;
  std::map<std::string, int> names_;            // how often each was wanted
  std::map<std::string, OnnxValue> constants_;  // by type, shape and bytes
};

}  // namespace dae
