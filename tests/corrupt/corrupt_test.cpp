// The corruption against fp64 code written from its contract alone: normals by the library's log,
// sin and cos, blur and factors in double. Only Philox's words and the drawn parameters, which have
// tests of their own, are shared with the code under test.
#include "corrupt/corrupt.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <random>

#include "corrupt/band.h"
#include "corrupt/normal.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/parallel.h"
#include "runtime/philox.h"
#include "tests/support/corrupt_run.h"
#include "tests/support/on_device.h"
#include "tests/support/op_case.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

// Rounded to f32 before the logarithm, as the contract says: the largest words give exactly one.
double uniform_of(uint32_t word) {
  return double{static_cast<float>((word >> 1) | 1)} / 2147483648.0;
}

double normal_at(const NoiseStream& noise, int64_t y, int64_t element) {
  const PhiloxWords w = philox4x32({{static_cast<uint32_t>(element / 4), static_cast<uint32_t>(y),
                                     noise.slot, noise.step_and_stream}},
                                   noise.seed);
  const int64_t pair = element % 4 / 2;
  const double u = uniform_of(w.word[2 * pair]);
  const double angle = std::numbers::pi *
                       static_cast<double>(static_cast<int32_t>(w.word[2 * pair + 1])) /
                       2147483648.0;
  const double radius = std::sqrt(-2 * std::log(u));
  return element % 2 == 0 ? radius * std::cos(angle) : radius * std::sin(angle);
}

// What corrupt() must give for one view, before clipping and quantising, and its clean pixels.
struct Expected {
  std::vector<uint8_t> clean;
  std::vector<double> values;
};

Expected expect(const Picture& picture, const Draw& draw, Order order, int64_t height,
                int64_t width) {
  const auto count = static_cast<size_t>(3 * height * width);
  Expected out{std::vector<uint8_t>(count), std::vector<double>(count)};
  const auto at = [&](int64_t y, int64_t x, int64_t c) { return (y * width + x) * 3 + c; };
  for (int64_t y = 0; y < height; y++)
    for (int64_t x = 0; x < width; x++)
      for (int64_t c = 0; c < 3; c++) {
        const int64_t column = draw.view.flip ? width - 1 - x : x;
        out.clean[at(y, x, c)] =
            picture.pixels[(mirrored(draw.view.y + y, picture.height) * picture.width +
                            mirrored(draw.view.x + column, picture.width)) *
                               3 +
                           c];
        out.values[at(y, x, c)] = out.clean[at(y, x, c)] / 255.0;
      }
  const Degradation& d = draw.degradation;
  const auto add_noise = [&] {
    for (int64_t y = 0; y < height; y++)
      for (int64_t i = 0; i < 3 * width; i++)
        out.values[y * 3 * width + i] += double{d.noise_sigma} * normal_at(draw.noise, y, i);
  };
  if (order == Order::classic) add_noise();
  if (d.radius > 0) {
    std::vector<double> taps(d.radius + 1);
    double sum = 0;
    for (int k = -d.radius; k <= d.radius; k++) {
      const double tap = std::exp(-0.5 * k * k / (double{d.blur_sigma} * d.blur_sigma));
      taps[std::abs(k)] = tap;
      sum += tap;
    }
    const auto blur = [&](bool along) {
      const std::vector<double> from = out.values;
      for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
          for (int64_t c = 0; c < 3; c++) {
            double value = 0;
            for (int k = -d.radius; k <= d.radius; k++)
              value += taps[std::abs(k)] / sum *
                       from[along ? at(y, mirrored(x + k, width), c)
                                  : at(mirrored(y + k, height), x, c)];
            out.values[at(y, x, c)] = value;
          }
    };
    blur(true);
    blur(false);
  }
  for (size_t i = 0; i < count; i++)
    out.values[i] *= double{d.brightness} * double{d.channel[i % 3]};
  if (order == Order::camera) {
    Values m(count);
    for (int64_t y = 0; y < height; y++)
      for (int64_t i = 0; i < 3 * width; i++) m[y * 3 * width + i] = normal_at(draw.noise, y, i);
    const double own = d.mix[0], all = (std::sqrt(3 - 2 * own * own) - own) / 3;
    for (size_t i = 0; i < count; i += 3) {
      const double sum = m[i] + m[i + 1] + m[i + 2];
      for (size_t c = 0; c < 3; c++) m[i + c] = own * m[i + c] + all * sum;
    }
    const double beside = d.grain[1], middle = std::sqrt(1 - 2 * beside * beside);
    for (const bool along : {true, false}) {
      const Values from = m;
      for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
          for (int64_t c = 0; c < 3; c++)
            m[at(y, x, c)] = middle * from[at(y, x, c)] +
                             beside * (from[along ? at(y, mirrored(x - 1, width), c)
                                                  : at(mirrored(y - 1, height), x, c)] +
                                       from[along ? at(y, mirrored(x + 1, width), c)
                                                  : at(mirrored(y + 1, height), x, c)]);
    }
    for (size_t i = 0; i < count; i++) {
      const double light = std::max(out.values[i], 0.0), shot = d.shot_sigma;
      out.values[i] +=
          m[i] * std::sqrt(double{d.noise_sigma} * d.noise_sigma + shot * shot * light);
    }
  }
  return out;
}

