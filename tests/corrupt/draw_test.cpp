// What is random about a view, against the Philox word that draw.h gives each of it: one that took
// another's word would be as uniform as ever, and no longer independent of it.
#include "corrupt/draw.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/philox.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

constexpr uint64_t kSeed = 0x123456789abcdef;
constexpr int64_t kStep = 0x1234567, kLastStep = (int64_t{1} << 28) - 1, kLastSlot = UINT32_MAX;

PhiloxWords words_of(uint32_t block, int64_t step, int64_t slot, uint32_t stream) {
  return philox4x32(
      {{block, 0, static_cast<uint32_t>(slot), static_cast<uint32_t>(step) + (stream << 28)}},
      kSeed);
}

double unit(uint32_t word) {
  return (word + 0.5) / 4294967296.0;
}

double drawn(const Range& range, uint32_t word, double otherwise) {
  const double place = unit(word) / range.share;
  return place < 1 ? range.low + (double{range.high} - range.low) * place : otherwise;
}

void expect_drawn(const CorruptSpec& spec, const Degradation& d, int64_t step, int64_t slot,
                  uint32_t stream) {
  SCOPED_TRACE(fmt::format("step {}, slot {}, stream {}", step, slot, stream));
  const PhiloxWords first = words_of(0, step, slot, stream),
                    second = words_of(1, step, slot, stream),
                    third = words_of(2, step, slot, stream);
  EXPECT_FLOAT_EQ(d.noise_sigma, drawn(spec.noise, first.word[0], 0) / 255);
  EXPECT_FLOAT_EQ(d.blur_sigma, drawn(spec.blur, first.word[1], 0));
  EXPECT_FLOAT_EQ(d.brightness, drawn(spec.brightness, first.word[2], 1));
  // Whether there are any says red's word; of the others' all of the word is the place.
  CorruptSpec whole = spec;
  whole.channel.share = 1;
  const bool coloured = unit(second.word[0]) < spec.channel.share;
  for (size_t c = 0; c < 3; c++) {
    const Range& range = c == 0 ? spec.channel : whole.channel;
    EXPECT_FLOAT_EQ(d.channel[c], coloured ? drawn(range, second.word[c], 1) : 1);
    EXPECT_EQ(d.gain[c], d.brightness * d.channel[c]);
  }
  EXPECT_FLOAT_EQ(d.shot_sigma, drawn(spec.shot, second.word[3], 0) / 255);
  // Grain and common noise are weights by now.
  const double sigma = drawn(spec.grain, third.word[0], 0), beside = d.grain[1];
  EXPECT_NEAR(beside / d.grain[0], std::exp(-0.5 / (sigma * sigma)), 1e-6);
  EXPECT_NEAR(double{d.grain[0]} * d.grain[0] + 2 * beside * beside, 1, 1e-6);
  const double own = d.mix[0], all = d.mix[1];
  EXPECT_NEAR(2 * own * all + 3 * all * all, drawn(spec.common, third.word[1], 0), 1e-6);
  EXPECT_NEAR(own * own + 2 * own * all + 3 * all * all, 1, 1e-6);
  EXPECT_EQ(d.jpeg, std::nearbyint(drawn(spec.jpeg, third.word[2], 0)));
}

TEST(Draw, EveryParameterIsOfTheWordThatIsItsOwn) {
  for (const float share : {1.0f, 0.6f}) {
    CorruptSpec spec{.noise = {5, 45},
                     .blur = {0.2f, 1.5f},
                     .brightness = {0.7f, 1.3f},
                     .channel = {0.85f, 1.15f},
                     .shot = {3, 30},
                     .grain = {0.3f, 0.9f},
                     .common = {0.1f, 0.8f},
                     .jpeg = {10, 90},
                     .order = Order::camera};
    for (const RangeField& field : range_fields()) (spec.*field.range).share = share;
    for (const int64_t slot : {int64_t{0}, int64_t{7}, int64_t{8}, int64_t{9}, kLastSlot}) {
      for (const int64_t step : {int64_t{0}, kStep, kLastStep}) {
        expect_drawn(spec, draw_degradation(spec, kSeed, step, slot), step, slot, 1);
        const Draw draw = draw_training_of(spec, kSeed, step, slot, {});
        expect_drawn(spec, draw.degradation, step, slot, 1);
      }
      expect_drawn(spec, draw_evaluation(spec, kSeed, slot, {}).degradation, 0, slot, 3);
    }
  }
}

