// Whole training runs: batches, corruption, network, update. On a GPU that is the pipeline of
// train/step_pipeline.h with its four streams and its graph; it must train like the CPU, and its
// bits must not depend on how calls are split or on when queued work runs.
//
// Simulated GPU: under ThreadSanitizer as well, */PipelineTest.StreamsAreOrdered/* (the streams, by
// what kernels really touch; the other tests take minutes there)
#include "train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/synthetic.h"
#include "runtime/device.h"
#include "tests/support/form_in_use.h"
#include "tests/support/op_case.h"

namespace dae::test {
namespace {

// For as long as the trainer that uses them. Crops are 16 pixels: some pictures are smaller, so
// that views show what is reflected at their borders.
struct Pictures {
  std::vector<Image> images;
  std::vector<Source> sources;

  Pictures() {
    for (const auto& [height, width] :
         {std::pair<int64_t, int64_t>{48, 48}, {20, 33}, {9, 48}, {5, 4}, {1, 1}})
      images.push_back(draw_dead_leaves(9, images.size(), height, width));
    for (const Image& image : images)
      sources.push_back({image.pixels.data(), 3 * image.width, static_cast<int32_t>(image.height),
                         static_cast<int32_t>(image.width)});
  }
};

TrainerConfig config_of(Device device, NetworkKind kind, DType dtype) {
  TrainerConfig config;
  config.device = device;
  config.network = {.kind = kind,
                    .size = 16,
                    .width = 4,
                    .blocks = 1,
                    .latent = kind == NetworkKind::fc ? 12 : 32,
                    .dtype = dtype};
  config.batch = 2;
  config.resident_share = 1;
  config.schedule = {.peak = 1e-3, .warmup = 2, .total = 20};
  return config;
}

// How many steps each call may take.
struct Outcome {
  std::vector<float> weights, ema;
  double mean_loss;
  StepState state;
};
Outcome train(const TrainerConfig& config, int steps, int at_most) {
  const Pictures pictures;
  const auto trainer = make_trainer(config, pictures.sources);
  for (int done = 0; done < steps;) done += trainer->run(std::min(at_most, steps - done));
  Checkpoint checkpoint = trainer->checkpoint();
  return {std::move(checkpoint.weights), std::move(checkpoint.ema), trainer->take_mean_loss(),
          checkpoint.state};
}

class TrainerTest : public testing::TestWithParam<std::tuple<Device, NetworkKind, DType>> {
 protected:
  void SetUp() override {
    if (device() == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
    if (device() == Device::cpu && dtype() != DType::f32) GTEST_SKIP() << "the CPU computes in f32";
  }
  Device device() const { return std::get<0>(GetParam()); }
  NetworkKind kind() const { return std::get<1>(GetParam()); }
  DType dtype() const { return std::get<2>(GetParam()); }
  TrainerConfig config() const { return config_of(device(), kind(), dtype()); }
  Outcome trained(int steps, int at_most) const { return train(config(), steps, at_most); }
};

TEST_P(TrainerTest, TrainsLikeTheCpu) {
  const Outcome want = train(config_of(Device::cpu, kind(), DType::f32), 7, 1), got = trained(7, 2);
  EXPECT_EQ(got.state.step, 7u);
  const bool exact = dtype() == DType::f32;
  EXPECT_NEAR(got.mean_loss, want.mean_loss, (exact ? 2e-5 : 0.02) * want.mean_loss);
  double difference = 0, norm = 0;
  ASSERT_EQ(got.weights.size(), want.weights.size());
  for (size_t i = 0; i < want.weights.size(); i++) {
    difference += std::pow(double{got.weights[i]} - want.weights[i], 2);
    norm += std::pow(double{want.weights[i]}, 2);
  }
  // A weight whose gradient is rounding noise may move by the rate, either way, in every step: in
  // bf16 those are many.
  EXPECT_LT(std::sqrt(difference / norm), exact ? 2e-3 : 2e-2);
}

TEST_P(TrainerTest, NoDependenceOnHowCallsAreSplit) {
  const Outcome pairs = trained(7, 2), singles = trained(7, 1);
  EXPECT_EQ(pairs.weights, singles.weights);
  EXPECT_EQ(pairs.ema, singles.ema);
  EXPECT_EQ(pairs.mean_loss, singles.mean_loss);
}

TEST_P(TrainerTest, SameBitsWheneverQueuedWorkRuns) {
  if (dtype() == DType::bf16 && kind() != NetworkKind::unet)
    GTEST_SKIP() << "unet has every step that bf16 adds";
  std::vector<float> weights;
  // What is queued is alike for all networks, so the smallest tries the most orders.
  const bool smallest = kind() == NetworkKind::unet;
  for (const Variant& variant : smallest ? many_variants(device()) : variants(device())) {
    variant.apply();
    const Outcome outcome = trained(6, 2);
    if (weights.empty()) weights = outcome.weights;
    EXPECT_EQ(weights, outcome.weights) << variant.name;
  }
}

TEST_P(TrainerTest, StreamedPhotographsGiveTheSameBits) {
  if (device() == Device::cpu) GTEST_SKIP() << "the CPU reads photographs where they are";
  if (dtype() == DType::bf16) GTEST_SKIP() << "photographs do not know what layers compute in";
  TrainerConfig streamed = config();
  streamed.resident_share = 0;
  for (const int at_most : {2, 1}) {
    const Outcome want = trained(7, at_most), got = train(streamed, 7, at_most);
    EXPECT_EQ(want.weights, got.weights);
    EXPECT_EQ(want.mean_loss, got.mean_loss);
  }
}

// The first weights are their own average; afterwards it follows them by the formula of kernels/adam.h, in
// fp64 here, from the weights that each step leaves.
TEST_P(TrainerTest, AveragesAreOfTheWeightsFromTheFirstOn) {
  const Pictures pictures;
  const TrainerConfig c = config();
  const auto trainer = make_trainer(c, pictures.sources);
  const Checkpoint first = trainer->checkpoint();
  std::vector<float> initial(first.weights.size());
  trainer->parameters().initialize(c.seed, initial.data());
  EXPECT_EQ(first.weights, initial);
  EXPECT_EQ(first.ema, initial);
  EXPECT_EQ(first.moment1, std::vector<float>(initial.size()));
  EXPECT_EQ(first.moment2, std::vector<float>(initial.size()));
  Values average(initial.begin(), initial.end());
  double moved = 0;
  for (int t = 1; t <= 5; t++) {
    trainer->run(1);
    const Checkpoint now = trainer->checkpoint();
    const double decay = std::min<double>(c.adam.ema_decay, (1.0 + t) / (10.0 + t));
    for (size_t i = 0; i < average.size(); i++) {
      average[i] = decay * average[i] + (1 - decay) * double{now.weights[i]};
      ASSERT_NEAR(now.ema[i], average[i], 1e-6) << "step " << t << " weight " << i;
      moved = std::max(moved, std::abs(average[i] - initial[i]));
    }
  }
  EXPECT_GT(moved, 1e-4) << "nothing was learnt";
}

// In bf16: that the weights' copy is made anew with them.
TEST_P(TrainerTest, GoesOnFromWhatWasReadAsIfItHadNotStopped) {
  const Pictures pictures;
  const auto whole = make_trainer(config(), pictures.sources);
  for (int done = 0; done < 8;) done += whole->run(2);
  const auto first = make_trainer(config(), pictures.sources);
  for (int done = 0; done < 4;) done += first->run(2);
  const auto second = make_trainer(config(), pictures.sources);
  second->run(1);  // prepares a batch that must not be used
  second->restore(first->checkpoint());
  for (int done = 0; done < 4;) done += second->run(2);
  EXPECT_EQ(whole->checkpoint().weights, second->checkpoint().weights);
  EXPECT_EQ(whole->take_mean_loss(), second->take_mean_loss()) << "of all eight steps";
}

TEST_P(TrainerTest, SaysWhereANumberIsNotFinite) {
  const Pictures pictures;
  const auto trainer = make_trainer(config(), pictures.sources);
  for (int done = 0; done < 2;) done += trainer->run(2);
  Checkpoint checkpoint = trainer->checkpoint();
  const auto said = [&](const std::vector<float>& weights) {
    checkpoint.weights = weights;
    trainer->restore(checkpoint);
    for (int done = 0; done < 4;) done += trainer->run(2);
    trainer->take_mean_loss();
    return trainer->where_not_finite();
  };
  const std::vector<float> sound = checkpoint.weights;
  EXPECT_EQ(said(sound), "");
  std::vector<float> spoiled = sound;
  const Parameter& last = trainer->parameters().list().back();
  spoiled[static_cast<size_t>(last.offset)] = NAN;
  const std::string words = said(spoiled);
  EXPECT_NE(words.find(" leaves it in "), std::string::npos) << words;
  EXPECT_FALSE(std::isfinite(trainer->loss()));
}

// The batch that was prepared before is the one that comes.
TEST_P(TrainerTest, AnotherScheduleIsForTheStepsToCome) {
  const Pictures pictures;
  const Schedule slower{.peak = 1e-4, .warmup = 1, .total = 40};
  const auto set = make_trainer(config(), pictures.sources);
  set->run(2);
  const StepState before = set->state();
  set->set_schedule(slower);
  EXPECT_EQ(set->state().step, before.step);
  EXPECT_EQ(set->state().learning_rate, before.learning_rate);
  const auto restored = make_trainer(config(), pictures.sources);
  Checkpoint checkpoint = set->checkpoint();
  EXPECT_EQ(checkpoint.state.schedule.total, 40u);
  restored->restore(checkpoint);
  for (Trainer* const trainer : {set.get(), restored.get()}) trainer->run(1);
  EXPECT_EQ(set->checkpoint().weights, restored->checkpoint().weights);
  EXPECT_NE(set->checkpoint().weights, checkpoint.weights);
}

TEST_P(TrainerTest, ProfilingChangesNothing) {
  const Pictures pictures;
  const auto plain = make_trainer(config(), pictures.sources);
  const auto profiled = make_trainer(config(), pictures.sources);
  for (int i = 0; i < 3; i++) {
    plain->run(1);
    profiled->run_profiled();
  }
  EXPECT_EQ(plain->checkpoint().weights, profiled->checkpoint().weights);
  EXPECT_EQ(profiled->executor().profiled_runs(), 3);
}

// A decoder in the forms that would be chosen by time on a GPU (model/upconv_form.h) trains like
// the one that is transposed.
TEST(TrainerForms, TrainAlikeWhenSimulated) {
  const Device device = tested_devices().back();
  if (device == Device::cpu) GTEST_SKIP() << "the CPU has the transposed form alone";
  if (!cuda_available()) GTEST_SKIP() << why_no_cuda();
  const auto losses = [&](const std::string& op) {
    const Pictures pictures;
    const auto trainer =
        make_trainer(config_of(device, NetworkKind::conv, DType::f32), pictures.sources);
    for (int done = 0; done < 6;) done += trainer->run(2);
    int steps = 0;
    for (const Step& step : trainer->executor().plan().steps())
      steps += step.op == op || step.op == op + "_backward";
    return std::pair{trainer->take_mean_loss(), steps};
  };
  const auto [want, none] = losses("pixel_shuffle");
  EXPECT_EQ(none, 0);
  for (const auto& [form, op] :
       {std::pair{"phases 2x2", "pixel_shuffle"}, {"upsampled 3x3", "upsample2x"}}) {
    const FormInUse use(form);
    const auto [got, six] = losses(op);
    EXPECT_EQ(six, 6) << form;
    EXPECT_NEAR(got, want, 1e-5 * want) << form;
  }
}

// Layers of a feature network as they are before its training: any will do to train by.
FeatureNetwork features_of(std::vector<int64_t> widths) {
  const ParameterSet parameters = feature_parameters(widths);
  FeatureNetwork features{std::move(widths),
                          std::vector<float>(static_cast<size_t>(parameters.count()))};
  parameters.initialize(8, features.values.data());
  return features;
}

// A sum of all losses: the network trains like on the CPU, and each term is told.
class SumTest : public testing::TestWithParam<Device> {
 protected:
  struct Outcome {
    double loss;
    std::vector<TermMean> terms;
    std::vector<float> weights;
  };
  static Outcome train(Device device, int steps, int at_most) {
    const Pictures pictures;
    TrainerConfig config = config_of(device, NetworkKind::unet, DType::f32);
    config.network.size = 24;
    config.loss = parse_loss("mse+0.5*l1+0.1*ssim+0.2*ms_ssim+0.3*dct+0.4*perceptual");
    config.features = features_of({4, 8});
    const auto trainer = make_trainer(config, pictures.sources);
    for (int done = 0; done < steps;) done += trainer->run(std::min(at_most, steps - done));
    const double loss = trainer->take_mean_loss();
    return {loss, trainer->mean_terms(), trainer->checkpoint().weights};
  }
};

TEST_P(SumTest, TrainsLikeTheCpuAndTellsItsTerms) {
  if (GetParam() == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  const Outcome want = train(Device::cpu, 5, 1), got = train(GetParam(), 5, 2),
                singles = train(GetParam(), 5, 1);
  EXPECT_EQ(got.weights, singles.weights);
  EXPECT_EQ(got.loss, singles.loss);
  EXPECT_NEAR(got.loss, want.loss, 1e-4 * want.loss);
  const double weights[] = {1, 0.5, 0.1, 0.2, 0.3, 0.4};
  double sum = 0;
  ASSERT_EQ(got.terms.size(), std::size(weights));
  for (size_t i = 0; i < got.terms.size(); i++) {
    sum += weights[i] * got.terms[i].value;
    EXPECT_NEAR(got.terms[i].value, want.terms[i].value, 1e-4 * want.terms[i].value) << i;
    EXPECT_NEAR(got.terms[i].gradient_norm, want.terms[i].gradient_norm,
                1e-3 * want.terms[i].gradient_norm)
        << i;
    EXPECT_EQ(got.terms[i].value, singles.terms[i].value) << i;
    EXPECT_EQ(got.terms[i].gradient_norm, singles.terms[i].gradient_norm) << i;
  }
  EXPECT_NEAR(sum, got.loss, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Devices, SumTest, testing::ValuesIn(tested_devices()), device_name);

// Each loss alone falls by training for it, the network's first outputs being those of the classic
// sigmoid networks: unlike any picture.
TEST(Losses, TrainingForOneLowersIt) {
  const Pictures pictures;
  for (const char* loss : {"mse", "l1", "ssim", "ms_ssim", "dct", "perceptual"}) {
    TrainerConfig config = config_of(Device::cpu, NetworkKind::conv, DType::f32);
    config.network.size = 24;
    config.network.latent = 288;
    const Range off{.present = false};
    config.corruption = {.noise = off, .blur = off, .brightness = off, .channel = off};
    config.loss = parse_loss(loss);
    config.features = features_of(kFeatureWidths);
    config.batch = 4;
    config.schedule = {.peak = 3e-3, .warmup = 5, .total = 80};
    const auto trainer = make_trainer(config, pictures.sources);
    double first = 0, last = 0;
    for (int step = 0; step < 80; step++) {
      trainer->run(1);
      if (step == 9) first = trainer->take_mean_loss();
      if (step == 69) trainer->take_mean_loss();
    }
    last = trainer->take_mean_loss();
    RecordProperty(loss, std::to_string(first) + " to " + std::to_string(last));
    EXPECT_LT(last, 0.9 * first) << loss;  // seen: 0.87 and less, by the order of sums
  }
}

TEST(Losses, APerceptualOneNeedsAFeatureNetworkThatIsWhole) {
  const Pictures pictures;
  TrainerConfig config = config_of(Device::cpu, NetworkKind::conv, DType::f32);
  config.loss = parse_loss("perceptual");
  EXPECT_THROW(make_trainer(config, pictures.sources), Error);
  config.features = features_of({1, 1, 1, 1, 1});  // halves 16 pixels to one
  EXPECT_THROW(make_trainer(config, pictures.sources), UsageError);
  config.features = features_of({4, 8});
  const size_t need = make_trainer(config, pictures.sources)->memory().parameters;
  config.features.values.pop_back();
  EXPECT_THROW(make_trainer(config, pictures.sources), Error);
  config.loss = parse_loss("l1");
  EXPECT_EQ(need - make_trainer(config, pictures.sources)->memory().parameters,
            (config.features.values.size() + 1) * sizeof(float));
}

// The smallest pipeline, for ThreadSanitizer, under which every simulated thread costs a lot: it
// sees what kernels on different streams really touch, declared or not. A single step between
// pairs: both ways of preparing a batch, on both sets of slots.
class PipelineTest : public testing::TestWithParam<Device> {
 protected:
  void SetUp() override {
    if (GetParam() == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  }
  std::vector<float> train(double resident_share, const std::vector<int>& calls,
                           bool paired = false) const {
    Pictures pictures;
    std::vector<Image> given;  // each picture's partner: itself, in other light
    for (size_t i = 0; i < pictures.images.size() && paired; i++) {
      given.push_back(pictures.images[i]);
      for (uint8_t& value : given.back().pixels) value = static_cast<uint8_t>(value / 2 + 9);
      pictures.sources[i].given = given.back().pixels.data();
    }
    TrainerConfig config = config_of(GetParam(), NetworkKind::unet, DType::f32);
    config.network = {.size = 8, .width = 1, .blocks = 1, .global = false};
    config.batch = 1;
    config.resident_share = resident_share;
    const auto trainer = make_trainer(config, pictures.sources);
    EXPECT_EQ(trainer->memory().resident, GetParam() == Device::cuda && resident_share > 0);
    for (const int at_most : calls) trainer->run(at_most);
    EXPECT_TRUE(std::isfinite(trainer->take_mean_loss()));
    return trainer->checkpoint().weights;
  }
};

TEST_P(PipelineTest, StreamsAreOrdered) {
  watch_launches();
  train(0, {2, 1, 2});
}

TEST_P(PipelineTest, StreamedPhotographsArriveInTime) {
  const std::vector<int> calls = {2, 1, 2, 2, 2, 2};  // on both sets of slots
  const std::vector<float> resident = train(1, calls);
  for (const Variant& variant : many_variants(GetParam())) {
    variant.apply();
    EXPECT_EQ(train(0, calls), resident) << variant.name;
  }
}

TEST_P(PipelineTest, PairsArriveTogether) {
  const std::vector<int> calls = {2, 1, 2};
  const std::vector<float> resident = train(1, calls, true);
  EXPECT_EQ(train(0, calls, true), resident);
  EXPECT_NE(train(1, calls), resident);
}

INSTANTIATE_TEST_SUITE_P(Devices, PipelineTest, testing::ValuesIn(tested_devices()), device_name);

std::string trainer_name(const testing::TestParamInfo<TrainerTest::ParamType>& info) {
  return tested_name(std::get<0>(info.param)) + "_" + name_of(std::get<1>(info.param)) + "_" +
         name_of(std::get<2>(info.param));
}
INSTANTIATE_TEST_SUITE_P(Networks, TrainerTest,
                         testing::Combine(testing::ValuesIn(tested_devices()),
                                          testing::Values(NetworkKind::fc, NetworkKind::conv,
                                                          NetworkKind::unet),
                                          testing::Values(DType::f32, DType::bf16)),
                         trainer_name);

}  // namespace
}  // namespace dae::test
