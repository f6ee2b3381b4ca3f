// What corrupt makes: the sheet that is kept, what sheets say and how they are laid out, and copies as the
// library corrupts.
#include "corrupt/corrupted_view.h"
#include "report/sheet.h"
#include "tests/support/programs.h"

namespace dae::test {
namespace {

// python/tests/fixtures/sheet.png is what this command made; what was drawn stands over pictures.
TEST_F(Programs, CorruptDrawsTheSheetThatIsKept) {
  const std::string command = "corrupt synthetic --size 32 --count 6 --out " + path("sheet.png");
  const Image kept = load_image(std::string(DAE_SOURCE) + "/python/tests/fixtures/sheet.png");
  for (const int seed : {7, 8}) {
    const Outcome outcome = run(command + " --seed " + std::to_string(seed));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(load_image(path("sheet.png")).pixels == kept.pixels, seed == 7) << seed;
  }
}

// A camera's noise is two numbers there: that of the dark, and light's own.
TEST_F(Programs, ASheetSaysWhatWasDrawn) {
  make_photos("photos", 1);
  const Outcome outcome = run("corrupt " + path("photos") +
                              " --size 32 --count 1 --order camera --noise 5 --shot 10 --blur 1"
                              " --brightness 1.25 --channel 1 --out " +
                              path("sheet.png"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  CorruptSpec spec;
  spec.order = Order::camera;
  spec.noise = {5, 5}, spec.shot = {10, 10}, spec.blur = {1, 1};
  spec.brightness = {1.25f, 1.25f}, spec.channel = {1, 1};
  const Image picture = load_image(path("photos/leaf0.png"));
  const std::vector<Source> sources = {source_of(picture.view())};
  const Draw draw = draw_training(spec, 1, 0, 0, sources, 32, 32);
  const CorruptedPicture view = corrupt_view(sources, draw, 32, 32, flags_of(spec));
  const Image sheet =
      draw_sheet({{to_image(view.clean()), "leaf0.png"},
                  {to_image(view.corrupted()),
                   "noise 5.0+10.0  blur 1.00\nbrightness 1.25\nr 1.00  g 1.00  b 1.00"}},
                 2, 2);
  EXPECT_EQ(load_image(path("sheet.png")).pixels, sheet.pixels);
}

// Six pictures a row while they are small, and the smallest at twice their size. A margin of 6 pixels is
// around each, and three lines of text of 12 over each row.
TEST_F(Programs, SheetsHaveRoomForTheirPictures) {
  make_photos("photos", 1);
  struct Case {
    std::string options;
    int columns, rows, side;
  };
  for (const Case& c : {Case{"", 6, 4, 128},
                        {" --count 2", 2, 2, 128},
                        {" --count 3 --size 96", 6, 1, 192},
                        {" --count 3 --size 97", 6, 1, 97},
                        {" --count 3 --size 160", 6, 1, 160},
                        {" --count 3 --size 161", 4, 2, 161}}) {
    const Outcome outcome =
        run("corrupt " + path("photos") + c.options + " --out " + path("sheet.png"));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Image sheet = load_image(path("sheet.png"));
    EXPECT_EQ(sheet.height, 6 + c.rows * (36 + c.side + 6)) << c.options;
    if (c.side >= 128) {  // no text is wider
      EXPECT_EQ(sheet.width, 6 + c.columns * (c.side + 6)) << c.options;
    }
  }
}

// OpenMP says of each thread among how many it is.
TEST_F(Programs, CorruptTakesAsManyThreadsAsAreAskedFor) {
  threads_ = 2;
  make_photos("photos");
  for (const auto& [option, said] : {std::pair{"", "2 threads\n2 threads\n"},
                                     {" --threads 0", "2 threads\n2 threads\n"},
                                     {" --threads 3", "3 threads\n3 threads\n3 threads\n"}}) {
    const Outcome outcome =
        run("corrupt " + path("photos") + " --count 1" + option + " --out " + path("sheet.png"),
            "OMP_DISPLAY_AFFINITY=TRUE OMP_AFFINITY_FORMAT='%N threads'");
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, said) << option;
  }
}

TEST_F(Programs, CopiesAreTheLibrarysForTheirSeed) {
  make_photos("photos");
  const CorruptSpec spec;
  std::vector<std::vector<uint8_t>> copies;
  for (const uint64_t seed : {7u, 8u}) {
    const Outcome outcome = run("corrupt " + path("photos") + " --copies --seed " +
                                std::to_string(seed) + " --out " + path("copies"));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    for (int i = 0; i < 4; i++) {
      const std::string name = "leaf" + std::to_string(i) + ".png";
      const Image clean = load_image(path("photos/" + name));
      const Draw draw = draw_evaluation(spec, seed, i, {});
      copies.push_back(load_image(path("copies/" + name)).pixels);
      EXPECT_EQ(copies.back(),
                to_image(corrupt_picture(source_of(clean.view()), draw, flags_of(spec)).corrupted())
                    .pixels)
          << name << " of seed " << seed;
    }
  }
  EXPECT_NE(copies[0], copies[4]);
}

TEST_F(Programs, CopiesAreShrunkToMaxSide) {
  std::filesystem::create_directory(path("wide"));
  save_png(path("wide/a.png"), draw_dead_leaves(1, 1, 22, 1100));
  for (const auto& [option, width] :
       {std::pair{"", 1024}, {" --max-side 0", 1100}, {" --max-side 100", 100}}) {
    const Outcome outcome =
        run("corrupt " + path("wide") + " --copies --out " + path("copies") + option);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(load_image(path("copies/a.png")).width, width) << option;
  }
}

}  // namespace
}  // namespace dae::test
