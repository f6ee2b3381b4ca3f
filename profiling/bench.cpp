// bench [FILTER] [--device cpu|cuda] [--json FILE] ...: times every op at the sizes it has in the
// networks, the corruption, the whole training step of each network, and a picture's restoration.
// Each benchmark runs five times; the table shows median and spread (cv) of time, GB/s, GFLOP/s and
// the share of this device's measured roofline. On a GPU a training step also tells the time of its
// graph alone (graph_ms) and what the host adds to it (host_gap, a share of the step); everywhere how long it
// waited for pictures (waiting, a share as well). FILTER is a regular expression over names.
#include "profiling/bench.h"

#include <fmt/format.h>

#include <regex>

#include "kernels/layers/ceilings.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/parallel.h"
#include "tools/program.h"
#include "tools/result_file.h"

namespace {

// Throws UsageError where the library would say so in a line of its own, and go on.
void check_filter(const std::string& filter) try {
  const std::regex as_the_library_reads_it(filter, std::regex::extended);
} catch (const std::regex_error&) {
  dae::fail_usage("{}: no regular expression; see bench --list", filter);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace dae;
  CLI::App app(
      "Times every op at the sizes it has in the networks, the corruption, and whole training\n"
      "steps: median and spread (cv) of five runs, GB/s, GFLOP/s, images/s or Mpixel/s, and the\n"
      "roofline: the least time that this device's measured copy and matrix product allow, as a\n"
      "share of the time taken (1: nothing left to gain). On a GPU every op finds cold caches,\n"
      "and a training step tells graph_ms, its graph's own time, and host_gap, the share that\n"
      "the host adds. waiting is the share of a step in which it waits for its pictures.");
  std::string filter = ".", json, model = "all", precision = "fp32";
  DeviceOptions device{.device = "cpu"};
  BenchOptions options;
  bool list = false;
  app.add_option("FILTER", filter, "regular expression over the names (see --list)");
  app.add_option("--json", json, "write every result to this file as well");
  device.add_to(app);
  app.add_option("--model", model, "all, fc, conv, unet, or none: corruption and kernels only")
      ->check(CLI::IsMember({"all", "fc", "conv", "unet", "none"}))
      ->capture_default_str();
  app.add_option("--batch", options.batch, "crops a training step")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--size", options.size, "crops in pixels, a multiple of 8")->capture_default_str();
  app.add_option("--precision", precision, "of feature maps: fp32, or bf16 on a GPU")
      ->check(CLI::IsMember({"fp32", "bf16"}))
      ->capture_default_str();
  app.add_option("--repetitions", options.repetitions, "runs a benchmark")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "least seconds a run")
      ->check(number_between(0.001, 60))
      ->capture_default_str();
  app.add_flag("--once", options.once, "one call of everything, under a profiler: times are void");
  app.add_flag("--list", list, "list the names and stop");
  return run_program("bench", app, argc, argv, [&] {
    check_filter(filter);
    options.device = device.apply();
    if (precision == "bf16") {
      if (options.device == Device::cpu) fail_usage("--precision bf16: the CPU computes in fp32");
      options.dtype = DType::bf16;
    }
    if (options.once) options.repetitions = 1;
    for (const NetworkKind kind : {NetworkKind::fc, NetworkKind::conv, NetworkKind::unet})
      if (model == "all" || model == name_of(kind)) options.models.push_back(kind);
    std::vector<std::string> arguments = {
        "bench",
        "--benchmark_filter=" + filter,
        fmt::format("--benchmark_min_time={}", options.seconds),
        fmt::format("--benchmark_repetitions={}", options.repetitions),
        "--benchmark_display_aggregates_only=true",
        "--benchmark_counters_tabular=true",
        "--benchmark_enable_random_interleaving=false"};
    if (!json.empty()) {
      check_result("--json", json, ResultKind::figures);
      arguments.push_back("--benchmark_out=" + json);
      arguments.emplace_back("--benchmark_out_format=json");
    }
    if (list) arguments.emplace_back("--benchmark_list_tests=true");
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    int count = static_cast<int>(pointers.size());
    register_corrupt_benchmarks(options);
    register_kernel_benchmarks(options);
    register_plan_benchmarks(options);
    register_fusion_benchmarks(options);
    register_mma_benchmarks(options);
    register_restore_benchmarks(options);
    benchmark::Initialize(&count, pointers.data());
    if (!list) {
      const Ceilings& best = ceilings(options.device);
      const std::string where = options.device == Device::cuda
                                    ? describe_gpu().name
                                    : fmt::format("{} threads", threads());
      const double product = best.flops_per_second(options.dtype);
      fmt::print("{}; ceilings measured now: copy {:.1f} GB/s, {} matrix product {:.0f} GFLOP/s\n",
                 where, best.bytes_per_second / 1e9, precision, product / 1e9);
      const auto note = [](const char* key, const std::string& value) {
        benchmark::AddCustomContext(key, value);
      };
      note("command", fmt::format("{}", fmt::join(argv, argv + argc, " ")));
      note("device", name_of(options.device));
      if (options.device == Device::cuda) note("gpu", where);
      note("batch", std::to_string(options.batch));
      note("size", std::to_string(options.size));
      note("copy_bytes_per_second", fmt::format("{:.4g}", best.bytes_per_second));
      note("precision", precision);
      note("matmul_flops_per_second", fmt::format("{:.4g}", product));
      note("threads", std::to_string(threads()));
    }
    if (benchmark::RunSpecifiedBenchmarks() == 0 && !list)
      fail_usage("no benchmark matches '{}'; see bench --list", filter);
    benchmark::Shutdown();
    benchmark::ClearRegisteredBenchmarks();  // and the networks they hold
    return 0;
  });
}