// What each camera's corruption adds, and both.
std::vector<CorruptSpec> specs_of_every_kind() {
  CorruptSpec classic, camera, shot, grain, common, both;
  camera.order = shot.order = grain.order = common.order = both.order = Order::camera;
  common.common = both.common = {0, 1};
  shot.shot = both.shot = {5, 40};
  grain.grain = both.grain = {0, 1};
  shot.noise = {0, 0, false};
  shot.blur = grain.blur = {0, 0, false};
  return {classic, camera, shot, grain, common, both};
}

class CorruptTest : public OnDevice {};

TEST_P(CorruptTest, MatchesFp64OnOddShapes) {
  if (watcher() == Watcher::thread) GTEST_SKIP() << "minutes: shorter tests run the kernel as well";
  const std::vector<Picture> pictures = {{97, 130, 1}, {1, 1, 2}, {3, 200, 3}, {64, 64, 4}};
  std::vector<Source> sources;
  for (const Picture& picture : pictures) sources.push_back(picture.source());
  for (CorruptSpec spec : specs_of_every_kind())
    for (const auto& [height, width] : std::initializer_list<std::pair<int64_t, int64_t>>{
             {1, 1}, {5, 3}, {33, 31}, {64, 64}, {2, 150}, {140, 7}}) {
      const Order order = spec.order;
      if (spec.blur.present) spec.blur = {0.3f, 4.0f, true};
      CorruptFlags flags = flags_of(spec);
      flags.clip = flags.quantize = false;
      std::vector<Draw> draws;
      for (int64_t slot = 0; slot < 6; slot++)
        draws.push_back(draw_training(spec, 7, 3, slot, sources, static_cast<int32_t>(height),
                                      static_cast<int32_t>(width)));
      const Result got = run(GetParam(), pictures, draws, flags, height, width);
      const int64_t count = height * width * 3;
      for (size_t v = 0; v < draws.size(); v++) {
        const Expected want = expect(pictures[draws[v].view.image], draws[v], order, height, width);
        ASSERT_EQ(got.told[v], draws[v].told);
        for (int64_t i = 0; i < count; i++) {
          ASSERT_EQ(got.clean[v * count + i], want.clean[i]);
          // Normals are within 2e-6 and noise at most 0.2 of them; sums of 50 f32 products.
          ASSERT_NEAR(got.corrupted[v * count + i], want.values[i], 3e-6)
              << height << "x" << width << " view " << v << " element " << i;
        }
      }
    }
}

// A launch has shared memory for the largest radius of its batch, and on a GPU tiles that are smaller
// from 8 pixels on.
TEST_P(CorruptTest, EveryRadiusAndEveryLargestOne) {
  if (watcher() == Watcher::thread) GTEST_SKIP() << "minutes: shorter tests run the kernel as well";
  const std::vector<Picture> pictures = {{60, 70, 1}};
  const std::vector<Source> sources = {pictures[0].source()};
  constexpr int64_t kHeight = 27, kWidth = 50, kCount = kHeight * kWidth * 3;
  for (const bool camera : {false, true}) {
    CorruptSpec spec;
    if (camera) {
      spec.order = Order::camera;
      spec.grain = spec.common = {0.5f, 0.5f};
    }
    for (int32_t largest = 0; largest <= kMaxRadius; largest++) {
      CorruptFlags flags = flags_of(spec);
      flags.clip = flags.quantize = false;
      flags.max_radius = largest;
      std::vector<Draw> draws;
      for (const int32_t radius : {largest, largest / 2}) {
        draws.push_back(
            draw_training(spec, 7, largest, radius, sources, int32_t{kHeight}, int32_t{kWidth}));
        set_blur(draws.back().degradation, static_cast<float>(radius) * 0.333f);
        ASSERT_EQ(draws.back().degradation.radius, radius);
      }
      const Result got = run(GetParam(), pictures, draws, flags, kHeight, kWidth);
      for (size_t v = 0; v < draws.size(); v++) {
        const Expected want = expect(pictures[0], draws[v], spec.order, kHeight, kWidth);
        for (size_t i = 0; i < kCount; i++)
          ASSERT_NEAR(got.corrupted[v * kCount + i], want.values[i], 3e-6)
              << "radius " << draws[v].degradation.radius << " of " << largest << " element " << i;
      }
    }
  }
}

