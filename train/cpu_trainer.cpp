#include "train/cpu_trainer.h"

namespace dae {

CpuTrainer::CpuTrainer(const TrainerConfig& config, std::vector<Source> sources)
    : Trainer(config, std::move(sources)), step_(plan()) {}

Trainer::StepProgram CpuTrainer::plan() {
  Plan plan;
  Builder builder(Device::cpu, plan, parameters_, true);
  const int64_t size = config_.network.size;
  const Shape image = {own_batch(), size, size, 3};
  const TensorId clean = plan.tensor("clean", image, DType::u8);
  const TensorId corrupted = plan.tensor("corrupted", image);
  const TensorId records = plan.external("losses", {records_size()});
  const TensorId told = declare_told(plan, config_.network, own_batch());
  input_ = add_corruption(Device::cpu, plan, flags_of(config_.corruption), clean, corrupted,
                          {.told = told});
  add_gradients(builder, objective_,
                {.corrupted = corrupted, .clean = clean, .records = records, .told = told},
                config_.sharding);
  const OptimizerTensors kept = declare_optimizer(builder);
  add_update(plan, kept, config_.adam);
  return {Program(Device::cpu, std::move(plan)), kept, records};
}

MemoryNeed CpuTrainer::need_of_plans(bool) const {
  return memory_need(step_.program);
}

void CpuTrainer::attach() {
  Program& program = step_.program;
  program.attach({arena(), arena_bytes()});
  program.executor().resize(input_.sources, source_table(sources_.size()));
  program.allocate();
  program.write(input_.sources, sources_.data());
  next_.resize(static_cast<size_t>(own_batch()));
  ahead_.emplace([this](uint64_t number) { read(number); });
}

void CpuTrainer::read(uint64_t number) {
  draw_batch(number, next_.data());
  const int64_t size = config_.network.size;
  for (const Draw& draw : next_)
    touch_view(sources_[static_cast<size_t>(draw.view.image)], draw.view, size, size);
}

void CpuTrainer::draw(uint64_t number) {
  ahead_->wait_for(number);
  step_.program.write(input_.draws, next_.data());
  ahead_->begin(number + 1);
}

void CpuTrainer::note() {
  const Tensor& record = step_.program.tensor(step_.record);
  note_loss({record.as<const float>(), static_cast<size_t>(record.count())});
}

int CpuTrainer::take_steps(uint64_t number, int) {
  draw(number);
  step_.program.run();
  note();
  return 1;
}

std::optional<Executor::NotFinite> CpuTrainer::take_checked_step(uint64_t number, size_t at_most) {
  draw(number);
  return step_.program.executor().run_until_not_finite(Queue{}, at_most);
}

void CpuTrainer::take_profiled_step(uint64_t number) {
  draw(number);
  step_.program.executor().run_profiled(Queue{});
  note();
}

}  // namespace dae
