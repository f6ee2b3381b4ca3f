#include "model/input.h"

namespace dae {

Shape source_table(size_t sources) {
  return {static_cast<int64_t>(sources), static_cast<int64_t>(sizeof(Source))};
}

InputTensors add_corruption(Device device, Plan& plan, const CorruptFlags& flags, TensorId clean,
                            TensorId corrupted, const InputPlacement& placement) {
  const Shape image = plan.shape(clean);
  TensorId sources = placement.sources;
  if (sources == kNoTensor)
    sources = plan.external("sources", source_table(1), DType::u8, Role::table);
  const InputTensors input = {
      sources,
      plan.external(placement.draws, {image[0], static_cast<int64_t>(sizeof(Draw))}, DType::u8)};
  const TensorId workspace = plan.tensor(
      "corrupt.workspace", {corrupt_workspace_count(device, image[2], flags.max_radius)});
  const TensorId told = placement.told, rounded = placement.rounded;
  const int64_t reads = image.count() + plan.view(input.draws).bytes();
  std::vector<TensorId> writes = {clean, corrupted};
  if (told != kNoTensor) writes.push_back(told);
  if (rounded != kNoTensor) writes.push_back(rounded);
  size_t made = plan.view(clean).bytes() +
                (flags.jpeg ? 3 : 1) * plan.view(corrupted).bytes();  // and read once more
  if (rounded != kNoTensor) made += (flags.jpeg ? 2 : 1) * plan.view(rounded).bytes();
  plan.add({.op = "corrupt",
            .name = "input",
            .phase = Phase::input,
            .stream = placement.stream,
            .reads = {input.sources, input.draws},
            .writes = writes,
            .scratch = {workspace},
            .bytes = reads + static_cast<int64_t>(made),
            .run = [=](const Queue& q, const TensorTable& t) {
              corrupt(q, t[input.sources], t[input.draws], flags, t[clean], t[corrupted],
                      t[workspace], t[told], t[rounded]);
            }});
  return input;
}

}  // namespace dae
