#include "report/profile_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "kernels/layers/ceilings.h"

namespace dae {

std::string profile_table(const Executor& executor, Device device, DType dtype) {
  struct Row {
    double seconds = 0, bytes = 0, flops = 0;
    int calls = 0;
  };
  const Ceilings& best = ceilings(device);
  std::map<std::pair<std::string, std::string>, Row> rows;
  double total = 0;
  const std::vector<Step>& steps = executor.plan().steps();
  for (size_t i = 0; i < steps.size(); i++) {
    Row& row = rows[{name_of(steps[i].phase), steps[i].op}];
    row.seconds += executor.seconds()[i] / executor.profiled_runs();
    row.bytes += double(executor.plan().bytes(steps[i]));
    row.flops += double(steps[i].flops);
    row.calls++;
    total += executor.seconds()[i] / executor.profiled_runs();
  }
  std::vector<std::pair<std::pair<std::string, std::string>, Row>> sorted(rows.begin(), rows.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  std::string text = fmt::format(
      "\n{} steps; this machine's ceilings: copy {:.1f} GB/s, {} matrix product {:.0f} "
      "GFLOP/s\n{:<9} {:<25} {:>5} {:>9} {:>6} {:>9} {:>9} {:>8} {:>9}\n",
      executor.profiled_runs(), best.bytes_per_second / 1e9, name_of(dtype),
      best.flops_per_second(dtype) / 1e9, "phase", "op", "calls", "ms/step", "time", "GB", "GFLOP",
      "GFLOP/s", "roofline");
  for (const auto& [name, row] : sorted)
    text += fmt::format(
        "{:<9} {:<25} {:>5} {:>9.2f} {:>5.1f}% {:>9.3f} {:>9.2f} {:>8.0f} {:>8.0f}%\n", name.first,
        name.second, row.calls, row.seconds * 1e3, 100 * row.seconds / total, row.bytes / 1e9,
        row.flops / 1e9, row.flops / row.seconds / 1e9,
        100 * roofline_seconds(best, row.bytes, row.flops, dtype) / row.seconds);
  text += fmt::format("{:<9} {:<25} {:>5} {:>9.2f}\n", "all", "", steps.size(), total * 1e3);
  return text;
}

}  // namespace dae