TEST_P(CorruptTest, ClipsAndRoundsAsAFileWould) {
  const std::vector<Picture> pictures = {{40, 40, 1}};
  CorruptSpec spec;
  const std::vector<Source> sources = {pictures[0].source()};
  std::vector<Draw> draws = {draw_training(spec, 1, 0, 0, sources, 32, 32)};
  CorruptFlags flags = flags_of(spec);
  const Result rounded = run(GetParam(), pictures, draws, flags, 32, 32);
  flags.quantize = false;
  const Result clipped = run(GetParam(), pictures, draws, flags, 32, 32);
  flags.clip = false;
  const Result raw = run(GetParam(), pictures, draws, flags, 32, 32);
  bool beyond = false;
  for (size_t i = 0; i < raw.corrupted.size(); i++) {
    beyond |= raw.corrupted[i] < 0 || raw.corrupted[i] > 1;
    ASSERT_EQ(clipped.corrupted[i], std::clamp(raw.corrupted[i], 0.0f, 1.0f));
    ASSERT_EQ(rounded.corrupted[i],
              static_cast<float>(std::nearbyint(clipped.corrupted[i] * 255.0f) / 255.0));
  }
  EXPECT_TRUE(beyond) << "the case never needed clipping";
}

TEST_P(CorruptTest, SamplesDoNotDependOnTheBatch) {
  const std::vector<Picture> pictures = {{80, 90, 1}, {50, 200, 2}};
  const std::vector<Source> sources = {pictures[0].source(), pictures[1].source()};
  std::vector<Draw> draws;
  for (int64_t slot = 0; slot < 5; slot++)
    draws.push_back(draw_training({}, 1, 9, slot, sources, 48, 40));
  const Result all = run(GetParam(), pictures, draws, flags_of({}), 48, 40);
  for (size_t v = 0; v < draws.size(); v++) {
    const Result one = run(GetParam(), pictures, {draws[v]}, flags_of({}), 48, 40);
    EXPECT_TRUE(std::equal(one.corrupted.begin(), one.corrupted.end(),
                           all.corrupted.begin() + static_cast<ptrdiff_t>(v * 48 * 40 * 3)));
  }
}

// Of a pair one picture is the target and the other is corrupted; the second alone is as it always was.
TEST_P(CorruptTest, OfAPairTheOtherPictureIsCorrupted) {
  const std::vector<Picture> pictures = {{60, 90, 1}, {60, 90, 2}};
  CorruptSpec spec;
  Draw draw = draw_training(spec, 1, 9, 3, std::vector{pictures[0].source()}, 48, 70);
  draw.view.x = -5;  // reflected, too
  draw.view.flip = true;
  Draw other = draw;
  other.view.image = 1;
  const Result pair = run(GetParam(), pictures, {draw}, flags_of(spec), 48, 70, true),
               first = run(GetParam(), pictures, {draw}, flags_of(spec), 48, 70),
               second = run(GetParam(), pictures, {other}, flags_of(spec), 48, 70);
  EXPECT_EQ(pair.clean, first.clean);
  EXPECT_EQ(pair.corrupted, second.corrupted);
  EXPECT_NE(first.corrupted, second.corrupted);
}

