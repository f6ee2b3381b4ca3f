#include "train/step_pipeline.h"

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
  const TensorId losses = plan.external("losses", {2 * record_size_});
  std::array<Pass, 2> passes;
  for (int i = 0; i < (pair ? 2 : 1); i++)
    passes[i] = {plan.external(fmt::format("clean.{}", i), image, DType::u8),
                 plan.external(fmt::format("corrupted.{}", i), image),
                 plan.slice(losses, fmt::format("loss.{}", i), i * record_size_, {record_size_})};
  const auto corrupt_into = [&](int i) {
    add_corruption(Device::cuda, plan, config_.corruption, passes[i].clean, passes[i].corrupted,
                   {.draws = i == 0 ? "draws.0" : "draws.1", .stream = kInput});
  };
  const auto find_gradient = [&](Builder& builder, const Pass& pass) {
    add_loss_and_backward(builder, config_.network, config_.loss,
                          build_network(builder, config_.network, pass.corrupted), pass.corrupted,
                          pass.clean, pass.loss, config_.feature_widths);
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

StepPipeline::StepPipeline(const Config& config, ParameterSet& parameters, DrawBatch draw_batch,
                           NoteLoss note_loss)
    : config_(config),
      record_size_(loss_record_size(config.loss)),
      draw_batch_(std::move(draw_batch)),
      note_loss_(std::move(note_loss)) {
  preparation_plan_ = plan_preparation();
  single_plan_ = plan_steps(parameters, false);
  pair_plan_ = plan_steps(parameters, true);
  preparation_layout_ = lay_out(preparation_plan_, true);
  single_layout_ = lay_out(single_plan_, true);
  pair_layout_ = lay_out(pair_plan_, false);
  for (int i = 0; i < 3; i++) streams_.emplace_back();
}

size_t StepPipeline::view_bytes() const {
  return static_cast<size_t>(3 * config_.network.size * config_.network.size);
}

MemoryNeed StepPipeline::memory_need(bool resident) const {
  MemoryNeed need = dae::memory_need(pair_plan_, pair_layout_);
  need.arena = std::max({preparation_layout_.bytes, single_layout_.bytes, pair_layout_.bytes});
  const size_t images = config_.sources.size(), slot_count = static_cast<size_t>(slots());
  need.resident = resident;
  need.photographs = resident ? bytes_of(config_.sources) + images * sizeof(Source)
                              : slot_count * (view_bytes() + sizeof(Source));
  need.pinned = slot_count * (sizeof(Draw) + (resident ? 0 : view_bytes())) + 4 * sizeof(float);
  return need;
}

void StepPipeline::attach(std::byte* arena, size_t bytes, NamedBuffers& buffers, bool resident) {
  resident_ = resident;
  if (resident) {
    pictures_ = upload_pictures(config_.sources);
  } else {
    slots_ = Buffer(Device::cuda, static_cast<size_t>(slots()) * view_bytes());
    pictures_.table =
        slot_table(slots_.data(), slots(), config_.network.size, config_.network.size);
  }
  const Shape table = {static_cast<int64_t>(pictures_.table.size()),
                       static_cast<int64_t>(sizeof(Source))};
  const auto make = [&](const Plan& plan, const Layout& layout) {
    auto executor = std::make_unique<Executor>(plan, layout);
    executor->attach(arena, bytes);
    for (size_t i = 0; i < plan.tensors().size(); i++)
      if (plan.tensors()[i].name == "sources") executor->resize(static_cast<TensorId>(i), table);
    buffers.bind(*executor);
    return executor;
  };
  preparation_ = make(preparation_plan_, preparation_layout_);
  single_ = make(single_plan_, single_layout_);
  pair_ = make(pair_plan_, pair_layout_);
  copy_between_devices(buffers["sources"].data(), pictures_.table.data(),
                       pictures_.table.size() * sizeof(Source));
  device_draws_ = {&buffers["draws.0"], &buffers["draws.1"]};
  device_losses_ = &buffers["losses"];
  for (Pending& pending : pending_) {
    pending.draws = PinnedBuffer(2 * device_draws_[0]->bytes());
    if (!resident) pending.views = PinnedBuffer(slots_.bytes() / 2);
    pending.losses = PinnedBuffer(device_losses_->bytes());
  }
}

// Puts the draws of `batches` steps, and their views, where the next enqueued work finds them.
void StepPipeline::upload(int turn, int batches, const uint64_t* steps) {
  Pending& pending = pending_[turn];
  pending.copied.synchronize();  // the host may write this memory again
  auto* const draws = reinterpret_cast<Draw*>(pending.draws.data());
  auto* const views = reinterpret_cast<uint8_t*>(pending.views.data());
  const auto batch = static_cast<size_t>(config_.batch);
  for (int i = 0; i < batches; i++) {
    // The first of a pair's uploads is for the second set: the first set's batch is prepared.
    const int set = batches == 2 ? 1 - i : 0;
    const size_t place = static_cast<size_t>(set) * batch;
    draw_batch_(steps[i], draws + place);
    if (!resident_)
      cut_views(config_.sources, config_.network.size, config_.network.size, first_slot(turn, set),
                {draws + place, batch}, views + place * view_bytes());
  }
  const cuda::Stream& copy = streams_[kCopy];
  if (!resident_) {
    upload_.wait(pending.consumed);
    cuda::copy_async(slots_.data() + static_cast<size_t>(first_slot(turn, 0)) * view_bytes(), views,
                     static_cast<size_t>(batches) * batch * view_bytes(), upload_);
    uploaded_.record(upload_);
    copy.wait(uploaded_);
  }
  copy.wait(done_);  // nobody reads the draws of before any more
  for (int set = 0; set < batches; set++)
    cuda::copy_async(device_draws_[set]->data(), draws + static_cast<size_t>(set) * batch,
                     device_draws_[set]->bytes(), copy);
  pending.copied.record(copy);
  streams_[kCompute].wait(pending.copied);
}

void StepPipeline::prepare(uint64_t step) {
  if (prepared_) return;
  upload(turn_, 1, &step);
  preparation_->run(Queue{Device::cuda, streams_[kCompute].get()});
  pending_[turn_].consumed.record(streams_[kCompute]);
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
    upload(turn_, 2, coming);
    if (pairs_run_ < kUncaptured) {
      pair_->run_on(streams_);
      pairs_run_++;
    } else {
      if (!graph_.get()) graph_ = cuda::Graph(streams_[kCompute], [&] { pair_->run_on(streams_); });
      graph_.launch(streams_[kCompute]);
    }
    pending.consumed.record(streams_[kCompute]);
  } else {
    single_->run(Queue{Device::cuda, streams_[kCompute].get()});
    prepared_ = false;
  }
  done_.record(streams_[kCompute]);
  pending.steps = pair ? 2 : 1;
  streams_[kCopy].wait(done_);
  cuda::copy_async(pending.losses.data(), device_losses_->data(),
                   static_cast<size_t>(pending.steps * record_size_) * sizeof(float),
                   streams_[kCopy]);
  pending.arrived.record(streams_[kCopy]);
  streams_[kCompute].wait(pending.arrived);  // before the next steps write their losses
  return pending.steps;
}

void StepPipeline::collect(Pending& pending) {
  if (pending.steps == 0) return;
  pending.arrived.synchronize();
  const auto* const values = reinterpret_cast<const float*>(pending.losses.data());
  const auto size = static_cast<size_t>(record_size_);
  for (int i = 0; i < pending.steps; i++) note_loss_({values + i * record_size_, size});
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
  std::vector<float> record(static_cast<size_t>(record_size_));
  copy_between_devices(record.data(), device_losses_->data(), record.size() * sizeof(float));
  note_loss_(record);
  prepared_ = false;
}

}  // namespace dae
