// What the first question's section says of points that are written here.
#include "laboratory/edge_page.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "report/html.h"
#include "tests/support/html_tags.h"

namespace dae::test {
namespace {

// A value that two rounds agree on: its interval has no width.
Jackknife sure(double value) {
  return {value, {value, value}};
}

EdgeAnswer answer(const std::string& name, double transfer, const Jackknife& variance) {
  return {
      .name = name,
      .mse = 0.5,
      .absolute = 0.5,
      .bands = {{.frequency = 0.1, .transfer = 0.95}, {.frequency = 0.24, .transfer = transfer}},
      .variance = variance};
}

// Blurs of the first are beyond the scale of 16 pixels, which is of -1 to 4 square pixels. The
// interval of the second's mean is 1 -+ 12.706 * 0.05.
std::vector<EdgePoint> points() {
  std::vector<EdgePoint> made(2);
  made[0] = {.strength = 8,
             .contrast = 0.75,
             .sigma = 0.5,
             .mmse = 0.004,
             .least_absolute = 0.125,
             .mse_excess = sure(0.01),
             .l1_excess = sure(0.05),
             .mean = answer("mean", 0.1, sure(4)),
             .median = answer("median", 0.2, sure(0.25)),
             .by_mse = answer("MSE", 0.3, sure(-1)),
             .by_l1 = answer("L1", 0.4, {std::nan(""), {}})};
  made[1] = {.strength = 2.5,
             .contrast = 0.5,
             .sigma = 0.25,
             .mmse = 0.0123,
             .least_absolute = 0.0625,
             .mse_excess = sure(0.03),
             .l1_excess = sure(0.015),
             .mean = answer("mean", 0.9, {1, {0.95, 1.05}}),
             .median = answer("median", 0.7, sure(0.25)),
             .by_mse = answer("MSE", 0.8, sure(2.25)),
             .by_l1 = answer("L1", 0.6, sure(0.0625))};
  made[1].median.mse = 0.75;
  made[1].median.absolute = 0.375;
  made[1].by_mse.mse = 0.625;
  made[1].by_l1.mse = 0.875;
  return made;
}

TEST(EdgePage, AnswersAtTheStrengthNextToTwo) {
  EXPECT_EQ(edge_answer(points()),
            "At strength 2.5 the best answer by squared error has a blur of 1.00 [0.60, 1.28] "
            "pixels, by absolute error 0.50 [0.50, 0.50], and the networks 1.50 [1.50, 1.50] (MSE) "
            "and 0.25 [0.25, 0.25] (L1).");
  EXPECT_EQ(
      edge_answer({points()[0]}),
      "At strength 8 the best answer by squared error has a blur of over 2 pixels, by absolute "
      "error 0.50 [0.50, 0.50], and the networks below -1 (MSE) and - (L1).");
}

TEST(EdgePage, SaysEachFigureInItsPlace) {
  const std::string page = edge_section({}, points());
  for (const char* const said :
       {"one trained by squared error (18000 steps of 264 pictures) and one by absolute error "
        "(54000 steps)",
        "<tr><td>2.5</td><td>0.500</td><td>0.250</td><td>12.30</td>"
        "<td>3.0<br><small>[3.0, 3.0]</small></td><td>1.5<br><small>[1.5, 1.5]</small></td>"
        "<td>1.00<br><small>[0.60, 1.28]</small></td><td>1.50<br><small>[1.50, 1.50]</small></td>"
        "<td>0.50<br><small>[0.50, 0.50]</small></td>"
        "<td>0.25<br><small>[0.25, 0.25]</small></td></tr>",
        "<p>The network trained by squared error is at 1 of 2 strengths surely within 2% of the "
        "MMSE of the posterior mean (at worst 3.0 [3.0, 3.0] percent above it, at strength 2.5), "
        "the one trained by absolute error at 1 of 2 strengths surely within 2% of the absolute "
        "error of the posterior median (at worst 5.0 [5.0, 5.0] percent above it, at strength 8).",
        "<p>At strength 2.5 the median has 50% more squared error than the mean, and 25% less "
        "absolute error.</p>",
        "<p>Of detail at 1/4 cycles/pixel the mean passes on 0.90, its network 0.80, the median "
        "0.70 and its network 0.60.</p>"})
    EXPECT_NE(page.find(said), std::string::npos) << said << "\n" << page;
  EXPECT_EQ(wrong_tags(page), "");
}

// Best answers are drawn broad, so that the networks' curves are seen on them.
TEST(EdgePage, ThePlotOfTransferHasEveryAnswer) {
  const std::string page = edge_section({}, points());
  const size_t begin = page.find("Transfer at a strength of 2.5"), end = page.find("</svg>", begin);
  ASSERT_NE(end, std::string::npos);
  const std::string plot = page.substr(begin, end - begin);
  for (const char* const name : {">mean<", ">median<", ">MSE<", ">L1<"})
    EXPECT_NE(plot.find(name), std::string::npos) << name << "\n" << plot;
  EXPECT_EQ(count(plot, "<polyline"), 4u) << plot;
  EXPECT_EQ(count(plot, "stroke-width=\"8\""), 2u) << plot;
}

// Errors are shares of the squared contrast, which is 9/16 and 1/4; blurs are roots of variances.
TEST(EdgePage, ErrorsAndBlursAreDrawnOverStrength) {
  const std::string page = edge_section({}, points());
  const std::vector<double> strengths = {8, 2.5};
  constexpr double kShare = 0.5 / 0.5625;
  const std::string errors =
                        html::plot("Squared error", "strength", "mean square / contrast squared",
                                   {{"mean", strengths, {kShare, 2}, true},
                                    {"median", strengths, {kShare, 3}, true},
                                    {"MSE", strengths, {kShare, 2.5}},
                                    {"L1", strengths, {kShare, 3.5}}},
                                   true),
                    blurs = html::plot("Effective blur", "strength", "s, pixels",
                                       {{"mean", strengths, {2, 1}, true},
                                        {"median", strengths, {0.5, 0.5}, true},
                                        {"MSE", strengths, {-1, 1.5}},
                                        {"L1", strengths, {std::nan(""), 0.25}}});
  EXPECT_NE(page.find(errors), std::string::npos) << errors << "\n" << page;
  EXPECT_NE(page.find(blurs), std::string::npos) << blurs << "\n" << page;
}

TEST(EdgePage, JsonHasEachFigureByItsName) {
  const nlohmann::json json = to_json({}, points()), point = json.at("strengths").at(1);
  EXPECT_EQ(json.at("steps"), 18000);
  EXPECT_EQ(json.at("l1_steps"), 54000);
  for (const auto& [key, value] : {std::pair{"strength", 2.5},
                                   {"contrast", 0.5},
                                   {"sigma", 0.25},
                                   {"mmse", 0.0123},
                                   {"least_absolute_error", 0.0625}})
    EXPECT_EQ(point.at(key), value) << key;
  EXPECT_EQ(point.at("mse_excess").at("mean"), 0.03);
  EXPECT_EQ(point.at("l1_excess").at("mean"), 0.015);
  for (const auto& [key, variance] :
       {std::pair{"mean", 1.0}, {"median", 0.25}, {"mse_network", 2.25}, {"l1_network", 0.0625}})
    EXPECT_EQ(point.at(key).at("blur_variance").at("mean"), variance) << key;
  EXPECT_EQ(point.at("median").at("mse"), 0.75);
  EXPECT_EQ(point.at("median").at("absolute_error"), 0.375);
}

}  // namespace
}  // namespace dae::test