// The CPU's bits, of views that are a tile of the kernel, less than one, or several with what the blur
// sees beside them; bytes, floats and what a network reads in bf16, at packs and beside them.
TEST_P(CorruptTest, GivesTheScalarBits) {
  if (GetParam() == Device::cpu) GTEST_SKIP() << "compared with it";
  const std::vector<Picture> pictures = {{150, 170, 1}, {90, 61, 2}};
  const std::vector<Source> sources = {pictures[0].source(), pictures[1].source()};
  struct Size {
    int64_t height, width, shift = 0;
  };
  std::vector<Size> sizes = {{64, 64}, {72, 68}, {31, 132}, {16, 60, 1}};
  if (watcher() == Watcher::none) sizes.insert(sizes.end(), {{136, 200}, {65, 129}, {8, 300, 2}});
  int32_t turn = 0;
  for (CorruptSpec spec : specs_of_every_kind())
    for (const auto& [height, width, shift] : sizes) {
      const int32_t largest = 1 + turn++ % kMaxRadius;
      CorruptFlags flags = flags_of(spec);
      flags.max_radius = largest;
      std::vector<Draw> draws;
      for (int64_t slot = 0; slot < 2; slot++) {
        draws.push_back(draw_training(spec, 7, turn, slot, sources, static_cast<int32_t>(height),
                                      static_cast<int32_t>(width)));
        set_blur(draws.back().degradation,
                 static_cast<float>(slot == 0 ? largest : largest / 2) * 0.333f);
      }
      const Result got = run(GetParam(), pictures, draws, flags, height, width, false, shift),
                   want = run(Device::cpu, pictures, draws, flags, height, width);
      const std::string where =
          fmt::format("{}x{} by up to {}, turn {}", height, width, largest, turn);
      ASSERT_EQ(got.clean, want.clean) << where;
      ASSERT_EQ(got.corrupted, want.corrupted) << where;
      for (size_t i = 0; i < got.rounded.size(); i++)
        ASSERT_EQ(got.rounded[i].bits, to_bf16(want.corrupted[i]).bits)
            << where << " element " << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Devices, CorruptTest, testing::ValuesIn(tested_devices()), device_name);

// A view that is stored in packs of four wherever each output lies as they must, so that the harness, which
// moves one at a time, shows which of them are looked at.
std::vector<OpCase> cases_of_packs() {
  std::vector<OpCase> list;
  for (const Order order : {Order::classic, Order::camera}) {
    const CorruptSpec spec{.blur = {0.3f, 0.3f}, .order = order};  // by a pixel a side
    const std::vector<Picture> pictures = {{20, 30, 1}};
    const Draw draw = draw_training(spec, 7, 1, 0, std::vector{pictures[0].source()}, 8, 8);
    const Shape s = {1, 8, 8, 3};
    list.push_back(
        {.name = order == Order::classic ? "bf16_classic" : "bf16_camera",
         .args = {{.name = "clean", .shape = s, .role = Role::out, .dtype = DType::u8},
                  {.name = "corrupted", .shape = s, .role = Role::out},
                  {.name = "rounded", .shape = s, .role = Role::out, .dtype = DType::bf16},
                  {.name = "told", .shape = {1}, .role = Role::out}},
         .run =
             [=](const Queue& q, const auto& t) {
               const std::vector<uint8_t>& bytes = pictures[0].pixels;
               const Buffer pixels(q.device, bytes.size()), sources(q.device, sizeof(Source)),
                   draws(q.device, sizeof(Draw));
               Source source = pictures[0].source();
               source.pixels = reinterpret_cast<const uint8_t*>(pixels.data());
               copy_between_devices(pixels.data(), bytes.data(), bytes.size());
               copy_between_devices(sources.data(), &source, sizeof(source));
               copy_between_devices(draws.data(), &draw, sizeof(draw));
               corrupt(q, {sources.data(), {1, int64_t{sizeof(Source)}}, DType::u8},
                       {draws.data(), {1, int64_t{sizeof(Draw)}}, DType::u8}, flags_of(spec), t[0],
                       t[1], {}, t[3], t[2]);
               synchronize_device();  // before the pixels go
             },
         .reference =
             [=](auto& v) {
               const Result want = run(Device::cpu, pictures, {draw}, flags_of(spec), 8, 8);
               v[0] = {want.clean.begin(), want.clean.end()};
               v[1] = v[2] = {want.corrupted.begin(), want.corrupted.end()};
               v[3] = {draw.told};
             },
         .gpu_only = true});
  }
  return list;
}

DAE_OP_TEST(CorruptPacks, cases_of_packs());

// The vector code must give the scalar code's bits, whatever this machine's instruction set.
TEST(Corrupt, VectorCodeGivesTheScalarBits) {
  const Picture picture(150, 170, 5);
  const Source source = picture.source();
  const std::vector<Source> sources = {source};
  for (CorruptSpec spec : specs_of_every_kind())
    for (const bool quantize : {true, false})
      for (const int32_t width : {1, 2, 5, 21, 22, 43, 64, 129}) {
        if (spec.blur.present) spec.blur = {0.0f, 4.0f, true};
        spec.quantize = quantize;
        for (int64_t slot = 0; slot < 4; slot++) {
          const int32_t height = 140;
          const Draw draw = draw_training(spec, 3, 1, slot, sources, height, width);
          const size_t count = 3u * height * width;
          std::vector<float> scratch(band_scratch_count(width, kMaxRadius));
          std::vector<uint8_t> clean_a(count), clean_b(count);
          std::vector<float> a(count), b(count);
          Band band{.source = &source,
                    .draw = &draw,
                    .flags = flags_of(spec),
                    .height = height,
                    .width = width,
                    .begin = 0,
                    .end = height,
                    .clean = clean_a.data(),
                    .corrupted = a.data(),
                    .scratch = scratch.data()};
          corrupt_band_scalar(band);
          // In bands, too: rows beyond a band's ends are made again, alike.
          band.clean = clean_b.data();
          band.corrupted = b.data();
          for (const auto& [begin, end] :
               std::initializer_list<std::pair<int64_t, int64_t>>{{0, 50}, {50, 51}, {51, 140}}) {
            band.begin = begin;
            band.end = end;
            // Rows of the band before must not be of any use: another thread may have made them.
            std::fill(scratch.begin(), scratch.end(), std::nanf(""));
            corrupt_band(band);
          }
          ASSERT_EQ(a, b) << "width " << width << " slot " << slot;
          ASSERT_EQ(clean_a, clean_b);
        }
      }
}

TEST(Corrupt, GivesTheSameBitsForEveryNumberOfThreads) {
  const std::vector<Picture> pictures = {{300, 310, 1}};
  const std::vector<Source> sources = {pictures[0].source()};
  const std::vector<Draw> draws = {draw_training({}, 1, 0, 0, sources, 290, 200)};
  std::vector<float> first;
  for (const int n : {1, 2, 3, 5}) {
    set_threads(n);
    const Result result = run(Device::cpu, pictures, draws, flags_of({}), 290, 200);
    if (first.empty()) first = result.corrupted;
    EXPECT_EQ(result.corrupted, first) << n << " threads";
  }
  set_threads(0);
}

TEST(Corrupt, NormalsAreCloseToFp64AndNormal) {
  double worst = 0, sum = 0, square = 0, cube = 0, fourth = 0;
  int64_t beyond3 = 0;
  const int64_t pairs = 500000;
  std::mt19937 words(1);
  for (int64_t i = 0; i < pairs; i++) {
    const uint32_t w0 = i == 0   ? 0
                        : i == 1 ? UINT32_MAX
                                 : static_cast<uint32_t>(words()),
                   w1 = static_cast<uint32_t>(words());
    float first, second;
    normal_pair(w0, w1, first, second);
    const double u = uniform_of(w0);
    const double angle =
        std::numbers::pi * static_cast<double>(static_cast<int32_t>(w1)) / 2147483648.0;
    const double radius = std::sqrt(-2 * std::log(u));
    worst = std::max({worst, std::abs(first - radius * std::cos(angle)),
                      std::abs(second - radius * std::sin(angle))});
    for (const double z : {double{first}, double{second}}) {
      sum += z;
      square += z * z;
      cube += z * z * z;
      fourth += z * z * z * z;
      beyond3 += std::abs(z) > 3;
    }
  }
  EXPECT_LT(worst, 4e-6);
  // Four standard errors of each moment over a million normals.
  const double n = 2.0 * pairs;
  EXPECT_NEAR(sum / n, 0, 4 / std::sqrt(n));
  EXPECT_NEAR(square / n, 1, 4 * std::sqrt(2 / n));
  EXPECT_NEAR(cube / n, 0, 4 * std::sqrt(15 / n));
  EXPECT_NEAR(fourth / n, 3, 4 * std::sqrt(96 / n));
  EXPECT_NEAR(beyond3 / n, 0.0026998, 4 * std::sqrt(0.0027 / n));
}

TEST(Draw, ParametersStayInTheirRangesAndDoNotDisturbEachOther) {
  CorruptSpec spec, without_blur;
  without_blur.blur.present = false;
  double brightness = 0;
  const int n = 4000;
  for (int64_t slot = 0; slot < n; slot++) {
    const Degradation d = draw_degradation(spec, 11, 5, slot);
    EXPECT_GE(d.noise_sigma, 0);
    EXPECT_LE(d.noise_sigma, 50 / 255.0f);
    EXPECT_GE(d.blur_sigma, 0.2f);
    EXPECT_LE(d.blur_sigma, 1.5f);
    EXPECT_GE(d.brightness, 0.7f);
    EXPECT_LE(d.brightness, 1.3f);
    for (const float c : d.channel) {
      EXPECT_GE(c, 0.85f);
      EXPECT_LE(c, 1.15f);
    }
    brightness += d.brightness;
    double taps = d.taps[0];
    for (int k = 1; k <= d.radius; k++) taps += 2 * double{d.taps[k]};
    EXPECT_NEAR(taps, 1, 1e-6);
    const Degradation other = draw_degradation(without_blur, 11, 5, slot);
    EXPECT_EQ(other.brightness, d.brightness);
    EXPECT_EQ(other.noise_sigma, d.noise_sigma);
    EXPECT_EQ(other.radius, 0);
  }
  EXPECT_NEAR(brightness / n, 1, 4 * 0.6 / std::sqrt(12.0 * n));
}

TEST(Draw, TheNoiseOfAViewIsTold) {
  const Picture picture(40, 40, 1);
  CorruptSpec without_noise;
  without_noise.noise.present = false;
  for (int64_t slot = 0; slot < 20; slot++) {
    const Draw draw = draw_training({}, 11, 5, slot, std::vector{picture.source()}, 8, 8);
    EXPECT_EQ(draw.told, draw.degradation.noise_sigma);
    EXPECT_EQ(draw_training(without_noise, 11, 5, slot, std::vector{picture.source()}, 8, 8).told,
              0);
    const Draw evaluated = draw_evaluation({}, 11, slot, {});
    EXPECT_EQ(evaluated.told, evaluated.degradation.noise_sigma);
  }
}

// Over what of the view lies inside the picture.
TEST(Draw, OfAPairIsToldHowFarItsPicturesAreApart) {
  const Picture clean(30, 40, 1), given(30, 40, 2);
  Source pair = clean.source();
  pair.given = given.pixels.data();
  for (const auto& [y, x, height, width] :
       {std::array{3, 5, 20, 17}, {-4, 0, 50, 40}, {0, 39, 30, 60}, {29, 0, 2, 1}}) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t row = std::max(0, y); row < std::min(30, y + height); row++)
      for (int64_t i = 3 * std::max(0, x); i < 3 * std::min(40, x + width); i++, count++)
        sum += std::pow((clean.pixels[row * 120 + i] - given.pixels[row * 120 + i]) / 255.0, 2);
    Draw draw;
    draw.view = {0, y, x};
    tell_of_pair(draw, pair, height, width);
    EXPECT_NEAR(draw.told, std::sqrt(sum / static_cast<double>(count)), 1e-6) << y << ' ' << x;
  }
  for (int64_t slot = 0; slot < 20; slot++) {
    Draw draw = draw_training({}, 11, 5, slot, std::vector{pair}, 8, 8);
    const float told = draw.told;
    EXPECT_NE(told, draw.degradation.noise_sigma);
    tell_of_pair(draw, pair, 8, 8);
    EXPECT_EQ(draw.told, told);
  }
  Draw alone;
  alone.told = 7;
  tell_of_pair(alone, clean.source(), 8, 8);
  EXPECT_EQ(alone.told, 7) << "there is no pair";
}

