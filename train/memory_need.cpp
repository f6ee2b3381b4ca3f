#include "train/memory_need.h"

#include <fmt/format.h>

#include <vector>

#include "runtime/memory.h"

namespace dae {
namespace {

const char* place(Device device) {
  return device == Device::cuda ? " on the GPU" : "";
}

}  // namespace

MemoryNeed memory_need(const Program& program) {
  const Plan& plan = program.plan();
  std::vector<bool> is_workspace(plan.tensors().size());
  for (const Step& step : plan.steps())
    for (const TensorId id : step.scratch) is_workspace[plan.tensors()[id].root] = true;
  MemoryNeed need{.parameters = plan.bytes(Role::state),
                  .arena = program.layout().bytes,
                  .batches = plan.bytes(Role::batch)};
  for (size_t id = 0; id < plan.tensors().size(); id++)
    if (is_workspace[id]) need.workspaces += plan.tensors()[id].view.bytes();
  need.activations = program.layout().bytes_unshared - need.workspaces;
  return need;
}

size_t usable_memory(Device device) {
  const size_t free = free_memory(device);
  return free - free / (device == Device::cuda ? 16 : 8);
}

std::string to_string(const MemoryNeed& need, Device device) {
  std::string text = fmt::format(
      "memory{}: {} = weights, gradients, moments and EMA {}, arena {} (unshared: activations {}, "
      "workspaces {}), batches {}, validation {}",
      place(device), show_bytes(need.total() + need.loaded), show_bytes(need.parameters),
      show_bytes(need.arena), show_bytes(need.activations), show_bytes(need.workspaces),
      show_bytes(need.batches), show_bytes(need.validation));
  if (device == Device::cpu)
    text += fmt::format(", a checkpoint {}, the program {}", show_bytes(need.checkpoint),
                        show_bytes(need.loaded));
  if (device == Device::cuda)
    text +=
        fmt::format(", photographs {} ({}); pinned on the host {}", show_bytes(need.photographs),
                    need.resident ? "all of them" : "streamed", show_bytes(need.pinned));
  return text;
}

std::string shortage(const MemoryNeed& need, size_t usable, Device device) {
  return fmt::format("{} of memory are needed and {} are free{}", show_bytes(need.total()),
                     show_bytes(usable), place(device));
}

}  // namespace dae
