// What the page of blur_report says of two runs whose measures are written here.
#include "laboratory/comparison_page.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "report/html.h"
#include "report/sheet.h"
#include "tests/support/html_tags.h"

namespace dae::test {
namespace {

constexpr double kStudent = 12.706204736432;  // t(0.975, 1), of two pictures

BlurRun run(const std::string& name, const Jackknife& psnr, const Jackknife& aligned,
            const Jackknife& blur) {
  BlurRun made;
  made.name = name;
  made.path = "runs/" + name;
  made.views = made.measures.aligned = {std::vector<float>(8 * 8 * 3, 0.5f)};
  const auto set = [&](Measure m, const Jackknife& value) {
    made.measures.values[static_cast<size_t>(m)] = value;
  };
  set(Measure::psnr, psnr);
  set(Measure::aligned_psnr, aligned);
  set(Measure::blur, blur);
  return made;
}

// The first is ahead by 1 dB, surely; after alignment behind by 0.5, which two pictures do not
// tell. Its blur is of one pixel, the other's of half a pixel.
BlurPage page() {
  BlurPage made;
  made.dataset = "photos";
  BlurMaterial& material = made.material;
  material.size = 8;
  material.corruption.order = Order::camera;
  material.corruption.clip = false;
  material.views.draws.resize(1);
  material.views.clean = material.views.corrupted = {std::vector<float>(8 * 8 * 3, 0.25f)};
  made.runs = {run("first", {30, {29.99, 30.01}}, {20, {19, 21}}, {1, {1, 1}}),
               run("second", {29, {29, 29}}, {20.5, {20.5, 20.5}}, {0.25, {0.25, 0.25}})};
  made.runs[0].steps = 7;
  RunConfig& config = made.runs[0].config;
  config.network = {.size = 24, .width = 5, .blocks = 3, .skips = false};
  config.batch = 6;
  config.seed = 9;
  made.runs[1].config.network = {.kind = NetworkKind::fc, .size = 24, .latent = 12};
  return made;
}

const char* const kCorruption =
    "noise 0:50, blur 0.2:1.5, brightness 0.7:1.3, channel 0.85:1.15, order camera, clip off, "
    "quantize on";

TEST(ComparisonPage, SaysEachFigureInItsPlace) {
  const std::string html = render_blur_page(page());
  for (const std::string& said :
       {"<p>1 views of 8x8 pixels from 1 pictures of photos, the same for every run and corrupted "
        "with the same draws: " +
            std::string(kCorruption) + ".",
        std::string("<tr><td>first</td><td>unet, width 5, blocks 3, no skips</td><td>mse</td>"
                    "<td>7</td><td>6</td><td>24</td><td>9</td></tr>"),
        std::string("<tr><td>second</td><td>fc, latent 12</td>"),
        std::string("<tr><td>first</td><td>30.00<br><small>[29.87, 30.13]</small></td>"
                    "<td>20.00<br><small>[7.29, 32.71]</small></td>"
                    "<td>1.00<br><small>[1.00, 1.00]</small></td><td>-</td>"),
        std::string("<tr><td>second</td><td>29.00<br><small>[29.00, 29.00]</small></td>"),
        std::string("<th>first &#8722; second</th>"),
        std::string("<tr><td>PSNR, dB</td>"
                    "<td>+1.00<br><small>[+0.87, +1.13]</small></td></tr>"),
        std::string("<tr><td>aligned PSNR, dB</td>"
                    "<td>-0.50<br><small>[-13.21, +12.21]<br>undecided</small></td></tr>"),
        std::string("<tr><td>blur s squared, pixel squared</td>"
                    "<td>+0.75<br><small>[+0.75, +0.75]</small></td></tr>"),
        std::string("<tr><td>transfer, high</td><td>-</td></tr>"),
        std::string("<p>In pixels of Gaussian blur, first has 1.00 [1.00, 1.00], second 0.50 "
                    "[0.50, 0.50] and corrupted -.")})
    EXPECT_NE(html.find(said), std::string::npos) << said << "\n" << html;
  EXPECT_EQ(wrong_tags(html), "");
}

// Plots are of the rings up to 1/2 cycles/pixel, without that of the mean, at zero.
TEST(ComparisonPage, EachPlotHasItsOwnFigure) {
  BlurPage made = page();
  // Its transfer is `by`, its coherence a half and its error an eighth of that, and less in the second ring.
  const auto give_bands = [](BlurMeasures& measures, double by) {
    for (const auto& [frequency, share] :
         {std::pair{0.0, 1.0}, {0.125, 1.0}, {0.5, 0.25}, {0.625, 0.125}})
      measures.bands.push_back({.frequency = frequency,
                                .transfer = share * by,
                                .coherence = share * by / 2,
                                .error = share * by / 8});
    for (const auto& [m, value] : {std::pair{Measure::transfer_high, by},
                                   {Measure::coherence_middle, by / 2},
                                   {Measure::error_high, 8 * by}})
      measures.values[static_cast<size_t>(m)] = {value, {value, value}};
  };
  give_bands(made.runs[0].measures, 0.5);
  give_bands(made.runs[1].measures, 1);
  give_bands(made.corrupted, 4);
  const std::string html = render_blur_page(made);
  const auto plot = [](const char* title, const char* label, double of_one, bool log) {
    const std::vector<double> x = {0.125, 0.5};
    return html::plot(title, "cycles/pixel", label,
                      {{"first", x, {of_one * 0.5, of_one * 0.125}},
                       {"second", x, {of_one, of_one * 0.25}},
                       {"corrupted", x, {of_one * 4, of_one}}},
                      log);
  };
  for (const std::string& said :
       {plot("Transfer: detail passed on in its place", "transfer", 1, false),
        plot("Coherence: the share of the output that the clean picture explains", "coherence", 0.5,
             false),
        plot("Error: what is left of it at each frequency", "mean square", 0.125, true),
        std::string("between 1/4 and 1/2 cycles/pixel first passes on 0.500 [0.500, 0.500], second "
                    "1.000 [1.000, 1.000] and corrupted 4.000 [4.000, 4.000].</p>"),
        std::string("between 1/8 and 1/4 cycles/pixel first has 0.250 [0.250, 0.250], second 0.500 "
                    "[0.500, 0.500] and corrupted 2.000 [2.000, 2.000]; the rest"),
        std::string("<p>Between 1/4 and 1/2 cycles/pixel first is wrong by 4.0 [4.0, 4.0], second "
                    "8.0 [8.0, 8.0] and corrupted 32.0 [32.0, 32.0] millionths")})
    EXPECT_NE(html.find(said), std::string::npos) << said << "\n" << html;
  EXPECT_EQ(wrong_tags(html), "");
}

// 40x40 pixels, other ones for another seed.
std::vector<float> picture_of(int seed) {
  std::vector<float> picture;
  for (int i = 0; i < 40 * 40 * 3; i++)
    picture.push_back(static_cast<float>((7 * i + 50 * seed) % 256) / 255);
  return picture;
}

// The 32x32 of them at the lower left.
Image corner_of(const std::vector<float>& picture) {
  std::vector<float> corner;
  for (int64_t y = 8; y < 40; y++)
    corner.insert(corner.end(), picture.begin() + y * 40 * 3, picture.begin() + (y * 40 + 32) * 3);
  return to_image(FloatView{corner.data(), 32, 32});
}

// The runs are apart in a pixel of the lower left corner alone.
TEST(ComparisonPage, CropsAreOfThePicturesThatTheyAreCalledAfter) {
  BlurPage made = page();
  made.material.size = 40;
  made.material.views.clean = {picture_of(0)};
  made.material.views.corrupted = {picture_of(1)};
  for (int i = 0; i < 2; i++) {
    BlurRun& one = made.runs[static_cast<size_t>(i)];
    one.views = {picture_of(2 + i)};
    one.measures.aligned = {picture_of(4)};
  }
  made.runs[1].measures.aligned[0][(36 * 40 + 4) * 3] += 0.5f;
  const std::string crops = html::picture(draw_sheet({{corner_of(picture_of(0)), "clean"},
                                                      {corner_of(picture_of(1)), "corrupted"},
                                                      {corner_of(picture_of(2)), "first"},
                                                      {corner_of(picture_of(3)), "second"}},
                                                     4, 4),
                                          "crops of clean, corrupted, restored");
  EXPECT_NE(render_blur_page(made).find(crops), std::string::npos);
}

TEST(ComparisonPage, NamesAreTextWhateverTheyAre) {
  BlurPage made = page();
  made.runs[0].name = "<b&";
  const std::string html = render_blur_page(made);
  EXPECT_NE(html.find("<tr><td>&lt;b&amp;</td><td>unet, width 5"), std::string::npos) << html;
  EXPECT_EQ(html.find("<b&"), std::string::npos) << html;
}

TEST(ComparisonPage, JsonHasEachFigureByItsName) {
  const nlohmann::json json = to_json(page());
  EXPECT_EQ(json.at("corruption"), kCorruption);
  const auto expect_interval = [](const nlohmann::json& got, double value, double half) {
    EXPECT_NEAR(got.at("value").get<double>(), value, 1e-9);
    EXPECT_NEAR(got.at("low").get<double>(), value - half, 1e-9);
    EXPECT_NEAR(got.at("high").get<double>(), value + half, 1e-9);
  };
  expect_interval(json.at("runs").at(0).at("psnr"), 30, 0.01 * kStudent);
  expect_interval(json.at("runs").at(0).at("aligned_psnr"), 20, kStudent);
  expect_interval(json.at("runs").at(1).at("psnr"), 29, 0);
  expect_interval(json.at("runs").at(1).at("blur"), 0.5, 0);
  ASSERT_EQ(json.at("differences").size(), 1u);
  const nlohmann::json& change = json.at("differences").at(0);
  EXPECT_EQ(change.at("of"), "first");
  EXPECT_EQ(change.at("minus"), "second");
  expect_interval(change.at("psnr"), 1, 0.01 * kStudent);
  expect_interval(change.at("aligned_psnr"), -0.5, kStudent);
  expect_interval(change.at("blur_variance"), 0.75, 0);
  EXPECT_EQ(change.at("psnr").at("decided"), true);
  EXPECT_EQ(change.at("aligned_psnr").at("decided"), false);
  EXPECT_EQ(change.at("blur_variance").at("decided"), true);
}

TEST(ComparisonPage, ACamerasRangesAreNamedWhereTheyAreOn) {
  BlurPage made = page();
  CorruptSpec& spec = made.material.corruption;
  spec.shot = {1, 2};
  spec.grain = {0.5f, 0.75f};
  spec.common = {0, 1};
  spec.jpeg = {40, 95, true, 0.3f};
  EXPECT_EQ(
      to_json(made).at("corruption"),
      "noise 0:50, blur 0.2:1.5, brightness 0.7:1.3, channel 0.85:1.15, shot 1:2, grain 0.5:0.75, "
      "common 0:1, jpeg 40:95@0.3, order camera, clip off, quantize on");
}

TEST(ComparisonPage, FiguresSayToWhichSideTheyAreBeyond) {
  BlurPage made = page();
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  const auto blur = static_cast<size_t>(Measure::blur);
  made.runs[0].measures.values[blur] = {-kInfinite, {-kInfinite, -kInfinite}};
  made.runs[1].measures.values[blur] = {kInfinite, {kInfinite, kInfinite}};
  const nlohmann::json runs = to_json(made).at("runs");
  EXPECT_EQ(runs.at(0).at("blur").at("beyond"), "too sharp for the scale");
  EXPECT_EQ(runs.at(1).at("blur").at("beyond"), name_of(Measure::blur).beyond);
}

TEST(ComparisonPage, OneRunHasNoDifferences) {
  BlurPage made = page();
  made.runs.pop_back();
  EXPECT_EQ(to_json(made).at("differences"), nlohmann::json::array());
}

}  // namespace
}  // namespace dae::test
