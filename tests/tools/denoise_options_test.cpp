// Each option of denoise by what it does to the files that are made. The network is the one that
// ships, told how strong the noise is; what is made is held to the library where that has the
// option, or to what another call makes.
#include <dae/denoiser.h>

#include <cmath>
#include <random>
#include <set>

#include "data/files.h"
#include "data/photo.h"
#include "tests/support/photo_sample.h"
#include "tests/support/programs.h"

namespace dae::test {
namespace {

class DenoiseOptions : public Programs {
 protected:
  static constexpr int64_t kSide = 48;

  void SetUp() override {
    picture_ = draw_dead_leaves(3, 1, kSide, kSide);
    std::mt19937_64 bits(5);
    for (uint8_t& value : picture_.pixels)
      value =
          static_cast<uint8_t>(std::clamp(int{value} + static_cast<int>(bits() % 61) - 30, 0, 255));
    save_png(path("a.png"), picture_);
  }
  // Of a picture and options, into o/; over what the call before has made there.
  Outcome denoise(const std::string& given) {
    return run("denoise " + given + " --device cpu --out " + path("o"));
  }
  // The file that it makes.
  std::string made(const std::string& given, const std::string& name = "a.png") {
    const Outcome outcome = denoise(given);
    EXPECT_EQ(outcome.code, 0) << given << "\n" << outcome.err;
    return read("o/" + name);
  }

