#include "model/trainer.h"

#include <algorithm>
#include <limits>

#include "kernels/cast.h"
#include "model/input.h"
#include "model/training_plan.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace dae {

void Trainer::plan_cpu() {
  Plan plan;
  Builder builder(Device::cpu, plan, parameters_, true);
  const int64_t size = config_.network.size;
  const Shape image = {config_.batch, size, size, 3};
  const TensorId clean = plan.tensor("clean", image, DType::u8);
  const TensorId corrupted = plan.tensor("corrupted", image);
  const TensorId loss = plan.external("losses", {1});
  add_corruption(Device::cpu, plan, flags_of(config_.corruption), clean, corrupted);
  add_mse_and_backward(builder, config_.network, build_network(builder, config_.network, corrupted),
                       corrupted, clean, loss);
  add_update(builder, declare_optimizer(builder), config_.adam);
  layout_ = lay_out(plan, true);
  executor_ = std::make_unique<Executor>(std::move(plan), layout_);
}

Trainer::Trainer(const TrainerConfig& config, std::vector<Source> sources, size_t arena_bytes)
    : config_(config), sources_(std::move(sources)), buffers_(config.device) {
  check(config.network);
  const auto count = static_cast<int64_t>(sources_.size());
  if (config.device == Device::cuda) {
    pipeline_ = std::make_unique<StepPipeline>(
        StepPipeline::Config{config.network, flags_of(config.corruption), config.adam, config.batch,
                             count},
        parameters_, [this](uint64_t step, Draw* draws) { draw_batch(step, draws); });
    arena_ = Buffer(config.device, std::max(pipeline_->arena_bytes(), arena_bytes));
    pipeline_->attach(arena_.data(), arena_.bytes(), buffers_);
  } else {
    plan_cpu();
    arena_ = Buffer(config.device, std::max(layout_.bytes, arena_bytes));
    executor_->attach(arena_.data(), arena_.bytes());
    executor_->resize(executor_->plan().find("sources"),
                      {count, static_cast<int64_t>(sizeof(Source))});
    buffers_.bind(*executor_);
  }
  const Buffer& table = buffers_["sources"];
  copy_between_devices(table.data(), sources_.data(), table.bytes());
  reset(config.schedule);
}

void Trainer::reset(const Schedule& schedule) {
  std::vector<float> values(static_cast<size_t>(parameters_.count()));
  write(Values::moment1, values);
  write(Values::moment2, values);
  parameters_.initialize(config_.seed, values.data());
  write(Values::weights, values);
  write(Values::ema, values);
  write_state({.schedule = schedule});
}

// A draw a view costs microseconds; the pixels are read by the corruption itself.
void Trainer::draw_batch(uint64_t step, Draw* draws) const {
  const auto size = static_cast<int32_t>(config_.network.size);
  for (int64_t slot = 0; slot < config_.batch; slot++)
    draws[slot] = draw_training(config_.corruption, config_.seed, static_cast<int64_t>(step), slot,
                                sources_, size, size);
}

void Trainer::note_losses(const std::vector<float>& losses) {
  for (const float loss : losses) {
    loss_ = loss;
    loss_sum_ += loss;
    loss_count_++;
  }
}

int Trainer::run(int at_most) {
  if (pipeline_) {
    const int steps = pipeline_->enqueue(step_, at_most);
    step_ += static_cast<uint64_t>(steps);
    note_losses(pipeline_->take_losses());
    return steps;
  }
  draw_batch(step_, reinterpret_cast<Draw*>(buffers_["draws"].data()));
  executor_->run(Queue{});
  step_++;
  loss_ = *reinterpret_cast<const float*>(buffers_["losses"].data());
  loss_sum_ += loss_;
  loss_count_++;
  return 1;
}

void Trainer::run_profiled() {
  if (pipeline_) {
    pipeline_->run_profiled(step_);
    note_losses(pipeline_->take_losses());
  } else {
    draw_batch(step_, reinterpret_cast<Draw*>(buffers_["draws"].data()));
    executor_->run_profiled(Queue{});
    note_losses({*reinterpret_cast<const float*>(buffers_["losses"].data())});
  }
  step_++;
}

double Trainer::take_mean_loss() {
  if (pipeline_) {
    pipeline_->finish();
    note_losses(pipeline_->take_losses());
  }
  const double mean = loss_count_ > 0 ? loss_sum_ / static_cast<double>(loss_count_)
                                      : std::numeric_limits<double>::quiet_NaN();
  loss_sum_ = 0;
  loss_count_ = 0;
  return mean;
}

const Executor& Trainer::executor() const {
  return pipeline_ ? pipeline_->single() : *executor_;
}

StepState Trainer::state() const {
  if (pipeline_) pipeline_->finish();
  StepState state;
  copy_between_devices(&state, buffers_["state"].data(), sizeof(state));
  return state;
}

const Buffer& Trainer::buffer(Values values) const {
  switch (values) {
    case Values::weights:
      return buffers_["weights"];
    case Values::ema:
      return buffers_["ema"];
    case Values::moment1:
      return buffers_["moment1"];
    case Values::moment2:
      break;
  }
  return buffers_["moment2"];
}

std::vector<float> Trainer::read(Values values) const {
  if (pipeline_) pipeline_->finish();
  std::vector<float> data(static_cast<size_t>(parameters_.count()));
  copy_between_devices(data.data(), buffer(values).data(), data.size() * sizeof(float));
  return data;
}

void Trainer::write(Values values, const std::vector<float>& data) {
  if (data.size() != static_cast<size_t>(parameters_.count()))
    fail("trainer: {} values for {} parameters", data.size(), parameters_.count());
  if (pipeline_) pipeline_->finish();
  copy_between_devices(buffer(values).data(), data.data(), data.size() * sizeof(float));
  if (values == Values::weights && config_.network.dtype == DType::bf16) {
    const Shape flat = {parameters_.count()};
    cast(Queue{config_.device}, {buffers_["weights"].data(), flat},
         {buffers_["weights.bf16"].data(), flat, DType::bf16});
    synchronize_device();
  }
}

void Trainer::write_state(const StepState& state) {
  if (pipeline_) {
    pipeline_->finish();
    pipeline_->restart();
  }
  copy_between_devices(buffers_["state"].data(), &state, sizeof(state));
  step_ = state.step;
}

const float* Trainer::ema() const {
  return reinterpret_cast<const float*>(buffers_["ema"].data());
}

std::string Trainer::memory_report() const {
  return pipeline_ ? pipeline_->memory_report() : describe_memory(executor_->plan(), layout_);
}

}  // namespace dae
