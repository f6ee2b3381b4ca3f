#include "model/step_pipeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/input.h"
#include "model/training_plan.h"
#include "runtime/device.h"

namespace dae {
namespace {

constexpr int kCompute = 0, kInput = 1, kCopy = 2;
constexpr int kUncaptured = 1;  // pairs: the libraries set themselves up in their first calls

}  // namespace

// Only the corruption of the batch that comes next, into the first set of memory.
Plan StepPipeline::plan_preparation() const {
  Plan plan;
  const Shape image = {config_.batch, config_.network.size, config_.network.size, 3};
  add_corruption(Device::cuda, plan, config_.corruption, plan.external("clean.0", image, DType::u8),
                 plan.external("corrupted.0", image), {.draws = "draws.0"});
  return plan;
}

// One step on the first set of memory; of a pair, besides, the next step on the second, and the
// corruptions that fill each set while the other is in use.
Plan StepPipeline::plan_steps(ParameterSet& parameters, bool pair) const {
  Plan plan;
  Builder first(Device::cuda, plan, parameters, true, config_.network.dtype);
  const Shape image = {config_.batch, config_.network.size, config_.network.size, 3};
  const TensorId losses = plan.external("losses", {2});
  std::array<Pass, 2> passes;
  for (int i = 0; i < (pair ? 2 : 1); i++)
    passes[i] = {plan.external(fmt::format("clean.{}", i), image, DType::u8),
                 plan.external(fmt::format("corrupted.{}", i), image),
                 plan.slice(losses, fmt::format("loss.{}", i), i, {1})};
  const auto corrupt_into = [&](int i) {
    add_corruption(Device::cuda, plan, config_.corruption, passes[i].clean, passes[i].corrupted,
                   {.draws = i == 0 ? "draws.0" : "draws.1", .stream = kInput});
  };
  const auto find_gradient = [&](Builder& builder, const Pass& pass) {
    add_mse_and_backward(builder, config_.network,
                         build_network(builder, config_.network, pass.corrupted), pass.corrupted,
                         pass.clean, pass.loss);
  };
  if (pair) corrupt_into(1);
  find_gradient(first, passes[0]);
  const OptimizerTensors optimizer = declare_optimizer(first);  // the weights are all known now
  add_update(first, optimizer, config_.adam);
  if (pair) {
    corrupt_into(0);
    Builder second = first.another_pass();
    find_gradient(second, passes[1]);
    add_update(second, optimizer, config_.adam);
  }
  return plan;
}

StepPipeline::StepPipeline(const Config& config, ParameterSet& parameters, DrawBatch draw_batch)
    : config_(config), draw_batch_(std::move(draw_batch)) {
  preparation_plan_ = plan_preparation();
  single_plan_ = plan_steps(parameters, false);
  pair_plan_ = plan_steps(parameters, true);
  preparation_layout_ = lay_out(preparation_plan_, true);
  single_layout_ = lay_out(single_plan_, true);
  pair_layout_ = lay_out(pair_plan_, false);
  for (int i = 0; i < 3; i++) streams_.emplace_back();
}

size_t StepPipeline::arena_bytes() const {
  return std::max({preparation_layout_.bytes, single_layout_.bytes, pair_layout_.bytes});
}

void StepPipeline::attach(std::byte* arena, size_t bytes, NamedBuffers& buffers) {
  const auto make = [&](const Plan& plan, const Layout& layout) {
    auto executor = std::make_unique<Executor>(plan, layout);
    executor->attach(arena, bytes);
    for (size_t i = 0; i < plan.tensors().size(); i++)
      if (plan.tensors()[i].name == "sources")
        executor->resize(static_cast<TensorId>(i),
                         {config_.sources, static_cast<int64_t>(sizeof(Source))});
    buffers.bind(*executor);
    return executor;
  };
  preparation_ = make(preparation_plan_, preparation_layout_);
  single_ = make(single_plan_, single_layout_);
  pair_ = make(pair_plan_, pair_layout_);
  device_draws_ = {&buffers["draws.0"], &buffers["draws.1"]};
  device_losses_ = &buffers["losses"];
  for (Pending& pending : pending_) {
    pending.draws = PinnedBuffer(2 * device_draws_[0]->bytes());
    pending.losses = PinnedBuffer(device_losses_->bytes());
  }
}

// Puts the draws of `batches` steps where the next enqueued work finds them.
void StepPipeline::upload(Pending& pending, int batches, const uint64_t* steps) {
  pending.copied.synchronize();  // the host may write this memory again
  auto* const draws = reinterpret_cast<Draw*>(pending.draws.data());
  for (int i = 0; i < batches; i++) draw_batch_(steps[i], draws + i * config_.batch);
  streams_[kCopy].wait(done_);  // nobody reads the draws of before any more
  for (int i = 0; i < batches; i++)
    // The first of a pair's uploads is for the second set: the first set's batch is prepared.
    cuda::copy_async(device_draws_[batches == 2 ? 1 - i : 0]->data(), draws + i * config_.batch,
                     device_draws_[0]->bytes(), streams_[kCopy]);
  pending.copied.record(streams_[kCopy]);
  streams_[kCompute].wait(pending.copied);
}

void StepPipeline::prepare(uint64_t step) {
  if (prepared_) return;
  Pending& pending = pending_[turn_];
  upload(pending, 1, &step);
  preparation_->run(Queue{Device::cuda, streams_[kCompute].get()});
  done_.record(streams_[kCompute]);
  prepared_ = true;
}

int StepPipeline::enqueue(uint64_t step, int at_most) {
  prepare(step);
  turn_ = 1 - turn_;
  Pending& pending = pending_[turn_];
  collect(pending);
  const bool pair = at_most >= 2;
  if (pair) {
    const uint64_t coming[] = {step + 1, step + 2};
    upload(pending, 2, coming);
    if (pairs_run_ < kUncaptured) {
      pair_->run_on(streams_);
      pairs_run_++;
    } else {
      if (!graph_.get()) graph_ = cuda::Graph(streams_[kCompute], [&] { pair_->run_on(streams_); });
      graph_.launch(streams_[kCompute]);
    }
  } else {
    single_->run(Queue{Device::cuda, streams_[kCompute].get()});
    prepared_ = false;
  }
  done_.record(streams_[kCompute]);
  pending.steps = pair ? 2 : 1;
  streams_[kCopy].wait(done_);
  cuda::copy_async(pending.losses.data(), device_losses_->data(),
                   static_cast<size_t>(pending.steps) * sizeof(float), streams_[kCopy]);
  pending.arrived.record(streams_[kCopy]);
  streams_[kCompute].wait(pending.arrived);  // before the next steps write their losses
  return pending.steps;
}

void StepPipeline::collect(Pending& pending) {
  if (pending.steps == 0) return;
  pending.arrived.synchronize();
  const auto* const values = reinterpret_cast<const float*>(pending.losses.data());
  losses_.insert(losses_.end(), values, values + pending.steps);
  pending.steps = 0;
}

void StepPipeline::finish() {
  collect(pending_[1 - turn_]);  // the older one first
  collect(pending_[turn_]);
  streams_[kCompute].synchronize();
  streams_[kCopy].synchronize();
}

void StepPipeline::run_profiled(uint64_t step) {
  prepare(step);
  finish();
  single_->run_profiled(Queue{Device::cuda, streams_[kCompute].get()});
  float loss;
  copy_between_devices(&loss, device_losses_->data(), sizeof(loss));
  losses_.push_back(loss);
  prepared_ = false;
}

}  // namespace dae
