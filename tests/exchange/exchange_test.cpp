// What other programs read: ONNX files, held to ONNX's own checker and, evaluated in fp64 loops, to the
// restorer (onnx_test.py does so with onnxruntime); TensorBoard's event files, record by record.
#include <dae/version.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "data/files.h"
#include "data/image.h"
#include "data/text.h"
#include "exchange/onnx_file.h"
#include "exchange/tensorboard.h"
#include "record/run_config.h"
#include "record/run_folder.h"
#include "restore/restorer.h"
#include "runtime/error.h"
#include "tests/exchange/onnx_evaluator.h"
#include "tests/support/op_case.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

constexpr NetworkConfig kUnet = {.size = 16, .width = 2, .blocks = 1, .levels = 3, .stem = 2};

NetworkConfig told_unet() {
  NetworkConfig config = kUnet;
  config.global = false;
  config.noise_input = true;
  return config;
}

NetworkConfig plain_unet() {
  NetworkConfig config = kUnet;
  config.stem = 1;
  config.levels = 2;
  config.skips = config.residual = false;
  return config;
}

TrainedNetwork network_of(const NetworkConfig& config) {
  TrainedNetwork network;
  network.config.network = config;
  network.config.dataset = "/home/someone/private";
  network.config.held_out = {"portrait.jpg"};
  network.parameters = parameters_of(config);
  network.weights.resize(static_cast<size_t>(network.parameters.count()));
  network.parameters.initialize(3, network.weights.data());
  // Biases and the gain's layer start at zero; here they shall do something.
  for (const Parameter& p : network.parameters.list())
    if (p.bound == 0)
      for (int64_t i = 0; i < p.shape.count(); i++)
        network.weights[static_cast<size_t>(p.offset + i)] = 0.05f * static_cast<float>(i % 5 - 2);
  return network;
}

class OnnxFile : public testing::Test {
 protected:
  onnx::ModelProto saved(const TrainedNetwork& network, OnnxPixels pixels = OnnxPixels::f32) {
    save_onnx(folder_.file("network.onnx"), network, pixels);
    std::ifstream file(folder_.file("network.onnx"), std::ios::binary);
    onnx::ModelProto model;
    EXPECT_TRUE(model.ParseFromIstream(&file));
    return model;
  }
  TemporaryFolder folder_;
};

OnnxTensor planes_of(const std::vector<float>& picture, int64_t height, int64_t width) {
  OnnxTensor x({1, 3, height, width});
  for (int64_t i = 0; i < height * width; i++)
    for (int64_t c = 0; c < 3; c++)
      x.values[static_cast<size_t>(c * height * width + i)] =
          picture[static_cast<size_t>(i * 3 + c)];
  return x;
}

// The greatest difference between what the file and what the restorer make of a picture.
double difference(const onnx::ModelProto& model, const TrainedNetwork& network, int64_t height,
                  int64_t width, std::optional<double> sigma = {}) {
  const Values values = random_values(height * width * 3, 11, 0, 1);
  const std::vector<float> picture(values.begin(), values.end());
  std::map<std::string, OnnxTensor> given = {{"picture", planes_of(picture, height, width)}};
  if (sigma) {
    given["sigma"] = OnnxTensor(Ints{1});
    given["sigma"].values[0] = *sigma;
  }
  const OnnxTensor found = OnnxEvaluator(model.graph()).run(given);
  Restorer restorer(Device::cpu, network.config.network, network.parameters,
                    network.weights.data());
  const OnnxTensor expected = planes_of(
      restorer.restore(FloatView{picture.data(), height, width}, {.noise = sigma}), height, width);
  EXPECT_EQ(found.shape, expected.shape);
  double most = 0;
  for (size_t i = 0; i < expected.values.size(); i++)
    most = std::max(most, std::abs(found.values.at(i) - expected.values[i]));
  return most;
}

constexpr double kRounding = 1e-5;  // of f32 sums, which the restorer has

TEST_F(OnnxFile, ComputesWhatTheRestorerDoes) {
  // Below a crop, not on the grid, more than eight crops along a side, one pixel, two crops exactly.
  TrainedNetwork network = network_of(kUnet);
  onnx::ModelProto model = saved(network);
  for (const auto& [height, width] :
       {std::pair<int64_t, int64_t>{21, 13}, {9, 150}, {1, 1}, {16, 3}, {32, 20}})
    EXPECT_LT(difference(model, network, height, width), kRounding) << height << "x" << width;

  network = network_of(plain_unet());
  EXPECT_LT(difference(saved(network), network, 19, 10), kRounding);
  network = network_of({.kind = NetworkKind::conv, .size = 16, .latent = 64});
  EXPECT_LT(difference(saved(network), network, 13, 18), kRounding);
  network = network_of({.kind = NetworkKind::fc, .size = 16, .latent = 8});
  EXPECT_LT(difference(saved(network), network, 16, 16), kRounding);
  network = network_of({.kind = NetworkKind::mlp, .size = 8, .width = 4, .latent = 8});
  EXPECT_LT(difference(saved(network), network, 8, 8), kRounding);
}

