#include "exchange/onnx_graph.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/error.h"

namespace dae {
namespace {

// Tensors of files are little-endian, as this machine's memory is.
template <class T>
onnx::TensorProto tensor_of(const std::vector<int64_t>& shape, const std::vector<T>& values) {
  onnx::TensorProto tensor;
  tensor.set_data_type(std::is_same_v<T, float> ? onnx::TensorProto::FLOAT
                                                : onnx::TensorProto::INT64);
  for (const int64_t side : shape) tensor.add_dims(side);
  tensor.set_raw_data(values.data(), values.size() * sizeof(T));
  return tensor;
}

}  // namespace

std::string OnnxGraph::free_name(const std::string& wanted) {
  const int before = names_[wanted]++;
  return before == 0 ? wanted : fmt::format("{}_{}", wanted, before);
}

OnnxValue OnnxGraph::add(const char* op, const std::vector<OnnxValue>& inputs,
                         const std::vector<Attribute>& attributes, const std::string& wanted) {
  onnx::NodeProto& node = *graph_.add_node();
  OnnxValue name = free_name(wanted.empty() ? op : wanted);
  node.set_op_type(op);
  node.set_name(name);
  node.add_output(name);
  for (const OnnxValue& input : inputs) node.add_input(input);
  for (const Attribute& given : attributes) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(std::string(given.name));
    if (const auto* const one = std::get_if<int64_t>(&given.value)) {
      attribute.set_type(onnx::AttributeProto::INT);
      attribute.set_i(*one);
    } else if (const auto* const text = std::get_if<std::string>(&given.value)) {
      attribute.set_type(onnx::AttributeProto::STRING);
      attribute.set_s(*text);
    } else {
      attribute.set_type(onnx::AttributeProto::INTS);
      for (const int64_t value : std::get<std::vector<int64_t>>(given.value))
        attribute.add_ints(value);
    }
  }
  return name;
}

template <class T>
OnnxValue OnnxGraph::constant(const std::vector<int64_t>& shape, const std::vector<T>& values) {
  onnx::TensorProto tensor = tensor_of(shape, values);
  const auto [known, first] = constants_.try_emplace(tensor.SerializeAsString());
  if (!first) return known->second;
  known->second = free_name("constant");
  tensor.set_name(known->second);
  *graph_.add_initializer() = std::move(tensor);
  return known->second;
}

OnnxValue OnnxGraph::numbers(const std::vector<float>& values) {
  return constant({static_cast<int64_t>(values.size())}, values);
}

OnnxValue OnnxGraph::wholes(const std::vector<int64_t>& values) {
  return constant({static_cast<int64_t>(values.size())}, values);
}

OnnxValue OnnxGraph::parameter(const std::string& name, std::vector<int> axes) {
  const auto found = std::ranges::find(parameters_.list(), name, &Parameter::name);
  if (found == parameters_.list().end()) fail("onnx: the network has no parameter {}", name);
  const Parameter& p = *found;
  const auto rank = static_cast<size_t>(p.shape.rank());
  std::vector<int64_t> shape(rank), stride(rank), index(rank);
  for (size_t i = 0; i < rank; i++) {
    shape[i] = p.shape[axes[i]];
    stride[i] = 1;
    for (int inner = axes[i] + 1; inner < p.shape.rank(); inner++) stride[i] *= p.shape[inner];
  }
  std::vector<float> values;
  for (int64_t count = p.shape.count(); count > 0; count--) {
    int64_t at = p.offset;
    for (size_t i = 0; i < rank; i++) at += index[i] * stride[i];
    values.push_back(weights_[static_cast<size_t>(at)]);
    for (size_t i = rank; i-- > 0 && ++index[i] == shape[i];) index[i] = 0;
  }
  onnx::TensorProto& tensor = *graph_.add_initializer() = tensor_of(shape, values);
  tensor.set_name(name);
  return name;
}

OnnxValue OnnxGraph::length(const OnnxValue& x, int64_t axis) {
  return add("Gather", {add("Shape", {x}), whole(axis)});
}

OnnxValue OnnxGraph::shape(const std::vector<OnnxValue>& lengths) {
  std::vector<OnnxValue> parts;
  for (const OnnxValue& length : lengths) parts.push_back(add("Unsqueeze", {length, wholes({0})}));
  return add("Concat", parts, {{"axis", int64_t{0}}});
}

}  // namespace dae
