// Adam against fp64 code written from the papers. That PyTorch agrees is held by
// training_step_test.cpp, whose fixture includes Adam, clipping, schedule and EMA.
#include "kernels/adam.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "kernels/schedule.h"
#include "runtime/device.h"
#include "runtime/memory.h"
#include "runtime/parallel.h"
#include "tests/support/on_device.h"
#include "tests/support/op_case.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

struct Reference {
  Values w, m, v, ema;

  void step(const AdamConfig& c, double rate, int t, const Values& gradient) {
    double norm = 0;
    for (const double g : gradient) norm += g * g;
    norm = std::sqrt(norm);
    const double scale = c.clip_norm > 0 && norm > c.clip_norm ? c.clip_norm / norm : 1;
    const double decay = std::min<double>(c.ema_decay, (1.0 + t) / (10.0 + t));
    for (size_t i = 0; i < w.size(); i++) {
      const double g = gradient[i] * scale;
      m[i] = c.beta1 * m[i] + (1.0 - c.beta1) * g;
      v[i] = c.beta2 * v[i] + (1.0 - c.beta2) * g * g;
      const double m_hat = m[i] / (1 - std::pow(double(c.beta1), t));
      const double v_hat = v[i] / (1 - std::pow(double(c.beta2), t));
      w[i] -= rate * (m_hat / (std::sqrt(v_hat) + c.epsilon) + c.weight_decay * w[i]);
      ema[i] = decay * ema[i] + (1 - decay) * w[i];
    }
  }
};

// The op with its buffers on a device.
struct Runner {
  Runner(Device on, int64_t count, const Values& weights, DType type = DType::f32)
      : device(on), size(count), dtype(type) {
    for (Buffer* b : {&g, &w, &m, &v, &ema, &copy}) *b = Buffer(device, size * sizeof(float));
    work = Buffer(device, adam_workspace_count(size) * sizeof(float));
    state = Buffer(device, sizeof(StepState));
    set(w, weights);
    set(ema, weights);
    const StepState first{.schedule = {.peak = 0.01, .warmup = 2, .total = 100}};
    copy_between_devices(state.data(), &first, sizeof(first));
  }

  void set(Buffer& buffer, const Values& values) {
    const std::vector<float> f(values.begin(), values.end());
    copy_between_devices(buffer.data(), f.data(), f.size() * sizeof(float));
  }
  std::vector<float> get(const Buffer& buffer) const {
    std::vector<float> f(size);
    copy_between_devices(f.data(), buffer.data(), f.size() * sizeof(float));
    return f;
  }
  StepState get_state() const {
    StepState s;
    copy_between_devices(&s, state.data(), sizeof(s));
    return s;
  }
  void step(const AdamConfig& config, const Values& gradient) {
    if (dtype == DType::bf16) {
      std::vector<BFloat16> rounded;
      for (const double value : gradient) rounded.push_back(to_bf16(static_cast<float>(value)));
      copy_between_devices(g.data(), rounded.data(), rounded.size() * sizeof(BFloat16));
    } else {
      set(g, gradient);
    }
    const AdamTensors t = tensors();
    advance(Queue{device}, t.state);
    adam(Queue{device}, config, t);
    if (device == Device::cuda) synchronize_device();
  }
  AdamTensors tensors() const {
    const auto flat = [&](const Buffer& b, DType type = DType::f32) {
      return Tensor{b.data(), {size}, type};
    };
    return {.state = {state.data(), {int64_t{sizeof(StepState)}}, DType::u8},
            .gradients = flat(g, dtype),
            .weights = flat(w),
            .m = flat(m),
            .v = flat(v),
            .ema = flat(ema),
            .weights_bf16 = dtype == DType::bf16 ? flat(copy, dtype) : Tensor{},
            .workspace = {work.data(), {adam_workspace_count(size)}}};
  }

  Device device;
  int64_t size;
  DType dtype;  // of the gradients; bf16: with a copy of the weights
  Buffer g, w, m, v, ema, copy, work, state;
};

class AdamTest : public OnDevice {};

