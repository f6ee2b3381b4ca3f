// What corrupt makes, pixel by pixel: the sheet that is kept, and copies as the library corrupts.
#include "corrupt/corrupted_view.h"
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
