#include "train/feature_trainer.h"

#include <cmath>
#include <cstring>

#include "kernels/perceptual_loss.h"
#include "model/input.h"
#include "model/optimizer.h"
#include "runtime/error.h"
#include "runtime/named_buffers.h"
#include "runtime/parallel.h"
#include "runtime/program.h"

namespace dae {
namespace {

constexpr int64_t kTestBatches = 32;

// A parameter of the draw that the network is to tell.
struct Target {
  const char* corruption;
  Range range;
  float (*of)(const Degradation&);
};

std::vector<Target> targets_of(const CorruptSpec& spec) {
  const Range noise = {spec.noise.low / 255, spec.noise.high / 255, spec.noise.present};
  std::vector<Target> targets = {
      {"noise", noise, [](const Degradation& d) { return d.noise_sigma; }},
      {"blur", spec.blur, [](const Degradation& d) { return d.blur_sigma; }},
      {"brightness", spec.brightness, [](const Degradation& d) { return d.brightness; }},
      {"channel", spec.channel, [](const Degradation& d) { return d.channel[0]; }},
      {"channel", spec.channel, [](const Degradation& d) { return d.channel[1]; }},
      {"channel", spec.channel, [](const Degradation& d) { return d.channel[2]; }}};
  std::erase_if(targets,
                [](const Target& t) { return !t.range.present || t.range.low == t.range.high; });
  if (targets.empty())
    fail("feature network: the corruption has no parameter that varies, so nothing to tell apart");
  return targets;
}

// Of a uniform distribution: zero mean, unit variance.
float standardized(const Target& t, const Degradation& d) {
  const double middle = (double{t.range.low} + t.range.high) / 2;
  const double deviation = (double{t.range.high} - t.range.low) / std::sqrt(12.0);
  return static_cast<float>((t.of(d) - middle) / deviation);
}

// Steps of half a millisecond gain a second by a second thread where nobody else is at work, and
// lose minutes to waiting for it where somebody is.
class OneThread {
 public:
  OneThread() { set_threads(1); }
  ~OneThread() { set_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_ = threads();
};

class FeatureTrainer {
 public:
  FeatureTrainer(std::span<const Source> sources, const CorruptSpec& corruption,
                 const FeatureTraining& options)
      : sources_(sources),
        corruption_(corruption),
        options_(options),
        targets_(targets_of(corruption)),
        training_(plan(true)),
        looking_(plan(false)) {
    const Buffer& table = buffers_["sources"];
    std::memcpy(table.data(), sources.data(), table.bytes());
    parameters_.initialize(options.seed, floats("weights"));
    const StepState first{.schedule = {.peak = 5e-3,
                                       .warmup = std::min<uint64_t>(50, steps() / 10 + 1),
                                       .total = steps()}};
    std::memcpy(buffers_["state"].data(), &first, sizeof(first));
  }

  void train() {
    for (int64_t step = 0; step < options_.steps; step++) {
      draw(corruption_, step);
      training_.run();
      if (options_.progress) options_.progress(step + 1);
    }
  }

  std::vector<ToldApart> told_apart() {
    const size_t count = targets_.size();
    std::vector<double> error(count), sum(count), square(count);
    const auto samples = static_cast<double>(kTestBatches * options_.batch);
    for (int64_t i = 0; i < kTestBatches; i++) {
      draw(corruption_, options_.steps + i);
      looking_.run();
      const float* const wanted = floats("targets");
      const float* const found =
          looking_.tensor(looking_.plan().outputs().back()).as<const float>();
      for (size_t k = 0; k < count * static_cast<size_t>(options_.batch); k++) {
        error[k % count] += std::pow(double{found[k]} - wanted[k], 2);
        sum[k % count] += wanted[k];
        square[k % count] += double{wanted[k]} * wanted[k];
      }
    }
    std::vector<ToldApart> told;
    for (size_t k = 0; k < count; k++) {
      const double r2 = 1 - error[k] / (square[k] - sum[k] * sum[k] / samples);
      if (!told.empty() && told.back().corruption == targets_[k].corruption)
        told.back().r2 += r2 / 3;
      else
        told.push_back({targets_[k].corruption,
                        std::string("channel") == targets_[k].corruption ? r2 / 3 : r2});
    }
    return told;
  }