// Of the last the average's decay is reached, in the third step.
TEST_P(AdamTest, MatchesFp64OverSeveralSteps) {
  if (watcher() == Watcher::thread)
    GTEST_SKIP() << "minutes: shorter tests run the kernels as well";
  for (const AdamConfig& config :
       {AdamConfig{}, AdamConfig{.weight_decay = 0.1f, .clip_norm = 0}, AdamConfig{.clip_norm = 50},
        AdamConfig{.beta1 = 0, .beta2 = 0.9f, .epsilon = 1e-3f, .ema_decay = 0.3f}})
    for (const int64_t count : {1, 7, 4096, 10001}) {
      Reference want{random_values(count, 1), Values(count), Values(count), Values(count)};
      want.ema = want.w;
      // The op starts from f32 weights; so does the reference.
      for (double& x : want.w) x = static_cast<float>(x);
      want.ema = want.w;
      Runner runner(GetParam(), count, want.w);
      for (int t = 1; t <= 5; t++) {
        Values gradient = random_values(count, 10 + t);
        for (double& x : gradient) x = static_cast<float>(x);
        runner.step(config, gradient);
        want.step(config, runner.get_state().learning_rate, t, gradient);
      }
      const std::vector<float> w = runner.get(runner.w), m = runner.get(runner.m),
                               v = runner.get(runner.v), ema = runner.get(runner.ema);
      for (int64_t i = 0; i < count; i++) {
        ASSERT_NEAR(w[i], want.w[i], 2e-6) << i;  // five updates of up to 0.01, weights up to 1
        ASSERT_NEAR(ema[i], want.ema[i], 2e-6) << i;
        ASSERT_NEAR(m[i], want.m[i], 1e-6 * (1e-3 + std::abs(want.m[i])) + 1e-7) << i;
        ASSERT_NEAR(v[i], want.v[i], 4e-6 * want.v[i] + 1e-12) << i;
      }
    }
}

TEST_P(AdamTest, TakesBf16GradientsAndLeavesRoundedWeights) {
  if (GetParam() == Device::cpu) GTEST_SKIP() << "the CPU computes in f32";
  for (const int64_t count : {1, 7, 4096, 10001}) {
    Reference want{random_values(count, 1), Values(count), Values(count), {}};
    for (double& x : want.w) x = static_cast<float>(x);
    want.ema = want.w;
    Runner runner(GetParam(), count, want.w, DType::bf16);
    for (int t = 1; t <= 3; t++) {
      Values gradient = random_values(count, 10 + t);
      for (double& x : gradient) x = to_float(to_bf16(static_cast<float>(x)));
      runner.step({}, gradient);
      want.step({}, runner.get_state().learning_rate, t, gradient);
    }
    const std::vector<float> w = runner.get(runner.w);
    std::vector<BFloat16> copy(count);
    copy_between_devices(copy.data(), runner.copy.data(), copy.size() * sizeof(BFloat16));
    for (int64_t i = 0; i < count; i++) {
      ASSERT_NEAR(w[i], want.w[i], 2e-6) << i;
      ASSERT_EQ(copy[i].bits, to_bf16(w[i]).bits) << i;
    }
  }
}

TEST_P(AdamTest, ReportsTheNormAndTheClipping) {
  Runner runner(GetParam(), 5000, Values(5000));
  runner.step({}, Values(5000, 0.5));
  const double norm = 0.5 * std::sqrt(5000.0);
  EXPECT_NEAR(runner.get_state().gradient_norm, norm, 1e-5 * norm);
  EXPECT_NEAR(runner.get_state().gradient_scale, 1 / norm, 1e-5 / norm);
}

// More partial sums than a block has threads, more weights than all blocks have in one pass: what the
// second passes add and update alone.
TEST_P(AdamTest, TakesEveryChunkAndEveryWeight) {
  if (watcher() != Watcher::none) GTEST_SKIP() << "a million weights take a sanitizer minutes";
  const int64_t count = 257 * kAdamChunk + 3;
  Values gradient(count);
  gradient[256 * kAdamChunk] = 3;
  gradient[count - 1] = 4;
  Runner runner(GetParam(), count, Values(count));
  runner.step({}, gradient);
  EXPECT_NEAR(runner.get_state().gradient_norm, 5, 1e-5);
  const std::vector<float> m = runner.get(runner.m);
  EXPECT_NEAR(m[256 * kAdamChunk], 0.1 * 3 / 5, 1e-6);
  EXPECT_NEAR(m[count - 1], 0.1 * 4 / 5, 1e-6);
}

TEST_P(AdamTest, AnUpdateOfNoWeightsCompletesTheState) {
  Runner runner(GetParam(), 0, {});
  runner.step({}, {});
  EXPECT_EQ(runner.get_state().gradient_scale, 1);
  EXPECT_NEAR(runner.get_state().correction1, 10, 1e-5);
}

