#include "record/checkpoint.h"

#include <cstring>

#include "data/safetensors.h"
#include "runtime/error.h"

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
  const auto values_of = [&](const Parameter& p) {
    return file.get(prefix + p.name, p.shape, DType::f32);
  };
  for (const Parameter& p : parameters.list()) values_of(p);  // before there is memory for them
  std::vector<float> values(static_cast<size_t>(parameters.count()));
  for (const Parameter& p : parameters.list())
    std::memcpy(&values[p.offset], values_of(p),
                static_cast<size_t>(p.shape.count()) * sizeof(float));
  return values;
}

uint64_t read_counter(const Safetensors& file, const std::string& name) {
  uint64_t counter = 0;
  std::memcpy(&counter, file.get(name, {1}, DType::u64), sizeof(counter));
  return counter;
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
  uint64_t counters[3] = {checkpoint.state.step, checkpoint.state.skipped,
                          static_cast<uint64_t>(checkpoint.noted_steps)};
  tensors.push_back({"step", {&counters[0], {1}, DType::u64}});
  tensors.push_back({"skipped", {&counters[1], {1}, DType::u64}});
  tensors.push_back({"noted_steps", {&counters[2], {1}, DType::u64}});
  std::vector<double> sums = checkpoint.loss_sums;
  tensors.push_back({"loss_sums", {sums.data(), {std::ssize(sums)}, DType::u64}});
  save_safetensors(path, tensors, {{"format", "dae run checkpoint 2"}});
}

Checkpoint read_checkpoint(const std::filesystem::path& path, const ParameterSet& parameters) {
  const Safetensors file(path);
  Checkpoint checkpoint;
  for (const Kept& kept : kKept)
    checkpoint.*kept.values = read_values(file, kept.prefix, parameters);
  checkpoint.state.step = read_counter(file, "step");
  checkpoint.state.skipped = read_counter(file, "skipped");
  // Files of before had none: they were written where a row was.
  if (!file.contains("noted_steps")) return checkpoint;
  const uint64_t noted = read_counter(file, "noted_steps");
  if (noted > checkpoint.state.step)
    fail("{}: of its {} steps {} follow the last row of metrics.csv", path.string(),
         checkpoint.state.step, noted);
  checkpoint.noted_steps = static_cast<int64_t>(noted);
  const auto sums = file.tensors().find("loss_sums");
  const int64_t count = sums == file.tensors().end() ? 0 : sums->second.shape[0];
  const void* const values = file.get("loss_sums", {count}, DType::u64);
  checkpoint.loss_sums.resize(static_cast<size_t>(count));
  if (count > 0)
    std::memcpy(checkpoint.loss_sums.data(), values, checkpoint.loss_sums.size() * sizeof(double));
  return checkpoint;
}

uint64_t read_checkpoint_step(const std::filesystem::path& path) {
  return read_counter(Safetensors(path), "step");
}

std::vector<float> read_averaged_weights(const std::filesystem::path& path,
                                         const ParameterSet& parameters) {
  return read_values(Safetensors(path), "ema.", parameters);
}

}  // namespace dae