TEST_F(OnnxFile, IsToldTheNoise) {
  const TrainedNetwork network = network_of(told_unet());
  const onnx::ModelProto model = saved(network);
  for (const double sigma : {0.0, 0.28, 0.3, 25.0})
    EXPECT_LT(difference(model, network, 17, 22, sigma), kRounding) << sigma;
}

TEST_F(OnnxFile, TakesBytesAndGivesThemClampedAndRounded) {
  const TrainedNetwork network = network_of(kUnet);
  const onnx::ModelProto model = saved(network, OnnxPixels::u8);
  std::vector<uint8_t> picture(9 * 10 * 3), restored(picture.size());
  for (size_t i = 0; i < picture.size(); i++) picture[i] = static_cast<uint8_t>(i * 151);
  OnnxTensor x = planes_of({picture.begin(), picture.end()}, 9, 10);
  const OnnxTensor found = OnnxEvaluator(model.graph()).run({{"picture", x}});
  Restorer restorer(Device::cpu, kUnet, network.parameters, network.weights.data());
  restorer.restore({picture.data(), SampleType::u8, 3, 9, 10},
                   {restored.data(), SampleType::u8, 3, 9, 10});
  const OnnxTensor expected = planes_of({restored.begin(), restored.end()}, 9, 10);
  std::set<double> seen(found.values.begin(), found.values.end());
  EXPECT_TRUE(seen.contains(0) && seen.contains(255)) << "something is clamped";
  int64_t away = 0;
  for (size_t i = 0; i < expected.values.size(); i++) {
    EXPECT_EQ(found.values[i], std::floor(found.values[i]));
    EXPECT_NEAR(found.values[i], expected.values[i], 1);
    away += found.values[i] != expected.values[i];
  }
  EXPECT_LE(away, 1) << "what f32 makes a half of may go either way";
}

TEST_F(OnnxFile, TakesSeveralPicturesAtOnce) {
  const TrainedNetwork network = network_of(kUnet);
  const onnx::ModelProto model = saved(network);
  OnnxTensor both({2, 3, 11, 20});
  for (size_t i = 0; i < both.values.size(); i++) both.values[i] = double(i * i % 97) / 96;
  OnnxTensor second({1, 3, 11, 20});
  const size_t half = second.values.size();
  std::copy_n(both.values.begin() + static_cast<int64_t>(half), half, second.values.begin());
  const OnnxTensor found = OnnxEvaluator(model.graph()).run({{"picture", both}});
  const OnnxTensor alone = OnnxEvaluator(model.graph()).run({{"picture", second}});
  ASSERT_EQ(found.shape, both.shape);
  for (size_t i = 0; i < half; i++) EXPECT_NEAR(found.values[half + i], alone.values[i], 1e-12);
}

TEST_F(OnnxFile, PassesOnnxsOwnChecker) {
  for (const NetworkConfig& config :
       {kUnet, told_unet(), plain_unet(),
        NetworkConfig{.kind = NetworkKind::conv, .size = 16, .latent = 64},
        NetworkConfig{.kind = NetworkKind::fc, .size = 16, .latent = 8}})
    for (const OnnxPixels pixels : {OnnxPixels::f32, OnnxPixels::u8}) {
      onnx::ModelProto model = saved(network_of(config), pixels);
      EXPECT_NO_THROW(onnx::checker::check_model(model));
      onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(),
                                         onnx::ShapeInferenceOptions(true, 1, true));
      const auto& graph = model.graph();
      EXPECT_EQ(graph.input_size(), config.noise_input ? 2 : 1);
      const auto& output = graph.output(0).type().tensor_type();
      EXPECT_EQ(output.elem_type(),
                pixels == OnnxPixels::u8 ? onnx::TensorProto::UINT8 : onnx::TensorProto::FLOAT);
      EXPECT_EQ(output.shape().dim(2).has_dim_value(), has_one_size(config));
      // Each parameter is there once, and nothing of its size besides.
      int64_t weights = 0;
      for (const auto& tensor : graph.initializer())
        if (tensor.name().ends_with(".weight") || tensor.name().ends_with(".bias"))
          weights += static_cast<int64_t>(tensor.raw_data().size() / sizeof(float));
      EXPECT_EQ(weights, parameters_of(config).weights());
    }
}

// Sides of any length go by names.
TEST_F(OnnxFile, NamesTheSidesOfItsPictures) {
  const onnx::ModelProto model =
      saved(network_of({.kind = NetworkKind::conv, .size = 16, .latent = 64}));
  for (const onnx::ValueInfoProto* const value :
       {&model.graph().input(0), &model.graph().output(0)}) {
    const onnx::TensorShapeProto& shape = value->type().tensor_type().shape();
    ASSERT_EQ(shape.dim_size(), 4) << value->name();
    EXPECT_EQ(shape.dim(0).dim_param(), "N") << value->name();
    EXPECT_EQ(shape.dim(1).dim_value(), 3) << value->name();
    EXPECT_EQ(shape.dim(2).dim_param(), "H") << value->name();
    EXPECT_EQ(shape.dim(3).dim_param(), "W") << value->name();
  }
}