TEST_P(AdamTest, SkipsAGradientThatIsNotFinite) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 3e38}) {
    Runner runner(GetParam(), 2100, random_values(2100, 1));
    runner.step({}, random_values(2100, 2));
    const std::vector<float> w = runner.get(runner.w), m = runner.get(runner.m),
                             v = runner.get(runner.v), ema = runner.get(runner.ema);
    Values gradient = random_values(2100, 3);
    gradient[57] = bad;
    gradient[58] = bad;
    runner.step({}, gradient);
    EXPECT_EQ(runner.get(runner.w), w);
    EXPECT_EQ(runner.get(runner.m), m);
    EXPECT_EQ(runner.get(runner.v), v);
    EXPECT_EQ(runner.get(runner.ema), ema);
    EXPECT_EQ(runner.get_state().skipped, 1u);
    EXPECT_EQ(runner.get_state().step, 2u);
  }
}

// Each buffer alone of another type, of another shape, or beside where it may begin: half of what is read at
// once from there.
TEST_P(AdamTest, NamesTheBufferThatDoesNotFit) {
  const bool gpu = GetParam() == Device::cuda;
  const Runner r(GetParam(), 8, Values(8), gpu ? DType::bf16 : DType::f32);
  const auto said_of = [&](const auto& change) {
    AdamTensors t = r.tensors();
    change(t);
    return said([&] { adam(Queue{GetParam()}, {}, t); });
  };
  const auto expect_named = [&](const std::string& name, Tensor AdamTensors::*member,
                                const std::string& types, const Shape& other, size_t alignment) {
    const Tensor sound = r.tensors().*member;
    EXPECT_EQ(said_of([&](AdamTensors& t) { (t.*member).dtype = DType::u64; }),
              fmt::format("adam: {} is u64 {}, expected {}", name, to_string(sound.shape), types));
    EXPECT_EQ(said_of([&](AdamTensors& t) { (t.*member).shape = other; }),
              fmt::format("adam: {} is {} {}, expected shape {}", name, name_of(sound.dtype),
                          to_string(other), to_string(sound.shape)));
    void* const beside = static_cast<std::byte*>(sound.data) + alignment / 2;
    EXPECT_EQ(said_of([&](AdamTensors& t) { (t.*member).data = beside; }),
              fmt::format("adam: {} ({}) starts at {}, which is not a multiple of {} bytes", name,
                          to_string(sound), beside, alignment));
  };
  const std::string floats = gpu ? "f32 or bf16" : "f32";
  expect_named("state", &AdamTensors::state, "u8", {7}, 8);
  expect_named("gradients", &AdamTensors::gradients, floats, {2, 4}, 16);
  expect_named("weights", &AdamTensors::weights, "f32", {9}, 16);
  expect_named("m", &AdamTensors::m, "f32", {9}, 16);
  expect_named("v", &AdamTensors::v, "f32", {9}, 16);
  expect_named("ema", &AdamTensors::ema, "f32", {9}, 16);
  EXPECT_EQ(said_of([](AdamTensors& t) { t.workspace.shape = {2}; }),
            "adam: workspace is f32 2, expected shape 1");
  if (gpu) {
    expect_named("weights_bf16", &AdamTensors::weights_bf16, floats, {9}, 16);
    EXPECT_EQ(said_of([](AdamTensors& t) { t.weights_bf16.dtype = DType::f32; }),
              "adam: weights_bf16 is f32 8, expected bf16");
  } else {
    const Tensor copy{r.copy.data(), {8}, DType::bf16};
    EXPECT_EQ(said_of([&](AdamTensors& t) { t.weights_bf16 = copy; }),
              "adam: weights_bf16 is bf16 8, expected f32");
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, AdamTest, testing::ValuesIn(tested_devices()), device_name);

TEST(Adam, GivesTheSameBitsForEveryNumberOfThreads) {
  const int64_t count = 30001;
  std::vector<float> first;
  for (const int n : {1, 2, 3, 7}) {
    set_threads(n);
    Runner runner(Device::cpu, count, random_values(count, 1));
    for (int t = 1; t <= 3; t++) runner.step({}, random_values(count, t));
    if (first.empty()) first = runner.get(runner.w);
    EXPECT_EQ(runner.get(runner.w), first) << n << " threads";
  }
  set_threads(0);
}

// Of a run that is told nothing of them.
TEST(Adam, HasItsDefaults) {
  EXPECT_EQ(AdamConfig(), (AdamConfig{.beta1 = 0.9f,
                                      .beta2 = 0.95f,
                                      .epsilon = 1e-8f,
                                      .weight_decay = 0,
                                      .clip_norm = 1,
                                      .ema_decay = 0.999f}));
}

}  // namespace
}  // namespace dae::test
