// Benchmarks made from the networks' own plans, so every op is timed at the sizes it really has and
// with the bytes and FLOPs its step declares: MODEL/train_step, and MODEL/OP/SHAPES for each op.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

#include "kernels/layers/ceilings.h"
#include "profiling/bench.h"
#include "runtime/stopwatch.h"
#include "runtime/trace.h"
#include "train/elapsed.h"
#include "train/step_pipeline.h"

namespace dae {
namespace {

constexpr int kGraphRuns = 10;

// A network in training. Registration plans all that are asked for, since the names come from their
// plans.
class Model {
 public:
  Model(const BenchOptions& options, NetworkKind kind) : picture_(kSide * kSide * 3) {
    config_.device = options.device;
    config_.network.kind = kind;
    config_.network.size = options.size;
    config_.network.dtype = options.dtype;
    if (kind == NetworkKind::conv)
      config_.network.latent = 128 * (options.size / 8) * (options.size / 8);
    config_.batch = options.batch;
    check(config_.network);
    // Any photograph will do for timing: smooth shading with texture.
    for (size_t i = 0; i < picture_.size(); i++)
      picture_[i] = static_cast<uint8_t>(i / (3 * kSide) / 2 + i * 2654435761u % 64);
    trainer_ = make_trainer(config_, {{picture_.data(), kSide * 3, kSide, kSide}});
    trainer_->run(1);  // fills the arena
    trainer_->take_mean_loss();
  }

  Trainer& trainer() const { return *trainer_; }
  int64_t batch() const { return config_.batch; }

 private:
  static constexpr int64_t kSide = 256;
  TrainerConfig config_;
  std::vector<uint8_t> picture_;  // the trainer takes it to the device
  std::unique_ptr<Trainer> trainer_;
};

double seconds_of_steps(Trainer& trainer, int64_t steps) {
  const auto begin = std::chrono::steady_clock::now();
  for (int64_t done = 0; done < steps;)
    done += trainer.run(static_cast<int>(std::min<int64_t>(2, steps - done)));
  trainer.take_mean_loss();  // which waits for them
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Seconds of the GPU alone for a step: replays of the graph, each enqueued while the GPU is still
// busy with something else.
double seconds_of_graph(const Trainer& trainer, int runs) {
  const auto& pipeline = dynamic_cast<const StepPipeline&>(trainer);
  const cuda::Stopwatch watch;
  std::vector<double> seconds;
  for (int i = 0; i < runs; i++) {
    void* const stream = pipeline.compute().get();
    cuda::overwrite_cache(stream, 32);
    watch.start(stream);
    pipeline.graph().launch(pipeline.compute());
    watch.stop(stream);
    seconds.push_back(watch.seconds());
  }
  std::nth_element(seconds.begin(), seconds.begin() + runs / 2, seconds.end());
  return seconds[seconds.size() / 2] / 2;  // a graph is two steps
}

void time_step(benchmark::State& state, const BenchOptions& options,
               const std::shared_ptr<Model>& model) {
  Trainer& trainer = model->trainer();
  const bool gpu = options.device == Device::cuda;
  if (!gpu) {
    const Elapsed stepping;
    const double before = trainer.seconds_waited();
    for (auto _ : state) trainer.run(1);
    state.counters["waiting"] = (trainer.seconds_waited() - before) / stepping.seconds();
  } else {
    if (options.once) {
      const trace::Profiled profiled;
      seconds_of_steps(trainer, 1);  // op by op, without a graph
    }
    seconds_of_steps(trainer, 4);  // uncaptured, then captured
    const double trial = options.once ? 0 : seconds_of_steps(trainer, 4) / 4;
    const int64_t pairs =
        options.once ? 1 : std::max<int64_t>(3, static_cast<int64_t>(options.seconds / trial / 2));
    for (auto _ : state) {
      const double before = trainer.seconds_waited();
      const double seconds = seconds_of_steps(trainer, 2 * pairs);
      const double step = seconds / (2.0 * static_cast<double>(pairs));
      state.counters["waiting"] = (trainer.seconds_waited() - before) / seconds;
      const double alone = seconds_of_graph(trainer, options.once ? 1 : kGraphRuns);
      state.SetIterationTime(step);
      state.counters["graph_ms"] = alone * 1e3;
      state.counters["host_gap"] = 1 - alone / step;
    }
    trainer.reset({});  // replays were steps that the trainer did not count
  }
  // Of a whole step the roofline is the sum of its ops': while one waits for memory, the next
  // cannot multiply.
  double bytes = 0, flops = 0, least_seconds = 0;
  const Plan& plan = trainer.executor().plan();
  for (const Step& step : plan.steps()) {
    const auto moved = static_cast<double>(plan.bytes(step));
    const auto computed = static_cast<double>(step.flops);
    bytes += moved;
    flops += computed;
    least_seconds += roofline_seconds(ceilings(options.device), moved, computed, options.dtype);
  }
  using benchmark::Counter;
  const auto rate = Counter::kIsIterationInvariantRate;
  state.counters["images/s"] = Counter(static_cast<double>(model->batch()), rate);
  state.counters["GB/s"] = Counter(bytes / 1e9, rate);
  state.counters["GFLOP/s"] = Counter(flops / 1e9, rate);
  state.counters["roofline"] = Counter(least_seconds, rate);
}

void time_step_op(benchmark::State& state, const BenchOptions& options,
                  const std::shared_ptr<Model>& model, size_t index) {
  const Executor& executor = model->trainer().executor();
  const Step& step = executor.plan().steps()[index];
  time_op(state, options, [&](const Queue& q) { step.run(q, executor.tensors()); });
  report_roofline(state, options, static_cast<double>(executor.plan().bytes(step)),
                  static_cast<double>(step.flops));
}

}  // namespace

void register_plan_benchmarks(const BenchOptions& options) {
  for (const NetworkKind kind : options.models) {
    const auto model = std::make_shared<Model>(options, kind);
    auto* const whole = benchmark::RegisterBenchmark(
        fmt::format("{}/train_step", name_of(kind)).c_str(),
        [=](benchmark::State& state) { time_step(state, options, model); });
    whole->Unit(benchmark::kMillisecond);
    if (options.device == Device::cuda)
      whole->UseManualTime();
    else
      whole->UseRealTime();
    if (options.device == Device::cuda || options.once) whole->Iterations(1);
    const Plan& plan = model->trainer().executor().plan();
    std::set<std::string> seen;
    for (size_t i = 0; i < plan.steps().size(); i++) {
      const Step& step = plan.steps()[i];
      std::string name = fmt::format("{}/{}", name_of(kind), step.op);
      if (!step.reads.empty()) name += "/" + to_string(plan.view(step.reads[0]));
      if (!step.writes.empty()) name += "/" + to_string(plan.view(step.writes[0]));
      if (!seen.insert(name).second) continue;
      configure_op(benchmark::RegisterBenchmark(
                       name.c_str(),
                       [=](benchmark::State& state) { time_step_op(state, options, model, i); }),
                   options);
    }
  }
}

}  // namespace dae
