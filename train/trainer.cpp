#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/text.h"
#include "kernels/cast.h"
#include "model/perceptual.h"
#include "record/device_record.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "train/cpu_trainer.h"
#include "train/step_pipeline.h"

namespace dae {
namespace {

// A trainer that has its plans and no memory yet.
std::unique_ptr<Trainer> plan_trainer(const TrainerConfig& config,
                                      const std::vector<Source>& sources) {
  if (config.device == Device::cuda) return std::make_unique<StepPipeline>(config, sources);
  return std::make_unique<CpuTrainer>(config, sources);
}

// The largest batch below config.batch of which `fits` is true, found by planning; 0 when none
// does. Planning may itself run out of memory, since on a GPU it times the libraries.
template <class Fits>
int64_t largest_batch(TrainerConfig config, const std::vector<Source>& sources, const Fits& fits) {
  const int64_t shards = config.sharding.shards;
  int64_t good = 0, too_large = config.batch / shards;  // crops a shard
  while (too_large - good > 1) {
    const int64_t tried = good + (too_large - good) / 2;
    config.batch = tried * shards;
    bool does = false;
    try {
      does = fits(*plan_trainer(config, sources));
    } catch (const OutOfMemory&) {
    }
    (does ? good : too_large) = tried;
  }
  return good * shards;
}

// Engines of the GPU's libraries are chosen by time, and have bits of their own: rank 0 chooses for all.
std::unique_ptr<Trainer> plan_as_rank_zero(const TrainerConfig& config,
                                           const std::vector<Source>& sources) {
  if (!config.sharding.gpus) return plan_trainer(config, sources);
  Communicator& ranks = *config.sharding.ranks;
  const bool chooses = ranks.rank() == 0;
  std::unique_ptr<Trainer> trainer;
  if (chooses) trainer = plan_trainer(config, sources);
  const nlohmann::json there =
      json_from(broadcast(ranks, chooses ? describe_device(config.device).dump() : ""));
  if (chooses) return trainer;
  reuse_engines(there);
  trainer = plan_trainer(config, sources);
  const std::vector<std::string> changes = device_changes(there, describe_device(config.device));
  if (!changes.empty())
    fail("compared with rank 0, {}: the ranks would not round alike", fmt::join(changes, "; "));
  return trainer;
}

// Ranks of one machine have the same memory, but each a GPU of its own: it is looked at before any of them takes its
// part.
size_t usable_by_each(const TrainerConfig& config) {
  Communicator* const ranks = config.sharding.ranks;
  if (!ranks || config.device == Device::cuda) return usable_memory(config.device);
  meet(*ranks);
  const size_t usable = usable_memory(config.device);
  meet(*ranks);
  size_t here = 0;
  for (int rank = 0; rank < ranks->size(); rank++)
    if (ranks->machine(rank) == ranks->machine(ranks->rank())) here++;
  return usable / here;
}

}  // namespace

std::unique_ptr<Trainer> make_trainer(const TrainerConfig& config, std::vector<Source> sources,
                                      const ValidationNeed& validation) {
  check(config.network);
  check(config.loss, config.network.size);
  check(config.sharding, config.batch);
  const auto refuse = [&](const std::string& why, size_t usable) {
    // The least that a run can do with: photographs streamed where they can be.
    const int64_t batch = largest_batch(config, sources, [&](const Trainer& smaller) {
      return smaller.need(false, validation).total() <= usable;
    });
    throw OutOfMemory(batch > 0
                          ? fmt::format("batch {}: {}; the largest batch that fits is {}",
                                        config.batch, why, batch)
                          : fmt::format("{}; no batch fits: choose a smaller size or width", why));
  };
  std::unique_ptr<Trainer> trainer;
  try {
    trainer = plan_as_rank_zero(config, sources);
  } catch (const OutOfMemory& error) {
    refuse(error.what(), usable_memory(config.device));
  }
  const size_t usable = usable_by_each(config);  // beside what planning left loaded
  MemoryNeed need = trainer->need(false, validation);
  if (need.total() > usable) refuse(shortage(need, usable, config.device), usable);
  const MemoryNeed all = trainer->need(true, validation);
  const double left = double(usable) - double(all.total() - all.photographs);
  if (double(all.photographs) <= config.resident_share * left) need = all;
  if (config.device == Device::cpu) need.loaded = resident_memory();
  trainer->start(need);
  return trainer;
}

Trainer::Trainer(const TrainerConfig& config, std::vector<Source> sources)
    : config_(config),
      sources_(std::move(sources)),
      checked_(config.check_source ? sources_.size() : 0),
      objective_{config.network, config.loss, config.features.widths},
      record_sums_(static_cast<size_t>(objective_.record_size())) {}

MemoryNeed Trainer::need(bool resident, const ValidationNeed& validation) const {
  MemoryNeed need = need_of_plans(resident);
  need.arena = std::max(need.arena, validation.arena_bytes);
  need.validation = validation.own_bytes;
  if (config_.device == Device::cpu)
    need.checkpoint = 4 * sizeof(float) * static_cast<size_t>(parameters_.count());
  return need;
}

Trainer::~Trainer() {
  try {
    if (started_) tell({Order::end});
  } catch (const std::exception&) {  // whoever does not hear it is beyond it
  }
}

void Trainer::start(const MemoryNeed& need) {
  need_ = need;
  arena_ = Buffer(config_.device, need.arena);
  attach();
  if (config_.loss.has(LossKind::perceptual)) {
    const Program& program = step().program;
    const TensorId features = program.plan().find(kFeatureWeights);
    const auto count = static_cast<size_t>(program.tensor(features).count());
    if (config_.features.values.size() != count)
      fail("trainer: the feature network has {} values where its widths make {}",
           config_.features.values.size(), count);
    program.write(features, config_.features.values.data());
  }
  reset(config_.schedule);
  started_ = true;
}

void Trainer::reset(const Schedule& schedule) {
  const std::vector<float> zeros(static_cast<size_t>(parameters_.count()));
  std::vector<float> first = zeros;
  parameters_.initialize(config_.seed, first.data());
  restore({first, first, zeros, zeros, {.schedule = schedule}});
}

void Trainer::set_schedule(const Schedule& schedule) {
  tell({.order = Order::set_schedule, .state = {.schedule = schedule}});
  put_schedule(schedule);
}

void Trainer::put_schedule(const Schedule& schedule) {
  StepState changed = state();
  changed.schedule = schedule;
  step().program.write(step().kept.state, &changed);
}

// A draw a view costs microseconds; the pixels are read by the corruption itself.
void Trainer::draw_batch(uint64_t number, Draw* draws) {
  const auto size = static_cast<int32_t>(config_.network.size);
  const int64_t first = config_.sharding.rank() * own_batch();
  for (int64_t slot = 0; slot < own_batch(); slot++)
    draws[slot] = draw_training(config_.corruption, config_.seed, static_cast<int64_t>(number),
                                first + slot, sources_, size, size);
  if (!config_.check_source) return;
  for (int64_t slot = 0; slot < own_batch(); slot++) {
    const auto source = static_cast<size_t>(draws[slot].view.image);
    if (checked_[source]) continue;
    config_.check_source(draws[slot].view.image);
    checked_[source] = true;
  }
}

// A loss over the batch is the mean of those over its shards. Of a term's gradient over the batch each shard
// has a part, divided by the number of shards: the norms' squares add up.
void Trainer::note_loss(std::span<const float> records) {
  const size_t size = record_sums_.size(), shards = records.size() / size;
  for (size_t i = 0; i < size; i++) {
    const bool norm = i > 0 && i % 2 == 0;
    double of_batch = records[i];
    if (shards > 1) {
      double sum = 0;
      for (size_t shard = 0; shard < shards; shard++) {
        const double value = records[shard * size + i];
        sum += norm ? value * value : value;
      }
      of_batch = (norm ? std::sqrt(sum) : sum) / static_cast<double>(shards);
    }
    if (i == 0) loss_ = static_cast<float>(of_batch);
    record_sums_[i] += of_batch;
  }
  loss_count_++;
}

int Trainer::run(int at_most) {
  tell({.order = Order::run, .at_most = at_most});
  return take(at_most);
}

int Trainer::take(int at_most) {
  const int steps = take_steps(number_, at_most);
  number_ += static_cast<uint64_t>(steps);
  return steps;
}

void Trainer::run_profiled() {
  tell({.order = Order::run_profiled});
  take_profiled();
}

void Trainer::take_profiled() {
  take_profiled_step(number_);
  number_++;
}

std::string Trainer::where_not_finite() {
  tell({.order = Order::find_not_finite});
  return all_not_finite();
}

// Up to where the ranks meet: one that has found something would not come.
std::string Trainer::own_not_finite() {
  finish();
  const Plan& plan = executor().plan();
  const auto meeting = std::find_if(plan.steps().begin(), plan.steps().end(),
                                    [](const Step& s) { return s.op == kExchange; });
  const std::optional<Executor::NotFinite> found =
      take_checked_step(number_ - 1, static_cast<size_t>(meeting - plan.steps().begin()));
  if (!found) return "";
  const Step& at = plan.steps()[found->step];
  return fmt::format("{} of {} leaves it in {}", at.op, at.name,
                     plan.tensors()[found->tensor].name);
}

std::string Trainer::all_not_finite() {
  std::string own = own_not_finite();
  Communicator* const ranks = config_.sharding.ranks;
  if (!ranks) return own;
  std::string all;
  const std::vector<std::string> found = gather(*ranks, own);
  for (size_t i = 0; i < found.size(); i++)
    if (!found[i].empty())
      all += fmt::format("{}{} ({})", all.empty() ? "" : "; ", found[i],
                         describe(*ranks, static_cast<int>(i)));
  return all;
}

double Trainer::take_mean_loss() {
  finish();
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

StepState Trainer::state() {
  finish();
  StepState state;
  step().program.read(step().kept.state, &state);
  return state;
}

Checkpoint Trainer::checkpoint() {
  finish();
  const auto& [program, kept, record] = step();
  return {program.floats(kept.weights),
          program.floats(kept.ema),
          program.floats(kept.m),
          program.floats(kept.v),
          state(),
          loss_count_,
          record_sums_};
}

void Trainer::put(TensorId id, const std::vector<float>& values) const {
  if (values.size() != static_cast<size_t>(parameters_.count()))
    fail("trainer: {} values for {} parameters", values.size(), parameters_.count());
  step().program.write(id, values.data());
}

void Trainer::restore(const Checkpoint& checkpoint) {
  tell({.order = Order::restore, .state = checkpoint.state});
  if (started_ && config_.sharding.ranks) share(const_cast<Checkpoint&>(checkpoint));
  put_all(checkpoint);
}

void Trainer::put_all(const Checkpoint& checkpoint) {
  finish();
  const auto& [program, kept, record] = step();
  put(kept.weights, checkpoint.weights);
  put(kept.ema, checkpoint.ema);
  put(kept.m, checkpoint.moment1);
  put(kept.v, checkpoint.moment2);
  if (kept.weights_bf16 != kNoTensor) {
    cast(Queue{config_.device}, program.tensor(kept.weights), program.tensor(kept.weights_bf16));
    synchronize_device();
  }
  program.write(kept.state, &checkpoint.state);
  number_ = checkpoint.state.step;
  loss_count_ = checkpoint.noted_steps;
  std::fill(record_sums_.begin(), record_sums_.end(), 0.0);
  if (loss_count_ > 0) {
    if (checkpoint.loss_sums.size() != record_sums_.size())
      fail("trainer: sums of {} numbers a step where its loss leaves {}",
           checkpoint.loss_sums.size(), record_sums_.size());
    record_sums_ = checkpoint.loss_sums;
  }
}

const float* Trainer::ema() const {
  return step().program.tensor(step().kept.ema).as<const float>();
}

// --- Ranks ------------------------------------------------------------------------------------------

void Trainer::tell(const Told& told) {
  const Sharding& sharding = config_.sharding;
  if (!started_ || !sharding.ranks || sharding.rank() != 0) return;
  Told copy = told;
  broadcast(*sharding.ranks, &copy, sizeof(copy));
}

// Rank 0's is only read.
void Trainer::share(Checkpoint& checkpoint) {
  for (std::vector<float>* const values :
       {&checkpoint.weights, &checkpoint.ema, &checkpoint.moment1, &checkpoint.moment2}) {
    values->resize(static_cast<size_t>(parameters_.count()));
    broadcast(*config_.sharding.ranks, values->data(), values->size() * sizeof(float));
  }
}

void Trainer::announce(const Shared& shared) {
  tell({.order = Order::share, .shared = shared});
}

void Trainer::follow(const std::function<void(const Shared&)>& take_part) {
  for (;;) {
    Told told{};
    broadcast(*config_.sharding.ranks, &told, sizeof(told));
    Checkpoint checkpoint;
    checkpoint.state = told.state;
    switch (told.order) {
      case Order::run:
        take(told.at_most);
        break;
      case Order::run_profiled:
        take_profiled();
        break;
      case Order::find_not_finite:
        all_not_finite();
        break;
      case Order::restore:
        share(checkpoint);
        put_all(checkpoint);
        break;
      case Order::set_schedule:
        put_schedule(told.state.schedule);
        break;
      case Order::share:
        finish();
        take_part(told.shared);
        break;
      case Order::end:
        finish();
        return;
    }
  }
}

}  // namespace dae
