// dump_step: does one training step and writes all of it, so that another program can repeat it:
// weights before and after, the batch, the loss and every gradient. peers/gpu_train_step.py
// compares with PyTorch before it times anything.
//
//   weights.NAME, gradients.NAME, after.NAME   f32, as in checkpoints (docs/models.md)
//   clean u8 {N, H, W, 3}, corrupted f32       the batch
//   loss, gradient_norm, learning_rate         f32 {1}
#include <algorithm>

#include "corrupt/corrupt.h"
#include "data/safetensors.h"
#include "data/synthetic.h"
#include "kernels/cast.h"
#include "kernels/step_state.h"
#include "model/input.h"
#include "model/objective.h"
#include "model/optimizer.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/program.h"
#include "tools/program.h"

namespace {

using namespace dae;

constexpr uint64_t kSeed = 1;
constexpr int kPictures = 4;

struct Options {
  DeviceOptions device;
  NetworkConfig network;
  int64_t batch = 8;
  std::string out;
};

std::vector<float> read(const Program& program, TensorId id) {
  if (program.tensor(id).dtype == DType::f32) return program.floats(id);
  std::vector<BFloat16> rounded(static_cast<size_t>(program.tensor(id).count()));
  program.read(id, rounded.data());
  std::vector<float> values(rounded.size());
  std::transform(rounded.begin(), rounded.end(), values.begin(),
                 [](BFloat16 value) { return to_float(value); });
  return values;
}

int dump_step(const Options& options) {
  const Device device = options.device.apply();
  const NetworkConfig& network = options.network;
  check(network);
  if (device == Device::cpu && network.dtype == DType::bf16)
    fail_usage("--precision bf16: the CPU computes in fp32");
  const auto size = static_cast<int32_t>(network.size);
  const Shape image = {options.batch, size, size, 3};
  const CorruptSpec corruption;

  Plan plan;
  ParameterSet parameters;
  Builder builder(device, plan, parameters, true, network.dtype);
  const TensorId clean = plan.external("clean", image, DType::u8),
                 corrupted = plan.external("corrupted", image), loss = plan.external("loss", {1});
  const InputTensors input = add_corruption(device, plan, flags_of(corruption), clean, corrupted);
  Objective{network}.add_to(builder, corrupted, clean, loss);
  const OptimizerTensors kept = declare_optimizer(builder);
  add_update(plan, kept, AdamConfig{});
  Program program(device, std::move(plan));
  program.executor().resize(input.sources, source_table(kPictures));
  program.allocate();

  std::vector<Buffer> pictures;
  std::vector<Source> sources;
  for (uint64_t i = 0; i < kPictures; i++) {
    const Image picture = draw_dead_leaves(kSeed, i, 2 * size, 3 * size);
    pictures.emplace_back(device, picture.pixels.size());
    copy_between_devices(pictures.back().data(), picture.pixels.data(), picture.pixels.size());
    sources.push_back(
        {reinterpret_cast<const uint8_t*>(pictures.back().data()), 9 * size, 2 * size, 3 * size});
  }
  std::vector<Draw> draws;
  for (int64_t slot = 0; slot < options.batch; slot++)
    draws.push_back(draw_training(corruption, kSeed, 0, slot, sources, size, size));
  std::vector<float> before(static_cast<size_t>(parameters.count()));
  parameters.initialize(kSeed, before.data());
  StepState state{.schedule = {.peak = 1e-3, .warmup = 1, .total = 1000}};
  program.write(input.sources, sources.data());
  program.write(input.draws, draws.data());
  program.write(kept.weights, before.data());
  program.write(kept.ema, before.data());
  if (kept.weights_bf16 != kNoTensor)
    cast(Queue{device}, program.tensor(kept.weights), program.tensor(kept.weights_bf16));
  program.write(kept.state, &state);
  program.run();
  program.read(kept.state, &state);

  std::vector<float> gradients = read(program, kept.gradients), after = read(program, kept.weights),
                     corrupted_batch = read(program, corrupted), loss_value = read(program, loss);
  std::vector<uint8_t> clean_batch(static_cast<size_t>(image.count()));
  program.read(clean, clean_batch.data());
  std::vector<NamedTensor> tensors = {{"clean", {clean_batch.data(), image, DType::u8}},
                                      {"corrupted", {corrupted_batch.data(), image}},
                                      {"loss", {loss_value.data(), {1}}},
                                      {"gradient_norm", {&state.gradient_norm, {1}}},
                                      {"learning_rate", {&state.learning_rate, {1}}}};
  for (const Parameter& p : parameters.list()) {
    tensors.push_back({"weights." + p.name, {&before[p.offset], p.shape}});
    tensors.push_back({"gradients." + p.name, {&gradients[p.offset], p.shape}});
    tensors.push_back({"after." + p.name, {&after[p.offset], p.shape}});
  }
  save_safetensors(options.out, tensors, {{"format", "dae training step 1"}});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Does one training step and writes it, with its batch and gradients, for another\n"
      "program to repeat (profiling/peers/gpu_train_step.py).");
  Options options;
  std::string model = "unet", precision = "fp32";
  options.device.add_to(app);
  app.add_option("--model", model, "unet, conv or fc")
      ->check(CLI::IsMember({"unet", "conv", "fc"}))
      ->capture_default_str();
  app.add_option("--precision", precision, "fp32, or bf16 on a GPU")
      ->check(CLI::IsMember({"fp32", "bf16"}))
      ->capture_default_str();
  app.add_option("--batch", options.batch, "crops [8]")->check(CLI::Range(1, 65536));
  app.add_option("--size", options.network.size, "crops in pixels, a multiple of 8 [64]");
  app.add_option("--out", options.out, "safetensors file")->required();
  return run_program("dump_step", app, argc, argv, [&] {
    options.network.kind = model == "fc"     ? NetworkKind::fc
                           : model == "conv" ? NetworkKind::conv
                                             : NetworkKind::unet;
    if (options.network.kind == NetworkKind::conv)
      options.network.latent = 128 * (options.network.size / 8) * (options.network.size / 8);
    if (precision == "bf16") options.network.dtype = DType::bf16;
    return dump_step(options);
  });
}