// Grain leaves noise as strong as it was, and neighbours alike; light makes it grow with its root.
TEST(Corrupt, CameraNoiseHasTheStrengthAndTheGrainThatWereDrawn) {
  Picture black(128, 128, 1), white = black;
  std::fill(black.pixels.begin(), black.pixels.end(), 0);
  std::fill(white.pixels.begin(), white.pixels.end(), 255);
  CorruptSpec spec;
  spec.noise = {10, 10};
  spec.shot = {20, 20};
  spec.grain = {0.8f, 0.8f};
  spec.blur = spec.brightness = spec.channel = {0, 0, false};
  spec.order = Order::camera;
  spec.clip = spec.quantize = false;
  const double beside = std::exp(-0.5 / 0.64), norm = 1 + 2 * beside * beside;
  for (const auto& [picture, value, sigma] :
       {std::tuple{&black, 0.0, 10.0}, {&white, 1.0, std::sqrt(500.0)}}) {
    const std::vector<Source> sources = {picture->source()};
    const Draw draw = draw_training(spec, 3, 1, 0, sources, 128, 128);
    EXPECT_FLOAT_EQ(draw_evaluation(spec, 3, 0, {}).degradation.shot_sigma, 20 / 255.0f);
    EXPECT_NEAR(draw.told, std::sqrt(100 + 400 * 0.5) / 255, 1e-6);
    const Result result = run(Device::cpu, {*picture}, {draw}, flags_of(spec), 128, 128);
    double square = 0, product = 0;
    for (size_t i = 0; i < result.corrupted.size(); i++) {
      const double noise = (result.corrupted[i] - value) * 255;
      square += noise * noise;
      if (i % (3 * 128) >= 3) product += noise * (result.corrupted[i - 3] - value) * 255;
    }
    const double variance = square / static_cast<double>(result.corrupted.size());
    EXPECT_NEAR(std::sqrt(variance), sigma, 0.03 * sigma);
    EXPECT_NEAR(product / static_cast<double>(3 * 128 * 127) / variance, 2 * beside / norm, 0.03);
  }
}

