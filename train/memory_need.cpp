#include "train/memory_need.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "runtime/memory.h"

namespace dae {

MemoryNeed memory_need(const Plan& plan, const Layout& layout) {
  std::vector<bool> is_workspace(plan.tensors().size());
  for (const Step& step : plan.steps())
    for (const TensorId id : step.scratch) is_workspace[plan.tensors()[id].root] = true;
  MemoryNeed need;
  need.arena = layout.bytes;
  for (size_t id = 0; id < plan.tensors().size(); id++) {
    const TensorInfo& info = plan.tensors()[id];
    if (info.root != static_cast<TensorId>(id)) continue;
    if (is_workspace[id]) need.workspaces += info.view.bytes();
    if (!info.external) continue;
    const auto is = [&](const char* prefix) { return info.name.starts_with(prefix); };
    if (is("sources")) continue;
    const bool batch = is("clean") || is("corrupted") || is("draws") || is("losses");
    (batch ? need.batches : need.parameters) += info.view.bytes();
  }
  need.activations = layout.bytes_unshared - need.workspaces;
  return need;
}

std::string to_string(const MemoryNeed& need, Device device) {
  std::string text = fmt::format(
      "memory{}: {} = weights, gradients, moments and EMA {}, arena {} (unshared: activations {}, "
      "workspaces {}), batches {}, validation {}",
      device == Device::cuda ? " on the GPU" : "", show_bytes(need.total()),
      show_bytes(need.parameters), show_bytes(need.arena), show_bytes(need.activations),
      show_bytes(need.workspaces), show_bytes(need.batches), show_bytes(need.validation));
  if (device == Device::cuda)
    text +=
        fmt::format(", photographs {} ({}); pinned on the host {}", show_bytes(need.photographs),
                    need.resident ? "all of them" : "streamed", show_bytes(need.pinned));
  return text;
}

}  // namespace dae
