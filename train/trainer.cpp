#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "kernels/cast.h"
#include "model/input.h"
#include "model/perceptual.h"
#include "model/training_plan.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

Plan plan_cpu_step(const TrainerConfig& config, ParameterSet& parameters) {
  Plan plan;
  Builder builder(Device::cpu, plan, parameters, true);
  const int64_t size = config.network.size;
  const Shape image = {config.batch, size, size, 3};
  const TensorId clean = plan.tensor("clean", image, DType::u8);
  const TensorId corrupted = plan.tensor("corrupted", image);
  const TensorId loss = plan.external("losses", {loss_record_size(config.loss)});
  add_corruption(Device::cpu, plan, flags_of(config.corruption), clean, corrupted);
  add_loss_and_backward(builder, config.network, config.loss,
                        build_network(builder, config.network, corrupted), corrupted, clean, loss,
                        config.features.widths);
  add_update(builder, declare_optimizer(builder), config.adam);
  return plan;
}

StepPipeline::Config pipeline_config(const TrainerConfig& config,
                                     const std::vector<Source>& sources) {
  return {.network = config.network,
          .corruption = flags_of(config.corruption),
          .loss = config.loss,
          .feature_widths = config.features.widths,
          .adam = config.adam,
          .batch = config.batch,
          .sources = sources};
}

// What a run may plan for. On a GPU libraries, graphs and fragments take a little as well; a
// computer's other programs grow.
size_t usable_memory(Device device) {
  const size_t free = free_memory(device);
  return free - free / (device == Device::cuda ? 16 : 8);
}

MemoryNeed with_guest(MemoryNeed need, const Guest& guest) {
  need.arena = std::max(need.arena, guest.arena_bytes);
  need.validation = guest.own_bytes;
  return need;
}

// The least that a run can do with: photographs streamed where they can be.
MemoryNeed least_need(const TrainerConfig& config, const std::vector<Source>& sources,
                      const Guest& guest) {
  ParameterSet parameters;
  if (config.device == Device::cuda) {
    const StepPipeline pipeline(pipeline_config(config, sources), parameters, {}, {});
    return with_guest(pipeline.memory_need(false), guest);
  }
  const Plan plan = plan_cpu_step(config, parameters);
  return with_guest(memory_need(plan, lay_out(plan, true)), guest);
}

// The largest batch below config.batch that fits into `usable` bytes, found by laying out plans; 0
// when none does. Planning may itself run out of memory, since on a GPU it times the libraries.
int64_t largest_batch(TrainerConfig config, const std::vector<Source>& sources, const Guest& guest,
                      size_t usable) {
  int64_t fits = 0, too_large = config.batch;
  while (too_large - fits > 1) {
    config.batch = fits + (too_large - fits) / 2;
    bool does = false;
    try {
      does = least_need(config, sources, guest).total() <= usable;
    } catch (const OutOfMemory&) {
    }
    (does ? fits : too_large) = config.batch;
  }
  return fits;
}

}  // namespace

