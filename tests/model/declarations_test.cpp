// A plan is only as good as what its steps say they read and write: memory is shared and streams
// are ordered by that. So every step of every network's training step is run twice from the same
// values of what it declares to read, the second time with garbage in everything else. It must
// write the same, and nothing but what it declares.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "data/synthetic.h"
#include "kernels/layers/mma_candidates.h"
#include "model/input.h"
#include "model/objective.h"
#include "model/optimizer.h"
#include "model/perceptual.h"
#include "model/residual_form.h"
#include "runtime/device.h"
#include "runtime/executor.h"
#include "tests/support/form_in_use.h"
#include "tests/support/variants.h"

namespace dae::test {
namespace {

constexpr int64_t kBatch = 2;
constexpr const char* kAllLosses = "mse+l1+ssim+ms_ssim+dct+perceptual";
const std::vector<int64_t> kWidths = {4, 16, 5};  // of the perceptual loss's layers

using Bytes = std::vector<std::byte>;

class Declarations
    : public testing::TestWithParam<std::tuple<Device, NetworkKind, DType, const char*>> {
 protected:
  // Memory of one root tensor, or of the arena.
  struct Region {
    std::string name;
    const Buffer* memory;
  };
  struct Part {
    size_t region, begin, end;
    bool operator<(const Part& other) const { return begin < other.begin; }
  };

  void make(Device device, NetworkKind kind, DType dtype, const LossSpec& loss_spec,
            int64_t width = 4) {
    const int64_t size = loss_spec.is_plain_mse() ? 16 : 24;  // room for MS-SSIM's windows
    const Shape image = {kBatch, size, size, 3};
    const NetworkConfig config{.kind = kind,
                               .size = size,
                               .width = width,
                               .blocks = 1,
                               .levels = 3,
                               .stem = 2,
                               .latent = kind == NetworkKind::fc ? 12 : size * size / 8,
                               .noise_input = kind == NetworkKind::unet,
                               .dtype = dtype};
    executor_.reset();
    buffers_.clear();
    regions_.clear();
    const Objective objective{config, loss_spec, kWidths};
    Plan plan;
    ParameterSet parameters;
    Builder builder(device, plan, parameters, true, dtype);
    const TensorId clean = plan.tensor("clean", image, DType::u8),
                   corrupted = plan.tensor("corrupted", image),
                   loss = plan.external("loss", {objective.record_size()});
    const CorruptSpec spec;
    const TensorId told = declare_told(plan, config, kBatch);
    const TensorId input_bf16 = declare_rounded(plan, config, image);
    const InputTensors input = add_corruption(device, plan, flags_of(spec), clean, corrupted,
                                              {.told = told, .rounded = input_bf16});
    builder.has_input(corrupted, input_bf16);
    objective.add_to(builder, corrupted, clean, loss, told);
    const OptimizerTensors optimizer = declare_optimizer(builder);
    add_update(plan, optimizer, AdamConfig{});
    // Nothing shares memory here, so that garbage is garbage to one tensor alone.
    layout_ = lay_out(plan, true);
    size_t end = 0;
    for (size_t id = 0; id < plan.tensors().size(); id++) {
      const TensorInfo& info = plan.tensors()[id];
      if (info.external()) continue;
      if (info.root == static_cast<TensorId>(id)) {
        layout_.offsets[id] = end;
        end += (info.view.bytes() + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
      } else {
        layout_.offsets[id] = layout_.offsets[info.root] + info.offset;
      }
    }
    layout_.bytes = end;
    executor_ = std::make_unique<Executor>(plan, layout_);
    arena_ = Buffer(device, end);
    executor_->attach(arena_.data(), arena_.bytes());
    buffers_.reserve(plan.tensors().size());
    regions_.push_back({"the arena", &arena_});
    for (size_t i = 0; i < plan.tensors().size(); i++) {
      const TensorInfo& info = plan.tensors()[i];
      const auto id = static_cast<TensorId>(i);
      if (!info.external() || info.root != id) continue;
      buffers_.emplace_back(device, info.view.bytes());
      regions_.push_back({info.name, &buffers_.back()});
      executor_->bind(id, buffers_.back().data());
    }

    // Values that make sense: hashed weights, a picture, draws, a schedule.
    const auto put = [&](TensorId id, const void* data, size_t bytes) {
      copy_between_devices(executor_->tensors()[id].data, data, bytes);
    };
    std::vector<float> weights(static_cast<size_t>(parameters.count()));
    parameters.initialize(5, weights.data());
    put(builder.weights(), weights.data(), weights.size() * sizeof(float));
    if (builder.layer_weights() != builder.weights()) {
      std::vector<BFloat16> rounded;
      for (const float weight : weights) rounded.push_back(to_bf16(weight));
      put(builder.layer_weights(), rounded.data(), rounded.size() * sizeof(BFloat16));
    }
    if (const TensorId features = plan.find_if_any(kFeatureWeights); features != kNoTensor) {
      const ParameterSet frozen = feature_parameters(kWidths);
      std::vector<float> values(static_cast<size_t>(frozen.count()));
      frozen.initialize(6, values.data());
      put(features, values.data(), values.size() * sizeof(float));
    }
    put(optimizer.ema, weights.data(), weights.size() * sizeof(float));
    const StepState state{.schedule = {.peak = 1e-3, .warmup = 1, .total = 10}};
    put(optimizer.state, &state, sizeof(state));
    const Image picture = draw_dead_leaves(1, 1, 40, 40);
    picture_ = Buffer(device, picture.pixels.size());
    copy_between_devices(picture_.data(), picture.pixels.data(), picture.pixels.size());
    const Source source{reinterpret_cast<const uint8_t*>(picture_.data()), 120, 40, 40};
    put(input.sources, &source, sizeof(source));
    std::vector<Draw> draws;
    for (int64_t i = 0; i < kBatch; i++)
      draws.push_back(draw_training(spec, 1, 0, i, {&source, 1}, size, size));
    put(input.draws, draws.data(), draws.size() * sizeof(Draw));
  }

  // Into memory that is kept from step to step: most of this test's time went into fresh pages.
  void read_all(std::vector<Bytes>& all) const {
    all.resize(regions_.size());
    for (size_t i = 0; i < all.size(); i++) {
      all[i].resize(regions_[i].memory->bytes());
      copy_between_devices(all[i].data(), regions_[i].memory->data(), all[i].size());
    }
  }
  void write_all(const std::vector<Bytes>& all) const {
    for (size_t i = 0; i < all.size(); i++)
      copy_between_devices(regions_[i].memory->data(), all[i].data(), all[i].size());
  }
  std::vector<Part> parts_of(const std::vector<TensorId>& ids) const {
    std::vector<Part> parts;
    for (const TensorId id : ids) {
      const Tensor& tensor = executor_->tensors()[id];
      const auto* const at = static_cast<const std::byte*>(tensor.data);
      for (size_t r = 0; r < regions_.size(); r++) {
        const std::byte* const base = regions_[r].memory->data();
        if (tensor.bytes() == 0 || at < base || at >= base + regions_[r].memory->bytes()) continue;
        const auto begin = static_cast<size_t>(at - base);
        parts.push_back({r, begin, begin + tensor.bytes()});
      }
    }
    return parts;
  }
  void expect_kept(Device device);
  void run_step(const Step& step, Device device) const {
    step.run(Queue{device}, executor_->tensors());
    if (device == Device::cuda) synchronize_device();
  }

  Layout layout_;
  Buffer arena_, picture_;
  std::vector<Buffer> buffers_;
  std::vector<Region> regions_;
  std::unique_ptr<Executor> executor_;
};

void Declarations::expect_kept(Device device) {
  std::mt19937_64 bits(1);
  std::vector<Bytes> before, plain, garbage, after;
  for (const Step& step : executor_->plan().steps()) {
    read_all(before);
    run_step(step, device);
    read_all(plain);

    // Garbage everywhere, then what the step reads.
    garbage = before;
    for (Bytes& region : garbage)
      for (size_t i = 0; i < region.size(); i += sizeof(uint64_t)) {
        const uint64_t word = bits();
        std::memcpy(&region[i], &word, std::min(sizeof(word), region.size() - i));
      }
    for (const Part& part : parts_of(step.reads))
      std::memcpy(&garbage[part.region][part.begin], &before[part.region][part.begin],
                  part.end - part.begin);
    write_all(garbage);
    run_step(step, device);
    read_all(after);

    for (const Part& part : parts_of(step.writes)) {
      EXPECT_EQ(std::memcmp(&after[part.region][part.begin], &plain[part.region][part.begin],
                            part.end - part.begin),
                0)
          << step.op << " of " << step.name << " reads something that it does not declare";
      std::memcpy(&after[part.region][part.begin], &garbage[part.region][part.begin],
                  part.end - part.begin);
    }
    for (const Part& part : parts_of(step.scratch))
      std::memcpy(&after[part.region][part.begin], &garbage[part.region][part.begin],
                  part.end - part.begin);
    for (size_t r = 0; r < regions_.size(); r++)
      EXPECT_TRUE(after[r] == garbage[r]) << step.op << " of " << step.name << " writes to "
                                          << regions_[r].name << " what it does not declare";
    write_all(plain);
    if (HasFailure()) return;
  }
}

TEST_P(Declarations, AreWhatStepsReadAndWrite) {
  const auto [device, kind, dtype, loss] = GetParam();
  if (device == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  if (device == Device::cpu && dtype != DType::f32) GTEST_SKIP() << "the CPU computes in f32";
  make(device, kind, dtype, parse_loss(loss));
  expect_kept(device);
}

// In the forms of upsampling and convolving that are chosen by time alone (model/upconv_form.h).
TEST_P(Declarations, AreKeptInEveryFormOfUpsampling) {
  const auto [device, kind, dtype, loss] = GetParam();
  if (device == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  if (device == Device::cpu) GTEST_SKIP() << "the CPU has the transposed form alone";
  if (kind != NetworkKind::conv || loss == kAllLosses) GTEST_SKIP() << "has nothing new";
  make(device, kind, dtype, parse_loss(loss));  // plans the layers whose forms are exchanged
  for (const char* form : {"phases 2x2", "upsampled 3x3"}) {
    SCOPED_TRACE(form);
    const FormInUse use(form);
    make(device, kind, dtype, parse_loss(loss));
    expect_kept(device);
  }
}

// With this project's own kernels wherever there is one (model/residual_form.h).
TEST_P(Declarations, AreKeptByOwnKernels) {
  const auto [device, kind, dtype, loss] = GetParam();
  if (device == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  if (device == Device::cpu || dtype != DType::bf16) GTEST_SKIP() << "they compute in bf16";
  if (kind != NetworkKind::unet || loss == kAllLosses) GTEST_SKIP() << "has nothing new";
  make(device, kind, dtype, parse_loss(loss), 16);  // plans what is to be exchanged
  for (const char* const of_blocks : {mma::kEngine, kResidualWithFilters}) {
    SCOPED_TRACE(of_blocks);
    const FormInUse use(of_blocks, mma::kEngine);
    make(device, kind, dtype, parse_loss(loss), 16);
    const std::vector<Step>& steps = executor_->plan().steps();
    EXPECT_EQ(std::any_of(steps.begin(), steps.end(),
                          [&](const Step& step) {
                            return step.op == "residual_block_backward" && step.writes.size() == 4;
                          }),
              of_blocks == std::string(kResidualWithFilters));
    expect_kept(device);
  }
}

std::string declarations_name(const testing::TestParamInfo<Declarations::ParamType>& info) {
  return tested_name(std::get<0>(info.param)) + "_" + name_of(std::get<1>(info.param)) + "_" +
         name_of(std::get<2>(info.param)) +
         (std::get<3>(info.param) == kAllLosses ? "_all_losses" : "");
}
INSTANTIATE_TEST_SUITE_P(Networks, Declarations,
                         testing::Combine(testing::ValuesIn(tested_devices()),
                                          testing::Values(NetworkKind::fc, NetworkKind::conv,
                                                          NetworkKind::unet, NetworkKind::mlp),
                                          testing::Values(DType::f32, DType::bf16),
                                          testing::Values("mse", kAllLosses)),
                         declarations_name);

}  // namespace
}  // namespace dae::test
