// Restorations beside clean pictures: which are pairs, what is said of the others, and the sentence about all.
#include "evaluate/pairs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "data/image.h"
#include "quality/scores.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

class Pairs : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* const folder : {"clean/inside", "made/inside"})
      fs::create_directories(temporary_.file(folder));
  }
  std::string path(const std::string& name) const { return temporary_.file(name); }
  // Of one value.
  void save(const std::string& name, uint8_t value, int64_t height = 12, int64_t width = 16) const {
    save_png(path(name),
             {height, width, std::vector<uint8_t>(static_cast<size_t>(height * width * 3), value)});
  }
  PairScores scores() const { return score_pairs(path("clean"), path("made")); }
  std::string refusal() const {
    return said<Error>([&] { scores(); });
  }

  TemporaryFolder temporary_;
};

TEST_F(Pairs, AreFilesOfOnePathButForTheExtension) {
  save("clean/a.png", 100);
  save("clean/inside/a.png", 100);
  save("clean/inside/alone.png", 100);
  std::ofstream(path("clean/notes.txt")) << "no picture";
  save("made/a.png", 151);
  save("made/inside/a.jpg", 100);  // a PNG by another name, which is read by what it is
  save("made/other.png", 9);
  const PairScores made = scores();
  EXPECT_EQ(made.without_partner, std::vector<std::string>{"inside/alone"});
  EXPECT_EQ(made.left_out, std::vector<std::string>{});
  EXPECT_EQ(made.summary.images, 2);
  EXPECT_EQ(made.summary.exact, 1);
  EXPECT_NEAR(made.summary.mean.psnr, 20 * std::log10(5), 1e-6) << "51 of 255 is a fifth";
}

TEST_F(Pairs, ThatCannotBeComparedAreNamedAndTheOthersCounted) {
  for (const char* const name : {"1fine", "2high", "3wide", "4two", "5both", "6broken"})
    save(std::string("clean/") + name + ".png", 100);
  save("made/1fine.png", 151);
  save("made/2high.png", 100, 13);
  save("made/3wide.png", 100, 12, 17);
  save("made/4two.png", 100);
  save("clean/4two.jpg", 100);
  save("made/5both.png", 100);
  save("made/5both.jpg", 100);
  std::ofstream(path("made/6broken.png")) << "no picture";
  const PairScores made = scores();
  EXPECT_EQ(made.summary.images, 1);
  EXPECT_EQ(made.without_partner, std::vector<std::string>{});
  const auto both = [&](const std::string& name, const char* first, const char* second) {
    return path(name + first) + " and " + path(name + second) + ": which of them is meant?";
  };
  ASSERT_EQ(made.left_out.size(), 5u);
  EXPECT_EQ(made.left_out[0], path("clean/2high.png") + " is 16x12 and " + path("made/2high.png") +
                                  " is 16x13: a pair must be of one size");
  EXPECT_EQ(made.left_out[1], path("clean/3wide.png") + " is 16x12 and " + path("made/3wide.png") +
                                  " is 17x12: a pair must be of one size");
  EXPECT_EQ(made.left_out[2], both("clean/4two", ".jpg", ".png"));
  EXPECT_EQ(made.left_out[3], both("made/5both", ".jpg", ".png"));
  EXPECT_TRUE(made.left_out[4].starts_with(path("made/6broken.png"))) << made.left_out[4];
}

TEST_F(Pairs, ThereMustBeOne) {
  EXPECT_EQ(refusal(), path("clean") + ": no images in it");
  save("clean/a.png", 100);
  EXPECT_EQ(refusal(), path("made") + ": no images in it");
  save("made/b.png", 100);
  EXPECT_EQ(refusal(), "no picture in " + path("clean") + " has a partner of the same name in " +
                           path("made"));
  save("made/a.png", 100, 13);
  EXPECT_EQ(refusal(), "none of the 1 pairs can be compared; the first: " + path("clean/a.png") +
                           " is 16x12 and " + path("made/a.png") +
                           " is 16x13: a pair must be of one size");
  EXPECT_EQ(said<Error>([&] { score_pairs(path("clean"), path("nowhere")); }),
            path("nowhere") + ": there is no such folder");
}

TEST(PairsText, SaysEveryFigure) {
  PairScores scores;
  Summary& summary = scores.summary;
  summary.images = 7;
  summary.pooled_psnr = 21.5;
  summary.mean = {.psnr = 22.25,
                  .ssim = 0.75,
                  .aligned_psnr = 23.125,
                  .aligned_ssim = 0.8125,
                  .brightness_error = 4.5,
                  .colour_error = 5.25,
                  .ciede2000 = 6.75};
  const std::string figures =
      "(pooled 21.50 dB), SSIM 0.7500; gain-aligned PSNR 23.12 dB, SSIM 0.8125; brightness error "
      "4.50%, colour error 5.25%, CIEDE2000 6.75; pairs: 7";
  EXPECT_EQ(to_text(scores), "PSNR 22.25 dB " + figures + "\n");
  summary.exact = 2;
  EXPECT_EQ(to_text(scores),
            "PSNR 22.25 dB " + figures + ", of which 2 are exact and in no mean of PSNR\n");
  summary.exact = 7;
  summary.mean.psnr = std::numeric_limits<double>::infinity();
  EXPECT_EQ(to_text(scores), "PSNR exact " + figures + "\n");
}

}  // namespace
}  // namespace dae::test
