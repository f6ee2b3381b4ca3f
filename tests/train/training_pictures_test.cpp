// Which pictures a run is trained on, by their pixels: all there are but those that it is validated on and
// copies of them.
#include "train/training_pictures.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "data/synthetic.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

class TrainingPicturesTest : public testing::Test {
 protected:
  TrainingPicturesTest() {
    setenv("XDG_CACHE_HOME", folder_.file("cache").c_str(), 1);
    for (const char* const name : {"photos", "others"}) fs::create_directory(folder_.file(name));
    for (uint64_t i = 0; i < 12; i++)
      save("photos/" + std::to_string(i) + ".png", draw_dead_leaves(3, i, 40, 48));
    for (uint64_t i = 0; i < 3; i++)
      save("others/" + std::to_string(i) + ".png", draw_dead_leaves(4, i, 40, 48));
  }
  void save(const std::string& name, const Image& image) { save_png(folder_.file(name), image); }
  TrainingPictures open(const std::string& validation = "",
                        const std::vector<std::string>& held_out = {}) {
    return {folder_.file("photos"),
            "",
            validation.empty() ? "" : folder_.file(validation),
            0,
            held_out,
            observer_};
  }
  using Pixels = std::set<std::vector<uint8_t>>;
  static Pixels pixels_of(const std::vector<Source>& sources) {
    Pixels found;
    for (const Source& source : sources)
      found.emplace(source.pixels, source.pixels + int64_t{source.height} * source.row_bytes);
    return found;
  }
  Pixels pixels_of(const std::string& folder, const std::vector<std::string>& names) const {
    Pixels found;
    for (const std::string& name : names)
      found.insert(load_image(folder_.file(folder + "/" + name)).pixels);
    return found;
  }
  static Pixels together(Pixels a, const Pixels& b) {
    a.insert(b.begin(), b.end());
    return a;
  }
  std::vector<std::string> all() const {
    std::vector<std::string> names;
    for (int i = 0; i < 12; i++) names.push_back(std::to_string(i) + ".png");
    return names;
  }

  TemporaryFolder folder_;
  TrainingObserver observer_;
};

void expect_apart(const std::set<std::vector<uint8_t>>& a,
                  const std::set<std::vector<uint8_t>>& b) {
  for (const std::vector<uint8_t>& pixels : a) EXPECT_FALSE(b.contains(pixels));
}

TEST_F(TrainingPicturesTest, WhatIsHeldOutIsNotTrainedOn) {
  const TrainingPictures pictures = open();
  const Pixels trained = pixels_of(pictures.training()), held_out = pixels_of(pictures.held_out());
  expect_apart(trained, held_out);
  EXPECT_EQ(held_out, pixels_of("photos", pictures.held_out_names()));
  EXPECT_EQ(held_out.size(), 1u);
  EXPECT_EQ(together(trained, held_out), pixels_of("photos", all()));
  EXPECT_EQ(pictures.training_count(), 11);
}

TEST_F(TrainingPicturesTest, WhatARunHoldsOutStaysHeldOut) {
  save("photos/copy.png", draw_dead_leaves(3, 5, 40, 48));
  const TrainingPictures pictures = open("", {"5.png", "7.png"});
  const Pixels trained = pixels_of(pictures.training()), held_out = pixels_of(pictures.held_out());
  EXPECT_EQ(held_out, pixels_of("photos", {"5.png", "7.png"}));
  expect_apart(trained, held_out);
  EXPECT_EQ(trained.size(), 10u);
  EXPECT_EQ(pictures.training_count(), 10) << "a copy of one that is held out is not trained on";
}

TEST_F(TrainingPicturesTest, OtherPixelsHaveAnotherHash) {
  const std::string before = open("others").hash();
  EXPECT_EQ(open("others").hash(), before);
  Image changed = draw_dead_leaves(3, 7, 40, 48);
  changed.pixels.back() ^= 1;
  save("photos/7.png", changed);
  const std::string after = open("others").hash();
  EXPECT_NE(after, before);
  save("others/1.png", changed);
  EXPECT_NE(open("others").hash(), after) << "of what is validated on";
}