TEST(Draw, CommonNoiseIsTheSameInAllChannelsAtOne) {
  for (const float correlation : {0.0f, 0.25f, 0.7f, 1.0f}) {
    Degradation d;
    set_common(d, correlation);
    const double own = d.mix[0], all = d.mix[1];
    EXPECT_NEAR(own * own + 2 * own * all + 3 * all * all, 1, 1e-6) << "as strong as it was";
    EXPECT_NEAR(2 * own * all + 3 * all * all, correlation, 1e-6);
  }
}

TEST(Draw, ViewsLieInsideLargeImagesAndCoverSmallOnes) {
  const Picture large(70, 90, 1), small(1, 20, 2);
  const std::vector<Source> sources = {large.source(), small.source()};
  std::vector<bool> seen_row(7), flipped(2);
  for (int64_t slot = 0; slot < 500; slot++) {
    const View view = sample_view(1, 2, slot, sources, 64, 64);
    flipped[view.flip] = true;
    if (view.image == 0) {
      EXPECT_GE(view.y, 0);
      EXPECT_LE(view.y, 6);
      EXPECT_GE(view.x, 0);
      EXPECT_LE(view.x, 26);
      seen_row[view.y] = true;
    } else {
      EXPECT_LE(view.y, 0);
      EXPECT_GE(view.y + 64, 1);
      EXPECT_LE(view.x, 0);
      EXPECT_GE(view.x + 64, 20);
    }
  }
  EXPECT_EQ(std::count(seen_row.begin(), seen_row.end(), true), 7);
  EXPECT_TRUE(flipped[0] && flipped[1]);
}

