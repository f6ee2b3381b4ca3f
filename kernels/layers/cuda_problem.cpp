#include <fmt/core.h>

#include "kernels/bias.h"
#include "kernels/layers/cuda_libraries.h"

namespace dae::cuda_libraries {

const char* in_words(Direction direction) {
  switch (direction) {
    case Direction::forward:
      return "forward";
    case Direction::backward_data:
      return "data gradient";
    case Direction::backward_weights:
      break;
  }
  return "weight gradient";
}

std::vector<Tensor> operands_of(const Convolution& p) {
  std::vector<Tensor> operands;
  const auto add = [&](const Shape& shape, DType dtype) {
    operands.push_back({nullptr, shape, dtype});
  };
  switch (p.direction) {
    case Direction::forward:
      for (const Shape* shape : {&p.x, &p.w, &p.y}) add(*shape, p.dtype);
      break;
    case Direction::backward_data:
      for (const Shape* shape : {&p.y, &p.w, &p.x}) add(*shape, p.dtype);
      break;
    case Direction::backward_weights:
      for (const Shape* shape : {&p.x, &p.y, &p.w}) add(*shape, p.dtype);
      break;
  }
  const Shape result = operands[2].shape;
  if (p.bias) add({result[3]}, p.dtype);
  if (p.addend) add(result, p.dtype);
  if (p.gate) add(result, p.dtype);
  if (p.sums) add(bias_backward_sums(result), DType::f32);
  return operands;
}

std::string describe(const Convolution& p) {
  return fmt::format("{} of {} {} by {} to {}, stride {}{}{}{}{}{}", in_words(p.direction),
                     name_of(p.dtype), to_string(p.x), to_string(p.w), to_string(p.y), p.stride,
                     p.bias ? ", bias" : "", p.addend ? ", addend" : "", p.relu ? ", ReLU" : "",
                     p.gate ? ", ReLU gradient" : "", p.sums ? ", channel sums" : "");
}

}  // namespace dae::cuda_libraries