  Image picture_;
};

TEST_F(DenoiseOptions, StrengthIsSoManyTimesTheNoise) {
  const std::string a = path("a.png"), line = path("o/a.png");
  const std::string of_20 = made(a + " --sigma 20");
  EXPECT_EQ(read("out"), line + "  (noise 20.0 of 255)\n");
  EXPECT_EQ(made(a + " --sigma 10 --strength 2"), of_20);
  EXPECT_EQ(read("out"), line + "  (noise 10.0 of 255, taken for 20.0)\n");
  EXPECT_NE(made(a + " --sigma 10"), of_20);
  const std::string of_255 = made(a + " --sigma 255");
  EXPECT_EQ(made(a + " --sigma 100 --strength 3"), of_255) << "there is no more";
  EXPECT_EQ(read("out"), line + "  (noise 100.0 of 255, taken for 255.0)\n");
}

TEST_F(DenoiseOptions, KeepColourAndBestAreTheLibrarys) {
  Denoiser denoiser(shipped_network(), {.device = Device::cpu});
  const std::vector<float> given = to_floats(picture_.view());
  std::set<std::string> files;
  for (const auto& [option, wanted] : std::vector<std::pair<std::string, RestoreOptions>>{
           {"", {.noise = 20.0}},
           {" --keep-colour", {.keep_colour = true, .noise = 20.0}},
           {" --quality best", {.noise = 20.0, .best = true}}}) {
    EXPECT_TRUE(files.insert(made(path("a.png") + " --sigma 20" + option)).second) << option;
    std::vector<float> restored(given.size());
    denoiser.restore(given.data(), kSide, kSide, restored.data(), wanted);
    const Image image = load_image(path("o/a.png"));
    ASSERT_EQ(image.pixels.size(), given.size());
    for (size_t i = 0; i < given.size(); i++)  // half a level is what rounding leaves
      ASSERT_NEAR(image.pixels[i], 255 * std::clamp(double{restored[i]}, 0.0, 1.0), 0.503)
          << option << " value " << i;
  }
}

TEST_F(DenoiseOptions, FormatsHoldTheSamePixels) {
  made(path("a.png") + " --sigma 20");
  const Photo png = load_photo(path("o/a.png"));
  for (const auto& [name, format] :
       {std::pair{"tiff", PhotoFormat::tiff}, {"webp", PhotoFormat::webp}}) {
    made(path("a.png") + " --sigma 20 --format " + name);
    const Photo other = load_photo(path("o/a") + extension_of(format));
    EXPECT_EQ(other.format, format) << name;
    EXPECT_EQ(other.samples, png.samples) << name;
  }
}

TEST_F(DenoiseOptions, EightBitsAreSixteenRounded) {
  const std::string deep = std::string(DAE_FIXTURES) + "/photos/rgb16.png --sigma 20";
  made(deep);
  const Photo sixteen = load_photo(path("o/rgb16.png"));
  ASSERT_EQ(sixteen.bits, 16);
  made(deep + " --bits 8");
  const Photo eight = load_photo(path("o/rgb16.png"));
  ASSERT_EQ(eight.bits, 8);
  ASSERT_EQ(eight.samples.size(), sixteen.samples.size() / 2);
  for (size_t i = 0; i < eight.samples.size(); i++)
    EXPECT_NEAR(sample(eight, i), sample(sixteen, i) / 257.0, 0.5) << i;
}

TEST_F(DenoiseOptions, JpegQualityIsThatOfJpegAndLossyWebp) {
  Photo lossy = to_photo(picture_);
  lossy.lossless = false;
  const std::vector<uint8_t> webp = encode_photo(lossy, PhotoFormat::webp, {}, "a.webp");
  write_file_atomically(path("a.webp"), std::span<const uint8_t>(webp));
  for (const auto& [given, name] :
       {std::pair{"a.png --format jpeg", "a.jpg"}, {"a.webp", "a.webp"}}) {
    const std::string picture = path(given) + " --sigma 20";
    const std::string low = made(picture + " --jpeg-quality 20", name),
                      high = made(picture + " --jpeg-quality 95", name);
    EXPECT_LT(low.size(), high.size()) << name;
    EXPECT_EQ(made(picture, name), high) << name << ": what --help says of none";
  }
}

TEST_F(DenoiseOptions, ComparisonsHaveWhatWasGivenOnTheLeft) {
  made(path("a.png") + " --sigma 20 --compare");
  const Image sheet = load_image(path("o/a-compare.png"));
  // A margin of 6 pixels, and over each picture a line of text of 12.
  ASSERT_EQ(sheet.width, 6 + 2 * (kSide + 6));
  ASSERT_EQ(sheet.height, 6 + 12 + kSide + 6);
  const auto part = [&](int64_t left) {
    std::vector<uint8_t> pixels;
    for (int64_t y = 0; y < kSide; y++) {
      const auto row = sheet.pixels.begin() + ((18 + y) * sheet.width + left) * 3;
      pixels.insert(pixels.end(), row, row + 3 * kSide);
    }
    return pixels;
  };
  EXPECT_EQ(part(6), picture_.pixels);
  EXPECT_EQ(part(6 + kSide + 6), load_image(path("o/a.png")).pixels);
}

// What three times the samples take is not there for the network, which says what it needs to a
// tenth of a MiB.
TEST_F(DenoiseOptions, MemoryIsThePicturesAndTheNetworks) {
  const std::string said = denoise(path("a.png") + " --memory 1K").err, needs = "network needs ";
  const size_t at = said.find(needs);
  ASSERT_TRUE(at != std::string::npos && said.ends_with(" MiB\n")) << said;
  const double network = std::stod(said.substr(at + needs.size()));
  save_png(path("b.png"), draw_dead_leaves(1, 1, 192, 192));  // three times 0.105 MiB
  const auto within = [&](double mebibytes) {
    const long long bytes = std::llround(mebibytes * 1024 * 1024);
    return denoise(path("b.png") + " --sigma 20 --memory " + std::to_string(bytes));
  };
  const Outcome outcome = within(network + 0.1);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("b.png: its samples take 324.0 KiB of --memory; memory of "),
            std::string::npos)
      << outcome.err;
  EXPECT_NE(outcome.err.find("is too little"), std::string::npos) << outcome.err;
  EXPECT_EQ(within(network + 0.42).code, 0) << read("err");
}

}  // namespace
}  // namespace dae::test