// Of pairs what is given counts as what is wanted does.
TEST_F(TrainingPicturesTest, OtherPixelsOfEitherSideOfPairsHaveAnotherHash) {
  fs::create_directory(folder_.file("dark"));
  const auto save_dark = [&](int i, uint8_t more) {
    const std::string name = "/" + std::to_string(i) + ".png";
    Image picture = load_image(folder_.file("photos") + name);
    for (uint8_t& value : picture.pixels) value = static_cast<uint8_t>(value / 2);
    picture.pixels.back() = static_cast<uint8_t>(picture.pixels.back() + more);
    save("dark" + name, picture);
  };
  for (int i = 0; i < 12; i++) save_dark(i, 0);
  const auto hash = [&] {
    return TrainingPictures(folder_.file("photos"), folder_.file("dark"), "", 0, {"7.png"},
                            observer_)
        .hash();
  };
  const std::string before = hash();
  EXPECT_EQ(hash(), before);
  save_dark(3, 1);
  const std::string trained_on = hash();
  EXPECT_NE(trained_on, before);
  save_dark(7, 1);
  EXPECT_NE(hash(), trained_on) << "of what is validated on";
}

TEST_F(TrainingPicturesTest, WhatIsLeftOutIsNamedOfBothFolders) {
  EXPECT_EQ(open("others").left_out().size(), 0u);
  std::ofstream(folder_.file("photos/broken.jpg")) << "no picture";
  std::ofstream(folder_.file("others/torn.jpg")) << "no picture";
  const std::vector<std::string> reasons = open("others").left_out();
  ASSERT_EQ(reasons.size(), 2u);
  EXPECT_NE(reasons[0].find("broken.jpg"), std::string::npos) << reasons[0];
  EXPECT_NE(reasons[1].find("torn.jpg"), std::string::npos) << reasons[1];
  EXPECT_EQ(open().left_out(), std::vector<std::string>{reasons[0]});
}

TEST_F(TrainingPicturesTest, AFolderToValidateOnIsNotTrainedOn) {
  save("others/copy.png", draw_dead_leaves(3, 2, 40, 48));
  const TrainingPictures pictures = open("others");
  const Pixels trained = pixels_of(pictures.training()), held_out = pixels_of(pictures.held_out());
  expect_apart(trained, held_out);
  EXPECT_EQ(held_out, pixels_of("others", {"0.png", "1.png", "2.png", "copy.png"}));
  EXPECT_EQ(trained.size(), 11u);
}

TEST_F(TrainingPicturesTest, WhatIsValidatedOnIsShrunkAsWell) {
  const TrainingPictures pictures(folder_.file("photos"), "", folder_.file("others"), 24, {},
                                  observer_);
  EXPECT_EQ(pictures.training_count(), 12);
  EXPECT_EQ(pictures.held_out_count(), 3);
  for (const std::vector<Source>& sources : {pictures.training(), pictures.held_out()})
    for (const Source& source : sources) {
      EXPECT_EQ(source.height, 20);
      EXPECT_EQ(source.width, 24);
    }
}

TEST_F(TrainingPicturesTest, SaysWhyThereIsNothingToTrainOn) {
  const std::string photos = folder_.file("photos"), others = folder_.file("others"),
                    single = folder_.file("single");
  EXPECT_EQ(said([&] {
              open("", {"5.png", "7.png", "none.png"});
            }),
            photos +
                ": 1 of the 3 images that the run holds out are not there, or not readable; is it "
                "another dataset?");
  EXPECT_EQ(said([&] { open("", all()); }),
            photos + ": holds no image but those that are held out");
  EXPECT_EQ(
      said([&] { TrainingPictures(others, "", others, 0, {}, observer_); }),
      others + ": every image is a copy of one that is validated on, and none is left to train on");
  fs::create_directory(single);
  save("single/0.png", draw_dead_leaves(3, 0, 40, 48));
  EXPECT_EQ(said([&] { TrainingPictures(single, "", "", 0, {}, observer_); }),
            single + ": holds one image; add images, or name a folder to validate on");
}

}  // namespace
}  // namespace dae::test
