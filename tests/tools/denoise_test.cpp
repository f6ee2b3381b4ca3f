// denoise as its users expect it: what goes in comes out, restored, and nothing else is touched.
#include <set>

#include "data/files.h"
#include "data/photo.h"
#include "tests/support/png_bytes.h"
#include "tests/support/programs.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

class Denoise : public Programs {
 protected:
  void SetUp() override {
    make_photos("photos");
    const Outcome outcome = run(train("--steps 2 --out " + path("run")));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  Outcome denoise(const std::string& arguments) {
    return run("denoise " + path("run") + " " + arguments);
  }
  static std::string fixture(const std::string& name) {
    return std::string(DAE_FIXTURES) + "/photos/" + name;
  }
  std::set<std::string> files(const std::string& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(path(folder)))
      if (entry.is_regular_file())
        names.insert(entry.path().lexically_relative(path(folder)).string());
    return names;
  }
};

TEST_F(Denoise, FormatDepthAndChannelsAreThoseThatWereGiven) {
  std::string all;
  const std::vector<std::string> names = {"grey16.png",
                                          "grey_alpha.png",
                                          "rgba16.png",
                                          "one_bit.png",
                                          "palette_transparent.png",
                                          "grey.jpg",
                                          "profile.jpg",
                                          "rgb16_deflate.tif",
                                          "grey8.tif",
                                          "rgba8.tif",
                                          "lossy.webp",
                                          "lossless_alpha.webp"};
  for (const std::string& name : names) all += fixture(name) + " ";
  const Outcome outcome = denoise(all + "--out " + path("o"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const std::string& name : names) {
    const Photo given = load_photo(fixture(name)), made = load_photo(path("o/" + name));
    EXPECT_EQ(made.format, given.format) << name;
    EXPECT_EQ(made.lossless, given.lossless) << name;
    EXPECT_EQ(made.bits, given.bits) << name;
    EXPECT_EQ(made.channels, given.channels) << name;
    EXPECT_EQ(made.profile, given.profile) << name;
    EXPECT_EQ(made.height, given.height) << name;
  }
}

// What a network was not trained for cannot be asked of it; pictures are not looked for under the name
// of a network.
TEST_F(Denoise, RefusesWhatTheNetworkCannotDo) {
  const std::string picture = path("photos/leaf0.png");
  for (const char* const option : {"--sigma 10", "--strength 2"}) {
    const Outcome outcome = denoise(picture + " " + option + " --out " + path("o"));
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("--noise-input"), std::string::npos) << outcome.err;
  }
  Outcome outcome = run("denoise " + path("run"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("name the pictures"), std::string::npos) << outcome.err;
  outcome = run("denoise " + path("rnu") + " " + picture + " --out " + path("o"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("no such run folder, network file or picture"), std::string::npos)
      << outcome.err;
  EXPECT_FALSE(fs::exists(path("o")));
}

TEST_F(Denoise, OrAsAsked) {
  const std::string given =
      fixture("rgba16.png") + " " + fixture("grey.jpg") + " " + fixture("top_down.bmp");
  ASSERT_EQ(denoise(given + " --format tiff --bits 16 --out " + path("o")).code, 0);
  for (const char* const name : {"rgba16.tif", "grey.tif", "top_down.tif"})
    EXPECT_EQ(load_photo(path("o/") + name).bits, 16) << name;
  ASSERT_EQ(
      denoise(given + " --format jpeg --jpeg-quality 50 --quality best --out " + path("j")).code,
      0);
  EXPECT_EQ(load_photo(path("j/rgba16.jpg")).channels, 3);
  EXPECT_EQ(load_photo(path("j/grey.jpg")).channels, 1);
  ASSERT_EQ(denoise(given + " --out " + path("p")).code, 0);
  EXPECT_EQ(load_photo(path("p/top_down.png")).channels, 3) << "what cannot be written becomes PNG";
}

// told.* name a maker in their Exif (make_photo_fixtures.py).
TEST_F(Denoise, WhatAPictureTellsStaysWithIt) {
  const Outcome outcome =
      denoise(fixture("told.jpg") + " " + fixture("told.tif") + " --out " + path("o"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* const name : {"o/told.jpg", "o/told.tif"})
    EXPECT_NE(read(name).find("A maker"), std::string::npos) << name;
}

TEST_F(Denoise, WhatADamagedPictureTellsIsLeftBehindAndSaid) {
  const Bytes grey(16 * (1 + 16)),  // rows, each after its filter's byte
      png = png_of(16, 16, 8, 0, grey, png_chunk("eXIf", {'?'}));
  write_file_atomically(path("a.png"), std::span<const uint8_t>(png));
  const Outcome outcome = denoise(path("a.png") + " --out " + path("o"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(
      outcome.err.starts_with("denoise: " + path("a.png") + ": its metadata is left behind: "))
      << outcome.err;
  EXPECT_EQ(load_photo(path("o/a.png")).width, 16);
}

TEST_F(Denoise, NothingButEarlierResultsIsWrittenOver) {
  fs::create_directories(path("d"));
  fs::copy_file(fixture("profile.jpg"), path("d/a.jpg"));
  fs::copy_file(fixture("profile.png"), path("d/a.png"));
  const std::string before = read("d/a.png"), jpeg = read("d/a.jpg");
  Outcome outcome = denoise(path("d/a.jpg") + " --format png --out " + path("d"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("d/a.png is there already, and not made here"), std::string::npos)
      << outcome.err;
  outcome = denoise(path("d/a.jpg") + " --out " + path("d"));
  EXPECT_NE(outcome.err.find("over itself"), std::string::npos) << outcome.err;
  EXPECT_EQ(read("d/a.png"), before);
  EXPECT_EQ(read("d/a.jpg"), jpeg);
  // Into a folder of the folder: what is there is not taken for pictures, and may be made anew.
  for (int i = 0; i < 2; i++) {
    outcome = denoise(path("d") + " --format png --out " + path("d/restored"));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(files("d"),
              (std::set<std::string>{"a.jpg", "a.png", "restored/a.png", "restored/a.jpg.png"}));
  }
}

// Whoever looks for a.png among the results finds what became of a.png.
TEST_F(Denoise, NoResultTakesAnothersName) {
  fs::create_directories(path("d"));
  const std::string bmp = path("d/a.bmp"), png = path("d/a.png");
  fs::copy_file(fixture("top_down.bmp"), bmp);
  fs::copy_file(path("photos/leaf0.png"), png);
  for (const std::string& given : {bmp + " " + png, png + " " + bmp}) {
    EXPECT_EQ(denoise(given + " --out " + path("r")).code, 0);
    EXPECT_EQ(files("r"), (std::set<std::string>{"a.png", "a.bmp.png"})) << given;
    EXPECT_EQ(load_image(path("r/a.bmp.png")).width, load_image(bmp).width) << given;
    EXPECT_EQ(load_image(path("r/a.png")).width, load_image(png).width) << given;
    fs::remove_all(path("r"));
  }
}

// Nor by --compare: neither a picture of somebody's, nor a result of the same call.
TEST_F(Denoise, NoComparisonIsWrittenOverAnything) {
  fs::create_directories(path("d"));
  fs::create_directories(path("made"));
  fs::copy_file(fixture("profile.jpg"), path("d/a.jpg"));
  for (const char* const name : {"d/a.png", "d/a-compare.png", "made/b-compare.png"})
    fs::copy_file(fixture("profile.png"), path(name));
  const std::string theirs = read("made/b-compare.png");
  EXPECT_EQ(denoise(path("d") + " --compare --out " + path("made")).code, 0);
  EXPECT_EQ(files("made"),
            (std::set<std::string>{"a.jpg", "a.jpg-compare.png", "a.png", "a.png-compare.png",
                                   "a-compare.png", "a-compare-compare.png", "b-compare.png"}));
  const std::string later = path("d/a.png") + " " + path("d/a-compare.png");
  EXPECT_EQ(denoise(later + " --compare --out " + path("later")).code, 0);
  EXPECT_EQ(files("later"), (std::set<std::string>{"a.png", "a.png-compare.png", "a-compare.png",
                                                   "a-compare-compare.png"}));
  fs::copy_file(fixture("profile.png"), path("d/b.png"));
  const Outcome outcome = denoise(path("d/b.png") + " --compare --out " + path("made"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("b-compare.png is there already, and not made here"),
            std::string::npos)
      << outcome.err;
  EXPECT_EQ(read("made/b-compare.png"), theirs);
  EXPECT_FALSE(fs::exists(path("made/b.png"))) << "it is said before the work";
}

TEST_F(Denoise, OneBadPictureEndsNothingAndIsNamed) {
  fs::create_directories(path("d/closed"));
  for (const char* const name : {"a.png", "c.png"})
    fs::copy_file(fixture("profile.png"), path("d/") + name);
  std::ofstream(path("d/b.png")) << "no picture";
  std::ofstream(path("d/raw.NEF")) << "a camera's";
  std::ofstream(path("d/notes.txt")) << "no picture at all";
  ASSERT_EQ(std::system(("mkfifo " + path("d/pipe.png")).c_str()), 0);
  const Outcome outcome = denoise(path("d") + " " + path("d/pipe.png") + " " + path("nowhere.png") +
                                  " --out " + path("o"));
  EXPECT_EQ(outcome.code, 1);
  for (const char* const words :
       {"b.png: ", "raw.NEF: .NEF files cannot be read", "pipe.png: not a file", "nowhere.png",
        "4 of 6 pictures left out"})
    EXPECT_NE(outcome.err.find(words), std::string::npos) << words << "\n" << outcome.err;
  EXPECT_EQ(files("o"), (std::set<std::string>{"a.png", "c.png"}));
}

// What is too large for --memory is left out with what it takes; the others are done within it.
TEST_F(Denoise, MemoryIsBounded) {
  save_png(path("large.png"), draw_dead_leaves(1, 1, 3000, 4000));  // 36 MB
  const std::string both =
      path("photos/leaf0.png") + " " + path("large.png") + " --out " + path("o");
  const Outcome outcome = denoise(both + " --memory 100M");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("large.png: 4000x3000 pixels are too many: 36 MB"), std::string::npos)
      << outcome.err;
  EXPECT_EQ(files("o"), std::set<std::string>{"leaf0.png"});
  EXPECT_EQ(denoise(both + " --memory 200M").code, 0);
  EXPECT_EQ(denoise(both + " --memory 1K").code, 2);
}

// A terminal that cannot go back in a line is spared progress.
TEST_F(Denoise, DumbTerminalsGetNoEscapes) {
  const std::string line = "TERM=dumb XDG_CACHE_HOME=" + path("cache") + " script -qec '" +
                           DAE_PROGRAMS + "/denoise " + path("run") + " " +
                           path("photos/leaf0.png") + " --out " + path("o") + "' /dev/null > " +
                           path("said");
  if (std::system("command -v script > /dev/null") != 0) GTEST_SKIP() << "script is not installed";
  ASSERT_EQ(std::system(line.c_str()), 0);
  EXPECT_EQ(read("said").find('\x1b'), std::string::npos) << read("said");
}

}  // namespace
}  // namespace dae::test
