#include "train/step_pipeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/device.h"
#include "train/elapsed.h"

namespace dae {
namespace {

constexpr int kCompute = 0, kInput = 1, kCopy = 2, kWeights = 3, kBetweenRanks = 4;
constexpr int kUncaptured = 1;  // pairs: the libraries set themselves up in their first calls

}  // namespace

// Only the corruption of the batch that comes next, into the first set of memory.
Program StepPipeline::plan_preparation() {
  Plan plan;
  const Shape image = {own_batch(), config_.network.size, config_.network.size, 3};
  prepared_input_ = add_corruption(
      Device::cuda, plan, flags_of(config_.corruption), plan.external("clean.0", image, DType::u8),
      plan.external("corrupted.0", image),
      {.draws = "draws.0",
       .told = declare_told(plan, config_.network, own_batch(), "told.0"),
       .rounded = declare_rounded(plan, config_.network, image, "corrupted.bf16.0")});
  return {Device::cuda, std::move(plan)};
}

// One step on the first set of memory; of a pair, besides, the next step on the second, and the
// corruptions that fill each set while the other is in use.
Trainer::StepProgram StepPipeline::plan_steps(bool pair) {
  Plan plan;
  Builder first(Device::cuda, plan, parameters_, true, config_.network.dtype);
  first.use_streams({.weights = kWeights, .aside = kInput});
  const Shape image = {own_batch(), config_.network.size, config_.network.size, 3};
  const TensorId records = plan.external("losses", {2 * records_size()});
  std::array<Pass, 2> passes;
  for (int i = 0; i < (pair ? 2 : 1); i++)
    passes[i] = {
        plan.external(fmt::format("clean.{}", i), image, DType::u8),
        plan.external(fmt::format("corrupted.{}", i), image),
        plan.slice(records, fmt::format("loss.{}", i), i * records_size(), {records_size()}),
        declare_told(plan, config_.network, own_batch(), fmt::format("told.{}", i)),
        declare_rounded(plan, config_.network, image, fmt::format("corrupted.bf16.{}", i))};
  TensorId sources = kNoTensor;
  const auto corrupt_into = [&](int i) {
    inputs_[i] = add_corruption(Device::cuda, plan, flags_of(config_.corruption), passes[i].clean,
                                passes[i].corrupted,
                                {.draws = i == 0 ? "draws.0" : "draws.1",
                                 .stream = kInput,
                                 .sources = sources,
                                 .told = passes[i].told,
                                 .rounded = passes[i].rounded});
    sources = inputs_[i].sources;
  };
  if (pair) corrupt_into(1);
  const auto learn_from = [&](Builder& builder, const Pass& pass) {
    add_gradients(builder, objective_,
                  {.corrupted = pass.corrupted,
                   .clean = pass.clean,
                   .records = pass.record,
                   .told = pass.told,
                   .rounded = pass.rounded,
                   .exchange = config_.sharding.gpus ? kBetweenRanks : 0},
                  config_.sharding);
  };
  learn_from(first, passes[0]);
  const OptimizerTensors kept = declare_optimizer(first);
  add_update(plan, kept, config_.adam);
  if (pair) {
    corrupt_into(0);
    Builder second = first.another_pass();
    learn_from(second, passes[1]);
    add_update(plan, kept, config_.adam);
  }
  return {Program(Device::cuda, std::move(plan), !pair), kept, records};
}

StepPipeline::StepPipeline(const TrainerConfig& config, std::vector<Source> sources)
    : Trainer(config, std::move(sources)),
      preparation_(plan_preparation()),
      single_(plan_steps(false)),
      pair_(plan_steps(true)) {
  for (int i = 0; i <= (config.sharding.gpus ? kBetweenRanks : kWeights); i++)
    streams_.emplace_back();
}

// Memory is given back once its GPU has done all work, of which an exchange may wait for a rank that this one no
// longer waits for.
StepPipeline::~StepPipeline() {
  if (!config_.sharding.gpus || std::uncaught_exceptions() == exceptions_) return;
  graph_ = {};
  config_.sharding.gpus->abort();
}

void StepPipeline::wait(const cuda::Event& event) const {
  if (config_.sharding.gpus)
    config_.sharding.gpus->wait(event);
  else
    event.synchronize();
}

size_t StepPipeline::view_bytes() const {
  return slot_bytes(sources_, config_.network.size, config_.network.size);
}

size_t StepPipeline::record_bytes() const {
  return static_cast<size_t>(records_size()) * sizeof(float);
}

MemoryNeed StepPipeline::need_of_plans(bool resident) const {
  MemoryNeed need = memory_need(pair_.program);
  need.arena = std::max({preparation_.layout().bytes, single_.program.layout().bytes, need.arena});
  const size_t images = sources_.size(), slot_count = static_cast<size_t>(slots());
  need.resident = resident;
  need.photographs = resident ? bytes_of(sources_) + images * sizeof(Source)
                              : slot_count * (view_bytes() + sizeof(Source));
  need.pinned = slot_count * (sizeof(Draw) + (resident ? 0 : view_bytes())) + 4 * record_bytes();
  return need;
}

void StepPipeline::attach() {
  if (memory().resident) {
    pictures_ = upload_pictures(sources_);
  } else {
    slots_ = Buffer(Device::cuda, static_cast<size_t>(slots()) * view_bytes());
    pictures_.table =
        slot_table(sources_, slots_.data(), slots(), config_.network.size, config_.network.size);
  }
  const Shape table = source_table(pictures_.table.size());
  preparation_.executor().resize(prepared_input_.sources, table);
  pair_.program.executor().resize(inputs_[0].sources, table);
  for (Program* const program : {&preparation_, &single_.program, &pair_.program}) {
    program->attach({arena(), arena_bytes()});
    buffers_.bind(program->executor());
  }
  preparation_.write(prepared_input_.sources, pictures_.table.data());
  for (Pending& pending : pending_) {
    pending.draws = PinnedBuffer(2 * preparation_.tensor(prepared_input_.draws).bytes());
    if (!memory().resident) pending.views = PinnedBuffer(slots_.bytes() / 2);
    pending.losses = PinnedBuffer(2 * record_bytes());
  }
}

// Puts the draws of `batches` steps, and their views, where the next enqueued work finds them.
void StepPipeline::upload(int turn, int batches, const uint64_t* numbers) {
  Pending& pending = pending_[turn];
  wait(pending.copied);  // the host may write this memory again
  auto* const draws = reinterpret_cast<Draw*>(pending.draws.data());
  auto* const views = reinterpret_cast<uint8_t*>(pending.views.data());
  const auto batch = static_cast<size_t>(own_batch());
  for (int i = 0; i < batches; i++) {
    // The first of a pair's uploads is for the second set: the first set's batch is prepared.
    const int set = batches == 2 ? 1 - i : 0;
    const size_t place = static_cast<size_t>(set) * batch;
    draw_batch(numbers[i], draws + place);
    if (!memory().resident)
      cut_views(sources_, config_.network.size, config_.network.size, first_slot(turn, set),
                {draws + place, batch}, views + place * view_bytes());
  }
  const cuda::Stream& copy = streams_[kCopy];
  if (!memory().resident) {
    upload_.wait(pending.consumed);
    cuda::copy_async(slots_.data() + static_cast<size_t>(first_slot(turn, 0)) * view_bytes(), views,
                     static_cast<size_t>(batches) * batch * view_bytes(), upload_);
    uploaded_.record(upload_);
    copy.wait(uploaded_);
  }
  copy.wait(done_);  // nobody reads the draws of before any more
  for (int set = 0; set < batches; set++) {
    const Tensor& of_set = pair_.program.tensor(inputs_[set].draws);
    cuda::copy_async(of_set.data, draws + static_cast<size_t>(set) * batch, of_set.bytes(), copy);
  }
  pending.copied.record(copy);
  streams_[kCompute].wait(pending.copied);
}

void StepPipeline::prepare(uint64_t number) {
  if (prepared_ == number) return;
  upload(turn_, 1, &number);
  preparation_.executor().run(Queue{Device::cuda, streams_[kCompute].get()});
  pending_[turn_].consumed.record(streams_[kCompute]);
  done_.record(streams_[kCompute]);
  prepared_ = number;
}

int StepPipeline::take_steps(uint64_t number, int at_most) {
  prepare(number);
  turn_ = 1 - turn_;
  Pending& pending = pending_[turn_];
  collect(pending);
  const bool pair = at_most >= 2;
  Pending& before = pending_[1 - turn_];
  Executor& executor = pair_.program.executor();
  if (pair) {
    const uint64_t coming[] = {number + 1, number + 2};
    upload(turn_, 2, coming);
    end_gap(before);
    if (pairs_run_ < kUncaptured) {
      executor.run_on(streams_);
      pairs_run_++;
    } else {
      if (!graph_.get())
        graph_ = cuda::Graph(streams_[kCompute], [&] { executor.run_on(streams_); });
      graph_.launch(streams_[kCompute]);
    }
    pending.consumed.record(streams_[kCompute]);
    prepared_ = number + 2;
  } else {
    end_gap(before);
    single_.program.executor().run(Queue{Device::cuda, streams_[kCompute].get()});
    prepared_.reset();
  }
  done_.record(streams_[kCompute]);
  pending.steps = pair ? 2 : 1;
  streams_[kCopy].wait(done_);
  cuda::copy_async(pending.losses.data(), pair_.program.tensor(pair_.record).data,
                   static_cast<size_t>(pending.steps) * record_bytes(), streams_[kCopy]);
  pending.arrived.record(streams_[kCopy]);
  streams_[kCompute].wait(pending.arrived);  // before the next steps write their losses
  pending.gap.start(streams_[kCompute].get());
  pending.gap_begun = true;
  return pending.steps;
}

// Between steps that follow each other the GPU has nothing to do only where draws and views come late.
void StepPipeline::end_gap(Pending& pending) {
  if (!pending.gap_begun) return;
  pending.gap.stop(streams_[kCompute].get());
  pending.gap_over = true;
}

void StepPipeline::collect(Pending& pending) {
  if (pending.steps == 0) return;
  wait(pending.arrived);
  const auto* const values = reinterpret_cast<const float*>(pending.losses.data());
  const auto size = static_cast<size_t>(records_size());
  for (size_t i = 0; i < static_cast<size_t>(pending.steps); i++)
    note_loss({values + i * size, size});
  pending.steps = 0;
  if (pending.gap_over) seconds_waited_ += pending.gap.seconds();
  pending.gap_begun = pending.gap_over = false;
}

void StepPipeline::finish() {
  collect(pending_[1 - turn_]);  // the older one first
  collect(pending_[turn_]);
  wait(done_);
  streams_[kCompute].synchronize();
  streams_[kCopy].synchronize();
}

void StepPipeline::take_profiled_step(uint64_t number) {
  const Elapsed preparing;  // with nothing beside it
  prepare(number);
  seconds_waited_ += preparing.seconds();
  finish();
  single_.program.executor().run_profiled(Queue{Device::cuda, streams_[kCompute].get()}, [&] {
    done_.record(streams_[kCompute]);
    wait(done_);
  });
  const std::vector<float> records = single_.program.floats(single_.record);
  note_loss({records.data(), static_cast<size_t>(records_size())});
  prepared_.reset();
}

std::optional<Executor::NotFinite> StepPipeline::take_checked_step(uint64_t number,
                                                                   size_t at_most) {
  prepare(number);
  finish();
  prepared_.reset();
  return single_.program.executor().run_until_not_finite(
      Queue{Device::cuda, streams_[kCompute].get()}, at_most);
}

}  // namespace dae
