#include "model/trainer.h"

#include <algorithm>

#include "model/input.h"
#include "model/training_plan.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace dae {

Trainer::Trainer(const TrainerConfig& config, std::vector<Source> sources, size_t arena_bytes)
    : config_(config), sources_(std::move(sources)) {
  check(config.network);
  const Device device = config.device;
  Plan plan;
  Builder builder(device, plan, parameters_, true);
  const int64_t size = config.network.size;
  const Shape image = {config.batch, size, size, 3};
  const TensorId clean = plan.tensor("clean", image, DType::u8);
  const TensorId corrupted = plan.tensor("corrupted", image);
  const TensorId loss = plan.external("loss", {1});
  const InputTensors input = add_corruption(builder, flags_of(config.corruption), clean, corrupted);
  add_mse_and_backward(builder, config.network, build_network(builder, config.network, corrupted),
                       corrupted, clean, loss);
  const OptimizerTensors optimizer = declare_optimizer(builder);
  add_update(builder, optimizer, config.adam);

  layout_ = lay_out(plan, true);
  arena_ = Buffer(device, std::max(layout_.bytes, arena_bytes));
  executor_ = std::make_unique<Executor>(plan, layout_, arena_.data(), arena_.bytes());
  executor_->resize(input.sources,
                    {static_cast<int64_t>(sources_.size()), static_cast<int64_t>(sizeof(Source))});
  const auto own = [&](TensorId id, Buffer& memory) {
    memory = Buffer(device, executor_->tensors()[id].bytes());
    executor_->bind(id, memory.data());
  };
  own(builder.weights(), weights_);
  own(builder.gradients(), gradients_);
  own(optimizer.m, moment1_);
  own(optimizer.v, moment2_);
  own(optimizer.ema, ema_);
  own(optimizer.state, state_);
  own(loss, loss_);
  own(input.sources, source_table_);
  own(input.draws, draw_memory_);
  copy_between_devices(source_table_.data(), sources_.data(), source_table_.bytes());
  draws_.resize(static_cast<size_t>(config.batch));
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

// On the CPU a draw a view costs microseconds; the pixels are read by the corruption itself.
void Trainer::draw_batch() {
  const auto size = static_cast<int32_t>(config_.network.size);
  for (size_t slot = 0; slot < draws_.size(); slot++)
    draws_[slot] = draw_training(config_.corruption, config_.seed, static_cast<int64_t>(step_),
                                 static_cast<int64_t>(slot), sources_, size, size);
  copy_between_devices(draw_memory_.data(), draws_.data(), draw_memory_.bytes());
}

void Trainer::step() {
  draw_batch();
  executor_->run(Queue{config_.device});
  step_++;
}

void Trainer::step_profiled() {
  draw_batch();
  executor_->run_profiled(Queue{config_.device});
  step_++;
}

StepState Trainer::state() const {
  StepState state;
  copy_between_devices(&state, state_.data(), sizeof(state));
  return state;
}

float Trainer::loss() const {
  float loss;
  copy_between_devices(&loss, loss_.data(), sizeof(loss));
  return loss;
}

const Buffer& Trainer::buffer(Values values) const {
  switch (values) {
    case Values::weights:
      return weights_;
    case Values::ema:
      return ema_;
    case Values::moment1:
      return moment1_;
    case Values::moment2:
      break;
  }
  return moment2_;
}

std::vector<float> Trainer::read(Values values) const {
  std::vector<float> data(static_cast<size_t>(parameters_.count()));
  copy_between_devices(data.data(), buffer(values).data(), data.size() * sizeof(float));
  return data;
}

void Trainer::write(Values values, const std::vector<float>& data) {
  if (data.size() != static_cast<size_t>(parameters_.count()))
    fail("trainer: {} values for {} parameters", data.size(), parameters_.count());
  copy_between_devices(buffer(values).data(), data.data(), data.size() * sizeof(float));
}

void Trainer::write_state(const StepState& state) {
  copy_between_devices(state_.data(), &state, sizeof(state));
  step_ = state.step;
}

const float* Trainer::ema() const {
  return reinterpret_cast<const float*>(ema_.data());
}

std::string Trainer::memory_report() const {
  return describe_memory(executor_->plan(), layout_);
}

}  // namespace dae
