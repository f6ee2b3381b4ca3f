#include "record/checkpoint.h"

#include <cstring>

#include "data/safetensors.h"

namespace dae {
namespace {

struct Kept {
  std::vector<float> Checkpoint::*values;
  const char* prefix;
};
constexpr Kept kKept[] = {{&Checkpoint::weights, "weights."},
                          {&Checkpoint::ema, "ema."},
                          {&Checkpoint::moment1, "moment1."},
                          {&Checkpoint::moment2, "moment2."}};

std::vector<float> read_values(const Safetensors& file, const std::string& prefix,
                               const ParameterSet& parameters) {
  std::vector<float> values(static_cast<size_t>(parameters.count()));
  for (const Parameter& p : parameters.list())
    std::memcpy(&values[p.offset], file.get(prefix + p.name, p.shape, DType::f32),
                static_cast<size_t>(p.shape.count()) * sizeof(float));
  return values;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const ParameterSet& parameters,
                      const Checkpoint& checkpoint) {
  std::vector<NamedTensor> tensors;
  for (const Kept& kept : kKept)
    for (const Parameter& p : parameters.list()) {
      const float* const values = (checkpoint.*kept.values).data() + p.offset;
      tensors.push_back({kept.prefix + p.name, {const_cast<float*>(values), p.shape}});
    }
  uint64_t counters[2] = {checkpoint.state.step, checkpoint.state.skipped};
  tensors.push_back({"step", {&counters[0], {1}, DType::u64}});
  tensors.push_back({"skipped", {&counters[1], {1}, DType::u64}});
  save_safetensors(path, tensors, {{"format", "dae run checkpoint 1"}});
}

Checkpoint read_checkpoint(const std::filesystem::path& path, const ParameterSet& parameters) {
  const Safetensors file(path);
  Checkpoint checkpoint;
  for (const Kept& kept : kKept)
    checkpoint.*kept.values = read_values(file, kept.prefix, parameters);
  StepState& state = checkpoint.state;
  std::memcpy(&state.step, file.get("step", {1}, DType::u64), sizeof(state.step));
  std::memcpy(&state.skipped, file.get("skipped", {1}, DType::u64), sizeof(state.skipped));
  return checkpoint;
}

uint64_t read_checkpoint_step(const std::filesystem::path& path) {
  uint64_t step = 0;
  std::memcpy(&step, Safetensors(path).get("step", {1}, DType::u64), sizeof(step));
  return step;
}

std::vector<float> read_averaged_weights(const std::filesystem::path& path,
                                         const ParameterSet& parameters) {
  return read_values(Safetensors(path), "ema.", parameters);
}

}  // namespace dae
