// Checkpoint files: one that Python's safetensors wrote is read, ours is read back by other code,
// and damaged ones are refused.
#include "data/safetensors.h"

#include <gtest/gtest.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "runtime/error.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

using nlohmann::json;

const std::string kPython = std::string(DAE_FIXTURES) + "/data/python.safetensors";

TEST(Safetensors, ReadsWhatPythonWrote) {
  const Safetensors file(kPython);
  const auto* weight = static_cast<const float*>(file.get("conv.weight", {2, 3, 2, 2}, DType::f32));
  for (int i = 0; i < 24; i++) EXPECT_EQ(weight[i], static_cast<float>(i) / 8);
  uint64_t step;
  std::memcpy(&step, file.get("step", {1}, DType::u64), sizeof(step));
  EXPECT_EQ(step, 1234567890123u);
  EXPECT_EQ(static_cast<const uint8_t*>(file.get("bytes", {5}, DType::u8))[4], 4);
  EXPECT_TRUE(file.contains("empty"));
  EXPECT_FALSE(file.contains("doubles")) << "a dtype that is not used here";
  EXPECT_EQ(file.metadata().at("made by"), "safetensors.numpy");
  for (const auto& ask : {std::function<void()>([&] { file.get("nothing", {1}, DType::f32); }),
                          std::function<void()>([&] { file.get("step", {2}, DType::u64); }),
                          std::function<void()>([&] { file.get("step", {1}, DType::f32); })})
    EXPECT_THROW(ask(), Error);
}

// The format as its description says it, in a few lines of other code.
TEST(Safetensors, WritesTheFormat) {
  const TemporaryFolder folder;
  float weights[6] = {1, -2, 3.5, 0, 1e-30f, -0.0f};
  uint64_t step = 7;
  save_safetensors(
      folder.file("a"),
      {{"w", {weights, {2, 3}}}, {"step", {&step, {1}, DType::u64}}, {"none", {weights, {0, 2}}}},
      {{"key", "value"}});
  const std::vector<uint8_t> bytes = read_file(folder.file("a"));
  uint64_t length;
  std::memcpy(&length, bytes.data(), 8);
  ASSERT_EQ(length % 8, 0u);
  const json header = json::parse(bytes.begin() + 8, bytes.begin() + 8 + ptrdiff_t(length));
  const std::string hash = header["__metadata__"]["xxh3"];
  EXPECT_EQ(header["__metadata__"], (json{{"key", "value"}, {"xxh3", hash}}));
  std::vector<uint8_t> without = bytes;
  const std::string text(bytes.begin(), bytes.end());
  ASSERT_EQ(hash.size(), 16u);
  std::fill_n(without.begin() + static_cast<ptrdiff_t>(text.find(hash)), 16, '0');
  EXPECT_EQ(std::stoull(hash, nullptr, 16), XXH3_64bits(without.data(), without.size()));
  EXPECT_EQ(header["w"]["dtype"], "F32");
  EXPECT_EQ(header["w"]["shape"], (json{2, 3}));
  const size_t begin = header["w"]["data_offsets"][0], end = header["w"]["data_offsets"][1];
  ASSERT_EQ(end - begin, sizeof(weights));
  EXPECT_EQ(std::memcmp(&bytes[8 + length + begin], weights, sizeof(weights)), 0);
  EXPECT_EQ(header["step"]["dtype"], "U64");
  EXPECT_EQ(header["none"]["shape"], (json{0, 2}));
  size_t last = 0;
  for (const char* name : {"w", "step", "none"})
    last = std::max(last, header[name]["data_offsets"][1].get<size_t>());
  EXPECT_EQ(8 + length + last, bytes.size()) << "no gaps and no rest";
}