Trainer::Trainer(const TrainerConfig& config, std::vector<Source> sources, const Guest& guest)
    : config_(config),
      sources_(std::move(sources)),
      buffers_(config.device),
      record_sums_(static_cast<size_t>(loss_record_size(config.loss))) {
  check(config.network);
  check(config.loss, config.network.size);
  const bool cuda = config.device == Device::cuda;
  const auto refuse = [&](const std::string& why) {
    const int64_t batch = largest_batch(config, sources_, guest, usable_memory(config.device));
    throw OutOfMemory(batch > 0
                          ? fmt::format("batch {}: {}; the largest batch that fits is {}",
                                        config.batch, why, batch)
                          : fmt::format("{}; no batch fits: choose a smaller size or width", why));
  };
  Plan plan;
  Layout layout;
  try {
    if (cuda) {
      pipeline_ = std::make_unique<StepPipeline>(
          pipeline_config(config, sources_), parameters_,
          [this](uint64_t step, Draw* draws) { draw_batch(step, draws); },
          [this](std::span<const float> record) { note_loss(record); });
      need_ = with_guest(pipeline_->memory_need(false), guest);
    } else {
      plan = plan_cpu_step(config, parameters_);
      layout = lay_out(plan, true);
      need_ = with_guest(memory_need(plan, layout), guest);
    }
  } catch (const OutOfMemory& error) {
    refuse(error.what());
  }
  const size_t usable = usable_memory(config.device);  // beside what planning left loaded
  if (need_.total() > usable)
    refuse(fmt::format("{} of memory are needed and {} are free{}", show_bytes(need_.total()),
                       show_bytes(usable), cuda ? " on the GPU" : ""));
  if (cuda) {
    const MemoryNeed all = with_guest(pipeline_->memory_need(true), guest);
    const double left = double(usable) - double(all.total() - all.photographs);
    if (double(all.photographs) <= config.resident_share * left) need_ = all;
  }

  arena_ = Buffer(config.device, need_.arena);
  if (cuda) {
    pipeline_->attach(arena_.data(), arena_.bytes(), buffers_, need_.resident);
  } else {
    executor_ = std::make_unique<Executor>(std::move(plan), std::move(layout));
    executor_->attach(arena_.data(), arena_.bytes());
    executor_->resize(executor_->plan().find("sources"), {static_cast<int64_t>(sources_.size()),
                                                          static_cast<int64_t>(sizeof(Source))});
    buffers_.bind(*executor_);
    const Buffer& table = buffers_["sources"];
    copy_between_devices(table.data(), sources_.data(), table.bytes());
  }
  if (config.loss.has(LossKind::perceptual)) {
    const Buffer& features = buffers_[kFeatureWeights];
    if (config.features.values.size() * sizeof(float) != features.bytes())
      fail("trainer: the feature network has {} values where its widths make {}",
           config.features.values.size(), features.bytes() / sizeof(float));
    copy_between_devices(features.data(), config.features.values.data(), features.bytes());
  }
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

void Trainer::note_loss(std::span<const float> record) {
  loss_ = record[0];
  for (size_t i = 0; i < record.size(); i++) record_sums_[i] += record[i];
  loss_count_++;
}

int Trainer::run(int at_most) {
  if (pipeline_) {
    const int steps = pipeline_->enqueue(step_, at_most);
    step_ += static_cast<uint64_t>(steps);
    return steps;
  }
  draw_batch(step_, reinterpret_cast<Draw*>(buffers_["draws"].data()));
  executor_->run(Queue{});
  step_++;
  note_loss({reinterpret_cast<const float*>(buffers_["losses"].data()), record_sums_.size()});
  return 1;
}

void Trainer::run_profiled() {
  if (pipeline_) {
    pipeline_->run_profiled(step_);
  } else {
    draw_batch(step_, reinterpret_cast<Draw*>(buffers_["draws"].data()));
    executor_->run_profiled(Queue{});
    note_loss({reinterpret_cast<const float*>(buffers_["losses"].data()), record_sums_.size()});
  }
  step_++;
}

double Trainer::take_mean_loss() {
  if (pipeline_) pipeline_->finish();
  const auto mean = [&](size_t i) {
    return loss_count_ > 0 ? record_sums_[i] / static_cast<double>(loss_count_)
                           : std::numeric_limits<double>::quiet_NaN();
  };
  const double loss = mean(0);
  mean_terms_.clear();
  for (size_t i = 1; i < record_sums_.size(); i += 2) mean_terms_.push_back({mean(i), mean(i + 1)});
  std::fill(record_sums_.begin(), record_sums_.end(), 0.0);
  loss_count_ = 0;
  return loss;
}

const Executor& Trainer::executor() const {
  return pipeline_ ? pipeline_->single() : *executor_;
}

void Trainer::set_schedule(const Schedule& schedule) {
  StepState now = state();
  now.schedule = schedule;
  write_state(now);
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

Checkpoint Trainer::checkpoint() const {
  return {read(Values::weights), read(Values::ema), read(Values::moment1), read(Values::moment2),
          state()};
}

void Trainer::restore(const Checkpoint& checkpoint) {
  write(Values::weights, checkpoint.weights);
  write(Values::ema, checkpoint.ema);
  write(Values::moment1, checkpoint.moment1);
  write(Values::moment2, checkpoint.moment2);
  write_state(checkpoint.state);
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

}  // namespace dae
