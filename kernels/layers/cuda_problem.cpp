#include "kernels/layers/cuda_libraries.h"

namespace dae::cuda_libraries {

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
  if (p.sums) add({result[3]}, DType::f32);
  return operands;
}

}  // namespace dae::cuda_libraries