TEST(Draw, EvaluationDoesNotDependOnTheTrainingStep) {
  const View view{0, 3, 4, false};
  const Draw a = draw_evaluation({}, 9, 17, view), b = draw_evaluation({}, 9, 17, view),
             c = draw_evaluation({}, 9, 18, view);
  EXPECT_EQ(a.degradation.noise_sigma, b.degradation.noise_sigma);
  EXPECT_NE(a.degradation.noise_sigma, c.degradation.noise_sigma);
}

// Of many draws a share has the corruption, spread over its whole range; the other corruptions are
// drawn as they are without any share.
TEST(Draw, AShareOfThePicturesHasACorruption) {
  constexpr int kDraws = 4000;
  CorruptSpec all;
  all.jpeg = {10, 90};
  CorruptSpec some = all;
  some.noise.share = 0.25f, some.channel.share = 0.5f, some.jpeg.share = 0.75f;
  int noisy = 0, coloured = 0, files = 0, low_noise = 0;
  double reddest = 1, greenest = 1, highest = 0;
  for (int slot = 0; slot < kDraws; slot++) {
    const Degradation d = draw_degradation(some, 3, 0, slot);
    const Degradation of_all = draw_degradation(all, 3, 0, slot);
    EXPECT_EQ(d.blur_sigma, of_all.blur_sigma);
    EXPECT_EQ(d.brightness, of_all.brightness);
    noisy += d.noise_sigma > 0;
    low_noise += d.noise_sigma > 0 && d.noise_sigma < 25 / 255.0f;
    highest = std::max(highest, double{d.noise_sigma} * 255);
    const int changed = (d.channel[0] != 1) + (d.channel[1] != 1) + (d.channel[2] != 1);
    EXPECT_TRUE(changed == 0 || changed == 3) << changed;
    coloured += changed == 3;
    reddest = std::max(reddest, double{d.channel[0]});
    greenest = std::max(greenest, double{d.channel[1]});
    files += d.jpeg != 0;
  }
  // Standard deviations of the counts: 27, 32, 27 and 16.
  EXPECT_NEAR(noisy, 0.25 * kDraws, 120);
  EXPECT_NEAR(coloured, 0.5 * kDraws, 140);
  EXPECT_NEAR(files, 0.75 * kDraws, 120);
  EXPECT_NEAR(low_noise, 0.125 * kDraws, 90);
  EXPECT_GT(highest, 49);
  EXPECT_GT(reddest, 1.149);
  EXPECT_GT(greenest, 1.149);
}

