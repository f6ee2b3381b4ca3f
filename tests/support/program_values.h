// Tensors of a program as floats, whichever of f32 and bf16 they are.
#pragma once

#include <algorithm>
#include <vector>

#include "runtime/bf16.h"
#include "runtime/program.h"

namespace dae::test {

inline void write_values(const Program& program, TensorId id, const std::vector<float>& values) {
  if (program.tensor(id).dtype == DType::f32) return program.write(id, values.data());
  std::vector<BFloat16> narrow(values.size());
  std::ranges::transform(values, narrow.begin(), to_bf16);
  program.write(id, narrow.data());
}

inline std::vector<float> read_values(const Program& program, TensorId id) {
  if (program.tensor(id).dtype == DType::f32) return program.floats(id);
  std::vector<BFloat16> narrow(static_cast<size_t>(program.tensor(id).count()));
  program.read(id, narrow.data());
  std::vector<float> values(narrow.size());
  std::ranges::transform(narrow, values.begin(), [](BFloat16 value) { return to_float(value); });
  return values;
}

}  // namespace dae::test