void write_raw(const std::string& path, const std::string& header, size_t value_bytes) {
  std::string bytes(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  write_file_atomically(path, std::string_view(bytes + header + std::string(value_bytes, '\1')));
}

TEST(Safetensors, ShapesOfEveryRankComeBack) {
  const TemporaryFolder folder;
  const float values[24] = {0.5f};
  const std::vector<Shape> shapes = {{}, {24}, {4, 6}, {2, 3, 4}, {2, 3, 2, 2}};
  std::vector<NamedTensor> given;
  for (const Shape& shape : shapes)
    given.push_back({std::to_string(shape.rank()), {const_cast<float*>(values), shape}});
  save_safetensors(folder.file("a"), given);
  const Safetensors file(folder.file("a"));
  for (const Shape& shape : shapes) {
    const Tensor& read = file.tensors().at(std::to_string(shape.rank()));
    EXPECT_EQ(to_string(read.shape), to_string(shape));
    EXPECT_EQ(read.as<const float>()[0], 0.5f);
  }
}

TEST(Safetensors, RefusesWhatIsNotSound) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a");
  const auto entry = [](const std::string& shape, const std::string& offsets) {
    return R"({"w":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  write_raw(path, entry("[2]", "[0,8]"), 8);
  EXPECT_NO_THROW(Safetensors{path});
  for (const std::string& header :
       {entry("[2]", "[0,9]"), entry("[2]", "[8,0]"), entry("[3]", "[0,8]"), entry("[2]", "[0]"),
        entry("[-2]", "[0,8]"), entry("[4611686018427387904,4]", "[0,0]"), entry("[2.5]", "[0,8]"),
        entry("[2]", "[4,12]"), entry("[1,1,1,1,2]", "[0,8]"), entry("\"2\"", "[0,8]"),
        entry("[4294967296,4294967296]", "[0,0]"), entry("[2]", "[18446744073709551612,4]"),
        std::string("{"), std::string("[]"), std::string("{\"w\":3}"), std::string("\xff\xfe{}"),
        std::string(R"({"__metadata__":{"a":1}})"),
        // Values of nobody, or of two; numbers that are none; depth that overflows a stack.
        entry("[1]", "[0,4]"), entry("[1]", "[4,8]"), entry("[0]", "[0,0]"),
        entry("[2]", "[0,8.0]"), entry("[2e0]", "[0,8]"), entry("[2]", "[0,1e300]"),
        entry("[2]", "[-0.5,8]"),
        std::string(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                    R"("v":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
        std::string(R"({"w":{"dtype":"F64","shape":[1],"data_offsets":[0,4]}})"),
        R"({"w":{"dtype":"F32","shape":)" + std::string(200000, '[') + std::string(200000, ']') +
            R"(,"data_offsets":[0,8]}})"}) {
    write_raw(path, header, 8);
    try {
      const Safetensors file(path);
      ADD_FAILURE() << header << " was taken";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
    }
  }
}

TEST(Safetensors, SaysWhoseValuesAreInDoubt) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a");
  const std::string begin = R"({"dtype":"F32","shape":[1],"data_offsets":)";
  const auto refusal = [&](const std::string& header) {
    write_raw(path, header, 8);
    return said([&] { const Safetensors file(path); });
  };
  const std::string said_of_all = path + ": not a sound safetensors file: bytes ";
  EXPECT_EQ(refusal(R"({"v":)" + begin + R"([0,4]},"w":)" + begin + "[0,4]}}"),
            said_of_all + "0 to 4 of its values belong to two tensors");
  EXPECT_EQ(refusal(R"({"w":)" + begin + "[4,8]}}"),
            said_of_all + "0 to 4 of its values belong to no tensor");
  EXPECT_EQ(refusal(R"({"w":)" + begin + "[0,4]}}"),
            said_of_all + "4 to 8 of its values belong to no tensor");
}

// Any flipped bit of a file of ours is named; those of before, which had no hash, are read.
TEST(Safetensors, EveryFlippedBitIsSeen) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a");
  float weights[3] = {1, -2, 3.5f};
  uint64_t step = 7;
  save_safetensors(path, {{"w", {weights, {3}}}, {"step", {&step, {1}, DType::u64}}},
                   {{"format", "dae test 2"}});
  std::vector<uint8_t> bytes = read_file(path);
  for (size_t bit = 0; bit < 8 * bytes.size(); bit++) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    EXPECT_THROW(Safetensors{path}, Error) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  const auto without_hash = [&](const std::string& format) {
    write_raw(path,
              R"({"__metadata__":{"format":")" + format +
                  R"("},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
              8);
  };
  without_hash("dae test 1");
  EXPECT_NO_THROW(Safetensors{path});
  without_hash("pt");
  EXPECT_NO_THROW(Safetensors{path});
  without_hash("dae test 2");
  EXPECT_THROW(Safetensors{path}, Error);
}

TEST(Safetensors, CutOffOrDamagedFilesNeverEndInABadAccess) {
  const TemporaryFolder folder;
  const std::vector<uint8_t> whole = read_file(kPython);
  for (size_t size = 0; size < whole.size(); size++) {
    write_file_atomically(folder.file("a"), std::span(whole).first(size));
    EXPECT_THROW(Safetensors{folder.file("a")}, Error) << size << " bytes";
  }
  std::mt19937 bits(1);
  for (int trial = 0; trial < 500; trial++) {
    std::vector<uint8_t> bytes = whole;
    for (int k = 0; k < 2; k++) bytes[bits() % 300] = static_cast<uint8_t>(bits());
    write_file_atomically(folder.file("a"), std::span<const uint8_t>(bytes));
    try {
      const Safetensors file(folder.file("a"));
      volatile uint8_t sum = 0;
      for (const auto& [name, tensor] : file.tensors())
        for (size_t i = 0; i < tensor.bytes(); i++)
          sum = static_cast<uint8_t>(sum + static_cast<const uint8_t*>(tensor.data)[i]);
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace dae::test
