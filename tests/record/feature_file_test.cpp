#include "record/feature_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "data/safetensors.h"
#include "runtime/error.h"
#include "tests/support/hashed.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

class FeatureFile : public testing::Test {
 protected:
  // The layers of a sound file of widths 4 and 6, but for what `change` does to them.
  void expect_refused(const std::function<void(std::map<std::string, Tensor>&)>& change,
                      const std::vector<std::string>& words) {
    std::map<std::string, Tensor> tensors = {{"features.0.weight", {values_.data(), {4, 3, 3, 3}}},
                                             {"features.0.bias", {values_.data(), {4}}},
                                             {"features.1.weight", {values_.data(), {6, 3, 3, 4}}},
                                             {"features.1.bias", {values_.data(), {6}}}};
    change(tensors);
    std::vector<NamedTensor> list;
    for (const auto& [name, tensor] : tensors) list.push_back({name, tensor});
    const std::string path = folder_.file("features.safetensors");
    save_safetensors(path, list);
    try {
      load_features(path);
      ADD_FAILURE() << "was taken; expected: " << words[0];
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_TRUE(message.starts_with(path + ": ")) << message;
      for (const std::string& word : words)
        EXPECT_NE(message.find(word), std::string::npos) << message << " lacks " << word;
    }
  }

  TemporaryFolder folder_;
  std::vector<float> values_ = std::vector<float>(4096, 0.5f);
};

TEST_F(FeatureFile, ComesBackAsItWas) {
  for (const std::vector<int64_t>& widths :
       {std::vector<int64_t>{5}, {16, 32, 64}, {3, 1, 2, 8, 4}}) {
    const FeatureNetwork before{widths, hashed_weights(feature_parameters(widths))};
    const std::string path = folder_.file("features.safetensors");
    save_features(path, before);
    const FeatureNetwork after = load_features(path);
    EXPECT_EQ(after.widths, before.widths);
    EXPECT_EQ(after.values, before.values);
    const Safetensors file(path);
    EXPECT_EQ(file.metadata().at("format"), "dae features 2");
    EXPECT_EQ(file.tensors().at("features.0.weight").shape, (Shape{widths[0], 3, 3, 3}));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.file("features.safetensors.part")));
}

TEST_F(FeatureFile, RefusalsNameTensorShapeAndWhatWasExpected) {
  using Tensors = std::map<std::string, Tensor>;
  expect_refused([](Tensors& t) { t.erase("features.0.weight"); }, {"features.0.weight"});
  expect_refused(
      [](Tensors& t) {
        t["features.0.weight"].shape = {4, 27};
      },
      {"features.0.weight is f32 4x27", "{filters, 3, 3, 3}", "three channels"});
  expect_refused(
      [](Tensors& t) {
        t["features.0.weight"].shape = {4, 5, 5, 3};
      },
      {"features.0.weight is f32 4x5x5x3", "{filters, 3, 3, 3}"});
  for (const Shape& shape : {Shape{4, 3, 1, 3}, Shape{4, 1, 3, 3}, Shape{4, 3, 3, 1}})
    expect_refused([&](Tensors& t) { t["features.0.weight"].shape = shape; },
                   {"features.0.weight is f32 " + to_string(shape), "{filters, 3, 3, 3}"});
  expect_refused(
      [](Tensors& t) {
        t["features.0.weight"].shape = {0, 3, 3, 3};
      },
      {"features.0.weight is f32 0x3x3x3"});
  expect_refused(
      [](Tensors& t) {
        t["features.1.weight"].shape = {6, 4, 3, 3};
      },
      {"features.1.weight is f32 6x4x3x3", "{filters, 3, 3, 4}", "permute(0, 2, 3, 1)"});
  expect_refused(
      [](Tensors& t) {
        t["features.1.weight"].shape = {6, 3, 3, 8};
      },
      {"features.1.weight is f32 6x3x3x8", "{filters, 3, 3, 4}",
       "the layer before it has 4 filters"});
  expect_refused([](Tensors& t) { t["features.0.weight"].dtype = DType::bf16; },
                 {"features.0.weight is bf16", "expected f32"});
  expect_refused([](Tensors& t) { t["features.1.bias"].shape = {4}; },
                 {"features.1.bias is f32 4, expected f32 6"});
  expect_refused([](Tensors& t) { t.erase("features.1.bias"); },
                 {"it holds no tensor features.1.bias"});
  expect_refused([](Tensors& t) { t["features.3.weight"] = t["features.1.weight"]; },
                 {"features.3.weight (f32 6x3x3x4) is no part of its 2 layers"});
  for (const float bad :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> biases(6, 1.0f);
    biases[4] = bad;
    expect_refused([&](Tensors& t) { t["features.1.bias"].data = biases.data(); },
                   {"features.1.bias (6)", "element 4", "finite"});
  }
}

TEST_F(FeatureFile, RefusesWhatIsNoSafetensorsFile) {
  EXPECT_THROW(load_features(folder_.file("nowhere")), Error);
  std::ofstream(folder_.file("text")) << "features";
  EXPECT_THROW(load_features(folder_.file("text")), Error);
}

}  // namespace
}  // namespace dae::test