  FeatureNetwork network() {
    const ParameterSet layers = feature_parameters(options_.widths);
    // They were declared first, so they lie at the start.
    FeatureNetwork network{options_.widths,
                           {floats("weights"), floats("weights") + layers.count()}};
    std::vector<std::vector<double>> squares;
    for (const int64_t width : options_.widths) squares.emplace_back(static_cast<size_t>(width));
    const Range off{.present = false};
    CorruptSpec nothing = corruption_;
    nothing.noise = nothing.blur = nothing.brightness = nothing.channel = off;
    for (int64_t i = 0; i < kTestBatches; i++) {
      draw(nothing, options_.steps + kTestBatches + i);
      looking_.run();
      for (size_t layer = 0; layer < squares.size(); layer++) {
        const Tensor& map = looking_.tensor(looking_.plan().outputs()[layer]);
        const float* const values = map.as<const float>();
        const double share = double(map.shape[3]) / double(map.count() * kTestBatches);
        for (int64_t e = 0; e < map.count(); e++)
          squares[layer][static_cast<size_t>(channel_of(map, e))] +=
              share * double{values[e]} * values[e];
      }
    }
    normalize(network, squares);
    return network;
  }

 private:
  uint64_t steps() const { return static_cast<uint64_t>(options_.steps); }

  // The layers, their head, and the training of both; or what both make of a batch, to look at: its
  // outputs are every layer's map, then the predictions.
  Program plan(bool training) {
    Plan plan;
    Builder b(Device::cpu, plan, parameters_, training);
    const int64_t outputs = static_cast<int64_t>(targets_.size());
    const TensorId clean =
        plan.tensor("clean", {options_.batch, options_.size, options_.size, 3}, DType::u8);
    const TensorId corrupted = plan.tensor("corrupted", plan.shape(clean));
    const InputTensors input =
        add_corruption(Device::cpu, plan, flags_of(corruption_), clean, corrupted);
    const std::vector<TensorId> maps = build_features(b, options_.widths, corrupted);
    const TensorId found = b.dense("head", b.global_pool("pool", maps.back()), outputs, false);
    const TensorId wanted = plan.external("targets", plan.shape(found));
    if (training) {
      add_training(b, found, wanted);
    } else {
      for (const TensorId map : maps) plan.keep(map);
      plan.keep(found);
    }
    Program program(Device::cpu, std::move(plan));
    program.executor().resize(input.sources, source_table(sources_.size()));
    buffers_.bind(program.executor());
    program.allocate();
    return program;
  }

  static void add_training(Builder& b, TensorId found, TensorId wanted) {
    Plan& plan = b.plan();
    const TensorId d_found = b.tensor_like("d(head)", found);
    const TensorId sums = plan.tensor("loss.sums", {feature_chunks(plan.shape(found))});
    const float scale = 1 / static_cast<float>(plan.shape(found).count());
    add_feature_distance(plan, "loss", found, wanted, scale, d_found, sums);
    b.set_gradient(found, d_found);
    b.backward();
    add_update(plan, declare_optimizer(b), AdamConfig{.beta2 = 0.999f});
  }

  // The crops of a step, and what is to be told of them.
  void draw(const CorruptSpec& spec, int64_t step) {
    auto* const draws = reinterpret_cast<Draw*>(buffers_["draws"].data());
    float* target = floats("targets");
    const auto size = static_cast<int32_t>(options_.size);
    for (int64_t slot = 0; slot < options_.batch; slot++) {
      draws[slot] = draw_training(spec, options_.seed, step, slot, sources_, size, size);
      for (const Target& t : targets_) *target++ = standardized(t, draws[slot].degradation);
    }
  }

  float* floats(const std::string& name) { return reinterpret_cast<float*>(buffers_[name].data()); }

  std::span<const Source> sources_;
  CorruptSpec corruption_;
  FeatureTraining options_;
  std::vector<Target> targets_;
  ParameterSet parameters_;
  NamedBuffers buffers_{Device::cpu};
  Program training_, looking_;
};

}  // namespace

TrainedFeatures train_features(std::span<const Source> sources, const CorruptSpec& corruption,
                               const FeatureTraining& options) {
  const OneThread one_thread;
  FeatureTrainer trainer(sources, corruption, options);
  trainer.train();
  TrainedFeatures trained;
  trained.told_apart = trainer.told_apart();
  trained.network = trainer.network();
  return trained;
}

}  // namespace dae