// By the number of the draw, of which the first is as it should be.
TEST(Corrupt, NamesTheDrawThatDoesNotFit) {
  const std::vector<Picture> pictures = {{8, 8, 1}};
  const CorruptFlags plain{.order = Order::camera, .max_radius = 4};
  CorruptFlags noisy = plain, files = plain;
  noisy.camera_noise = files.jpeg = true;
  const auto said_of = [&](const CorruptFlags& flags, const std::function<void(Draw&)>& change) {
    std::vector<Draw> draws(2);
    change(draws[1]);
    return said([&] { run(Device::cpu, pictures, draws, flags, 8, 8); });
  };
  for (const int64_t image : {-1, 1})
    EXPECT_EQ(said_of(plain, [&](Draw& d) { d.view.image = image; }),
              fmt::format("corrupt: draw 1 wants image {}, but there are 1", image));
  for (const int32_t radius : {-1, 5})
    EXPECT_EQ(
        said_of(plain, [&](Draw& d) { d.degradation.radius = radius; }),
        fmt::format("corrupt: draw 1 blurs by {} pixels a side, but max_radius is 4", radius));
  EXPECT_EQ(said_of(plain, [](Draw& d) { set_blur(d.degradation, 1.33f); }), "accepted");
  for (const auto& change : std::initializer_list<std::function<void(Draw&)>>{
           [](Draw& d) { d.degradation.shot_sigma = 0.1f; },
           [](Draw& d) { set_grain(d.degradation, 0.5f); },
           [](Draw& d) { set_common(d.degradation, 0.5f); }}) {
    EXPECT_EQ(said_of(plain, change),
              "corrupt: draw 1 has a camera's noise, which the flags say that none has");
    EXPECT_EQ(said_of(noisy, change), "accepted");
  }
  for (const int32_t quality : {-1, 1, 100, 101}) {
    const auto change = [&](Draw& d) { d.degradation.jpeg = quality; };
    EXPECT_EQ(said_of(plain, change),
              "corrupt: draw 1 is a JPEG file, which the flags say that none is");
    EXPECT_EQ(
        said_of(files, change),
        quality == 1 || quality == 100
            ? "accepted"
            : fmt::format("corrupt: draw 1 has a JPEG quality of {}, expected 0 to 100", quality));
  }
}

TEST(Corrupt, TheLargestRadiusHasLimits) {
  const std::vector<Picture> pictures = {{8, 8, 1}};
  const auto said_of = [&](int32_t radius) {
    return said([&] { run(Device::cpu, pictures, {Draw()}, {.max_radius = radius}, 8, 8); });
  };
  EXPECT_EQ(said_of(0), "accepted");
  EXPECT_EQ(said_of(12), "accepted");
  for (const int32_t radius : {-1, 13})
    EXPECT_EQ(said_of(radius), fmt::format("corrupt: max_radius is {}, expected 0 to 12", radius));
}

// Every argument of another type or shape is named; nothing of it is read before.
TEST(Corrupt, RefusalsNameWhatTheyAreOf) {
  alignas(64) static std::byte memory[1 << 16];
  const int64_t source = sizeof(Source), draw = sizeof(Draw);
  struct Given {
    Tensor sources{memory, {1, source}, DType::u8}, draws{memory, {2, draw}, DType::u8},
        clean{memory, {2, 4, 5, 3}, DType::u8}, corrupted{memory, {2, 4, 5, 3}},
        workspace{memory, {1000}}, told{memory, {2}}, rounded{};
    explicit Given(int64_t s, int64_t d) { sources.shape = {1, s}, draws.shape = {2, d}; }
  };
  const auto said_of = [&](const auto& change) {
    Given given(source, draw);
    change(given);
    return said([&] {
      corrupt(Queue{Device::cpu}, given.sources, given.draws, {}, given.clean, given.corrupted,
              given.workspace, given.told, given.rounded);
    });
  };
  const auto expect_said = [&](const std::string& what, const auto& change) {
    EXPECT_TRUE(said_of(change).starts_with("corrupt: " + what + " is ")) << said_of(change);
  };
  const auto expect_both = [&](const std::string& what, Tensor Given::*argument) {
    expect_said(what, [=](Given& g) { (g.*argument).dtype = DType::u64; });
    expect_said(what, [=](Given& g) { (g.*argument).shape = {7}; });
  };
  expect_both("the source table", &Given::sources);
  expect_both("the draws", &Given::draws);
  expect_both("clean", &Given::clean);
  expect_both("corrupted", &Given::corrupted);
  expect_both("told", &Given::told);
  expect_both("workspace", &Given::workspace);
  // Of views without pixels, so that nothing would be read.
  const Shape none = {2, 0, 5, 3};
  EXPECT_EQ(said_of([&](Given& g) {
              g.clean.shape = g.corrupted.shape = none;
              g.rounded = {memory, none, DType::bf16};
            }),
            "corrupt: rounded is for a GPU alone");
  for (const auto& [what, table] :
       {std::pair<std::string, Tensor Given::*>(fmt::format("the source table (u8 1x{})", source),
                                                &Given::sources),
        {fmt::format("the draws (u8 2x{})", draw), &Given::draws}})
    EXPECT_EQ(said_of([&, table = table](Given& g) {
                g.clean.shape = g.corrupted.shape = none;
                (g.*table).data = memory + 4;
              }),
              fmt::format("corrupt: {} starts at {}, which is not a multiple of 8 bytes", what,
                          static_cast<void*>(memory + 4)));
}

}  // namespace
}  // namespace dae::test