TEST(Draw, TheNoiseHasStreamsOfItsOwn) {
  const NoiseStream training = draw_training_of({}, kSeed, kStep, 7, {}).noise,
                    evaluation = draw_evaluation({}, kSeed, kLastSlot, {}).noise;
  EXPECT_EQ(training.seed, kSeed);
  EXPECT_EQ(training.slot, 7u);
  EXPECT_EQ(training.step_and_stream, 0x21234567u);
  EXPECT_EQ(evaluation.seed, kSeed);
  EXPECT_EQ(evaluation.slot, UINT32_MAX);
  EXPECT_EQ(evaluation.step_and_stream, 0x40000000u);
}

// A word says in which of so many equal parts of its range a view lies. The second picture is
// smaller than the view, which then contains it.
TEST(Draw, AViewIsOfItsFourWords) {
  const Source large{.height = 700, .width = 300}, small{.height = 30, .width = 20},
      wide{.height = 64, .width = 1000};
  const std::vector<Source> sources = {large, small, wide};
  constexpr int64_t kHeight = 64, kWidth = 48;
  const auto part = [](uint32_t word, int64_t parts) {
    return static_cast<int64_t>(static_cast<double>(word) * double(parts) / 4294967296.0);
  };
  for (int64_t slot = 0; slot < 30; slot++) {
    SCOPED_TRACE(slot);
    const PhiloxWords w = words_of(0, kStep, slot, 0);
    const View view = sample_view(kSeed, kStep, slot, sources, kHeight, kWidth);
    EXPECT_EQ(view.image, part(w.word[0], 3));
    const Source& seen = sources[static_cast<size_t>(part(w.word[0], 3))];
    const auto place = [&](uint32_t word, int64_t side, int64_t of_view) {
      return side >= of_view ? part(word, side - of_view + 1)
                             : part(word, of_view - side + 1) - (of_view - side);
    };
    EXPECT_EQ(view.y, place(w.word[1], seen.height, kHeight));
    EXPECT_EQ(view.x, place(w.word[2], seen.width, kWidth));
    EXPECT_EQ(view.flip, w.word[3] >= 0x80000000u);
  }
}

TEST(Draw, RefusesWhereRandomNumbersWouldRepeat) {
  const std::string step = "is outside 0..2^28-1, where random numbers would repeat",
                    slot = "is outside 0..2^32-1, where random numbers would repeat";
  const auto training = [](int64_t at_step, int64_t at_slot) {
    return said([&] { draw_degradation({}, kSeed, at_step, at_slot); });
  };
  EXPECT_EQ(training(kLastStep, kLastSlot), "accepted");
  EXPECT_EQ(training(-1, 0), "corruption: step -1 " + step);
  EXPECT_EQ(training(kLastStep + 1, 0), "corruption: step 268435456 " + step);
  EXPECT_EQ(training(0, -1), "corruption: slot -1 " + slot);
  EXPECT_EQ(training(0, kLastSlot + 1), "corruption: slot 4294967296 " + slot);
  EXPECT_EQ(said([] { draw_evaluation({}, kSeed, kLastSlot + 1, {}); }),
            "corruption: slot 4294967296 " + slot);
}

TEST(Draw, RefusesWhatCannotBeDrawn) {
  const auto view_of = [](const std::vector<Source>& sources) {
    return said([&] { sample_view(kSeed, 0, 0, sources, 8, 8); });
  };
  EXPECT_EQ(view_of({}), "corruption: there is no image to sample from");
  EXPECT_EQ(view_of({{.height = 1, .width = 1}}), "accepted");
  EXPECT_EQ(view_of({{.height = 0, .width = 5}}), "corruption: image 0 is 0x5, without a pixel");
  EXPECT_EQ(view_of({{.height = 5, .width = 0}}), "corruption: image 0 is 5x0, without a pixel");
  struct Limit {
    void (*set)(Degradation&, float);
    float most;
    std::string before, after;
  };
  for (const auto& [set, most, before, after] :
       {Limit{set_blur, 4, "corruption: blur of ", " pixels is outside 0..4"},
        Limit{set_grain, 1, "corruption: grain of ", " pixels is outside 0..1"},
        Limit{set_common, 1, "corruption: a correlation of ", " is outside 0..1"}}) {
    const auto said_of = [set = set](float value) {
      Degradation d;
      return said([&] { set(d, value); });
    };
    EXPECT_EQ(said_of(0), "accepted");
    EXPECT_EQ(said_of(most), "accepted");
    EXPECT_EQ(said_of(most + 0.5f), fmt::format("{}{}.5{}", before, int(most), after));
    EXPECT_EQ(said_of(-0.5f), before + "-0.5" + after);
    EXPECT_EQ(said_of(std::nanf("")), before + "nan" + after);
  }
}

}  // namespace
}  // namespace dae::test
