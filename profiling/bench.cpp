// bench [FILTER] [--json FILE] [--threads N] [--list]: times every op at the sizes it has in the
// networks, the corruption, and the whole training step of each network. Each benchmark runs five
// times; the table shows median and spread (cv) of time, GB/s, GFLOP/s and the share of this
// machine's measured roofline. FILTER is a regular expression over names.
#include "profiling/bench.h"

#include <fmt/core.h>

#include "runtime/error.h"
#include "runtime/parallel.h"
#include "tools/program.h"

int main(int argc, char** argv) {
  using namespace dae;
  CLI::App app(
      "Times every op at the sizes it has in the networks, the corruption, and whole training\n"
      "steps: median and spread of five runs, GB/s, GFLOP/s, and the share of what this machine\n"
      "was measured to reach at best.");
  std::string filter = ".", json;
  int threads_wanted = 0, repetitions = 5;
  double seconds = 0.1;
  bool list = false;
  app.add_option("FILTER", filter, "regular expression over the names (see --list)");
  app.add_option("--json", json, "write every result to this file as well");
  app.add_option("--threads", threads_wanted, "CPU threads; 0 takes every core")
      ->check(CLI::Range(0, 1024));
  app.add_option("--repetitions", repetitions, "runs a benchmark")->check(CLI::Range(1, 1000));
  app.add_option("--seconds", seconds, "least seconds a run")->check(CLI::Range(0.001, 60.0));
  app.add_flag("--list", list, "list the names and stop");
  return run_program("bench", app, argc, argv, [&] {
    set_threads(threads_wanted);
    std::vector<std::string> arguments = {"bench",
                                          "--benchmark_filter=" + filter,
                                          fmt::format("--benchmark_min_time={}", seconds),
                                          fmt::format("--benchmark_repetitions={}", repetitions),
                                          "--benchmark_display_aggregates_only=true",
                                          "--benchmark_counters_tabular=true",
                                          "--benchmark_enable_random_interleaving=false"};
    if (!json.empty()) {
      arguments.push_back("--benchmark_out=" + json);
      arguments.push_back("--benchmark_out_format=json");
    }
    if (list) arguments.push_back("--benchmark_list_tests=true");
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    int count = static_cast<int>(pointers.size());
    register_corrupt_benchmarks();
    register_plan_benchmarks();
    benchmark::Initialize(&count, pointers.data());
    if (!list) {
      const Ceilings& best = ceilings(Device::cpu);
      fmt::print(
          "{} threads; ceilings measured now: copy {:.1f} GB/s, f32 matrix product {:.0f} "
          "GFLOP/s\n",
          threads(), best.bytes_per_second / 1e9, best.flops_per_second / 1e9);
      benchmark::AddCustomContext("copy_bytes_per_second",
                                  fmt::format("{:.4g}", best.bytes_per_second));
      benchmark::AddCustomContext("matmul_flops_per_second",
                                  fmt::format("{:.4g}", best.flops_per_second));
      benchmark::AddCustomContext("threads", std::to_string(threads()));
    }
    if (benchmark::RunSpecifiedBenchmarks() == 0 && !list)
      fail_usage("no benchmark matches '{}'; see bench --list", filter);
    benchmark::Shutdown();
    return 0;
  });
}
