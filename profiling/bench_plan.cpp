// Benchmarks made from the networks' own plans, so every op is timed at the sizes it really has and
// with the bytes and FLOPs its step declares: MODEL/train_step, and MODEL/OP/SHAPES for each op.
#include <fmt/core.h>

#include <memory>
#include <set>

#include "model/trainer.h"
#include "profiling/bench.h"

namespace dae {
namespace {

// A network in training. Registration plans all three, since the names come from their plans.
class Model {
 public:
  explicit Model(NetworkKind kind) : pixels_(kSide * kSide * 3) {
    config_.network.kind = kind;
    if (kind == NetworkKind::conv) config_.network.latent = 8192;
    // Any photograph will do for timing: smooth shading with texture.
    for (size_t i = 0; i < pixels_.size(); i++)
      pixels_[i] = static_cast<uint8_t>(i / (3 * kSide) / 2 + i * 2654435761u % 64);
    trainer_ = std::make_unique<Trainer>(
        config_, std::vector<Source>{{pixels_.data(), kSide * 3, kSide, kSide}});
    trainer_->run(1);  // fills the arena
  }

  Trainer& trainer() const { return *trainer_; }
  int64_t batch() const { return config_.batch; }

 private:
  static constexpr int64_t kSide = 256;
  TrainerConfig config_;
  std::vector<uint8_t> pixels_;
  std::unique_ptr<Trainer> trainer_;
};

void time_step(benchmark::State& state, const std::shared_ptr<Model>& model) {
  Trainer& trainer = model->trainer();
  for (auto _ : state) trainer.run(1);
  double bytes = 0, flops = 0;
  for (const Step& step : trainer.executor().plan().steps()) {
    bytes += static_cast<double>(trainer.executor().plan().bytes(step));
    flops += static_cast<double>(step.flops);
  }
  state.counters["images/s"] = benchmark::Counter(static_cast<double>(model->batch()),
                                                  benchmark::Counter::kIsIterationInvariantRate);
  report_roofline(state, bytes, flops);
}

void time_op(benchmark::State& state, const std::shared_ptr<Model>& model, size_t index) {
  const Executor& executor = model->trainer().executor();
  const Step& step = executor.plan().steps()[index];
  for (auto _ : state) step.run(Queue{}, executor.tensors());
  report_roofline(state, static_cast<double>(executor.plan().bytes(step)), static_cast<double>(step.flops));
}

}  // namespace

void register_plan_benchmarks() {
  for (const NetworkKind kind : {NetworkKind::fc, NetworkKind::conv, NetworkKind::unet}) {
    const auto model = std::make_shared<Model>(kind);
    benchmark::RegisterBenchmark(fmt::format("{}/train_step", name_of(kind)).c_str(),
                                 [=](benchmark::State& state) { time_step(state, model); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
    const Plan& plan = model->trainer().executor().plan();
    std::set<std::string> seen;
    for (size_t i = 0; i < plan.steps().size(); i++) {
      const Step& step = plan.steps()[i];
      std::string name = fmt::format("{}/{}", name_of(kind), step.op);
      if (step.reads.size() > 0) name += "/" + to_string(plan.view(step.reads[0]));
      if (step.writes.size() > 0) name += "/" + to_string(plan.view(step.writes[0]));
      if (!seen.insert(name).second) continue;
      benchmark::RegisterBenchmark(name.c_str(),
                                   [=](benchmark::State& state) { time_op(state, model, i); })
          ->UseRealTime()
          ->Unit(benchmark::kMicrosecond);
    }
  }
}

}  // namespace dae