TEST_F(OnnxFile, SaysWhatItIsAndNamesNoPicture) {
  const onnx::ModelProto model = saved(network_of(told_unet()));
  std::map<std::string, std::string> said;
  for (const auto& entry : model.metadata_props()) said[entry.key()] = entry.value();
  EXPECT_EQ(said["trained_for"],
            "noise 0:50, blur 0.2:1.5, brightness 0.7:1.3, channel 0.85:1.15, "
            "order classic");
  EXPECT_EQ(said["receptive_radius"], std::to_string(receptive_radius(told_unet())));
  EXPECT_EQ(said["grid"], "8");
  EXPECT_EQ(said["dae_version"], version());
  EXPECT_EQ(json_from(said["config"]).at("model").at("noise_input"), true);
  EXPECT_EQ(model.SerializeAsString().find("someone"), std::string::npos);
  EXPECT_EQ(model.SerializeAsString().find("portrait"), std::string::npos);
}

// --- TensorBoard ----------------------------------------------------------------------------------

// A record of "123456789", whose CRC-32C is the published check value 0xE3069283; that of its length as
// eight bytes, and how both are masked, are of the format's description, worked out by hand.
TEST(TensorBoardFile, RecordsAreThoseOfTheFormat) {
  const std::string record = tensorboard_record("123456789");
  ASSERT_EQ(record.size(), 8u + 4 + 9 + 4);
  EXPECT_EQ(record.substr(0, 8), std::string("\x09\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(record.substr(12, 9), "123456789");
  uint32_t crc = 0;
  std::memcpy(&crc, &record[21], 4);
  crc -= 0xA282EAD8u;
  EXPECT_EQ(crc << 15 | crc >> 17, 0xE3069283u);
  std::memcpy(&crc, &record[8], 4);
  uint32_t bitwise = 0xFFFFFFFFu;
  for (size_t i = 0; i < 8; i++) {
    bitwise ^= static_cast<uint8_t>(record[i]);
    for (int bit = 0; bit < 8; bit++) bitwise = bitwise >> 1 ^ (bitwise & 1 ? 0x82F63B78u : 0);
  }
  crc -= 0xA282EAD8u;
  EXPECT_EQ(crc << 15 | crc >> 17, ~bitwise);
}

// What it is told, in words.
class Recorder : public TrainingObserver {
 public:
  void preparing(const std::string& what, size_t done, size_t total) override {
    told.push_back(fmt::format("preparing {} {} {}", what, done, total));
  }
  void noted(const std::string& line) override { told.push_back("noted " + line); }
  void warned(const std::string& text) override { told.push_back("warned " + text); }
  void started(const TrainingStart& start) override {
    told.push_back(fmt::format("started {} {} {}", start.memory, start.step, start.last_step));
  }
  void progressed(const TrainingProgress& p) override {
    told.push_back(fmt::format("progressed {} {} {}", p.step, p.last_step, p.loss));
  }
  void measured(const MetricsRow& row) override {
    told.push_back(fmt::format("measured {} {}", row.step, row.loss));
  }
  void sampled(const fs::path& picture) override {
    told.push_back("sampled " + picture.filename().string());
  }
  void saved(uint64_t step, const fs::path& checkpoint) override {
    told.push_back(fmt::format("saved {} {}", step, checkpoint.string()));
  }

  std::vector<std::string> told;
};

// Also the sheet that it keeps to itself, as the last one of a run comes twice.
TEST(TensorBoardFile, HandsEverythingOn) {
  const TemporaryFolder folder;
  write_run_json(folder.path(), to_json(RunConfig()));
  save_png(folder.file("sheet.png"), {1, 1, {10, 20, 30}});
  Recorder next;
  TensorBoard board(next);
  board.preparing("reading photos/", 3, 9);
  board.noted("a note");
  board.warned("left out: b.jpg");
  board.started({.run = folder.path(), .memory = "1 MiB", .step = 4, .last_step = 9});
  board.progressed({.step = 5, .last_step = 9, .loss = 0.25});
  board.measured({.step = 6, .loss = 0.5});
  for (int times = 0; times < 2; times++) board.sampled(folder.file("sheet.png"));
  board.saved(6, "a.safetensors");
  EXPECT_EQ(next.told,
            (std::vector<std::string>{"preparing reading photos/ 3 9", "noted a note",
                                      "warned left out: b.jpg", "started 1 MiB 4 9",
                                      "progressed 5 9 0.25", "measured 6 0.5", "sampled sheet.png",
                                      "sampled sheet.png", "saved 6 a.safetensors"}));
}

}  // namespace
}  // namespace dae::test
