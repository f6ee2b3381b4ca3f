// An evaluation's tables: every figure under its title, in its row, as text, as HTML and for programs.
#include "report/evaluation_tables.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

namespace dae::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const std::vector<std::string> kTitles = {"PSNR",           "aligned PSNR", "pooled PSNR",
                                          "pooled aligned", "SSIM",         "aligned SSIM",
                                          "brightness %",   "colour %",     "CIEDE2000"};
const std::vector<std::string> kKeys = {
    "psnr",     "aligned_psnr", "pooled_psnr",      "pooled_aligned_psnr",
    "ssim",     "aligned_ssim", "brightness_error", "colour_error",
    "ciede2000"};
const std::vector<std::pair<std::string, std::string>> kOutputs = {{"corrupted", "doing nothing"},
                                                                   {"restored", "restored"},
                                                                   {"grey_world", "grey-world"},
                                                                   {"true_gain", "true gain"}};

// No two of an evaluation's figures are equal: its row, its output and its measure make each.
double figure(size_t row, size_t output, size_t measure) {
  return 10 * double(row + 1) + double(output) + 0.1 * double(measure);
}

Summary summary(size_t row, size_t output) {
  const auto value = [&](size_t measure) { return figure(row, output, measure); };
  Summary made;
  made.images = 8;
  made.pooled_psnr = value(2);
  made.pooled_aligned_psnr = value(3);
  made.mean = {.mse = -1,
               .psnr = value(0),
               .ssim = value(4),
               .aligned_mse = -1,
               .aligned_psnr = value(1),
               .aligned_ssim = value(5),
               .brightness_error = value(6),
               .colour_error = value(7),
               .ciede2000 = value(8)};
  return made;
}

Evaluation evaluation() {
  Evaluation made;
  made.views = 8;
  made.view_size = "64x64 crops";
  made.noise_clip = "on";
  for (size_t row = 0; row < 2; row++)
    made.rows.push_back({row == 0 ? "all" : "a<b", summary(row, 0), summary(row, 1),
                         summary(row, 2), summary(row, 3)});
  return made;
}

std::string shown(double value, size_t measure) {
  std::ostringstream out;
  out.precision(measure == 4 || measure == 5 ? 4 : 2);
  out << std::fixed << value;
  return out.str();
}

std::string padded(const std::string& text, size_t width, bool left) {
  const std::string space(width - text.size(), ' ');
  return left ? text + space : space + text;
}

TEST(EvaluationTables, TextHasEachFigureUnderItsTitle) {
  std::string expected = "8 views (64x64 crops), clip on\n" + padded("corruption", 12, true) +
                         padded("output", 14, true);
  for (const std::string& title : kTitles) expected += " " + padded(title, 14, false);
  expected += "\n";
  for (size_t row = 0; row < 2; row++)
    for (size_t output = 0; output < 4; output++) {
      const std::string name = output > 0 ? "" : row == 0 ? "all" : "a<b";
      expected += padded(name, 12, true) + padded(kOutputs[output].second, 14, true);
      for (size_t measure = 0; measure < 9; measure++)
        expected += " " + padded(shown(figure(row, output, measure), measure), 14, false);
      expected += "\n";
    }
  EXPECT_EQ(to_text(evaluation()), expected);
}

TEST(EvaluationTables, HtmlHasTheSame) {
  std::string expected =
      "<table><tr><th class=\"text\">corruption</th><th class=\"text\">output</th>";
  for (const std::string& title : kTitles) expected += "<th>" + title + "</th>";
  expected += "</tr>\n";
  const std::string classes[] = {" class=\"first\"", " class=\"ours\"", "", ""};
  for (size_t row = 0; row < 2; row++)
    for (size_t output = 0; output < 4; output++) {
      const std::string name = output > 0 ? "" : row == 0 ? "all" : "a&lt;b";
      expected += "<tr" + classes[output] + "><td class=\"text\">" + name +
                  "</td><td class=\"text\">" + kOutputs[output].second + "</td>";
      for (size_t measure = 0; measure < 9; measure++)
        expected += "<td>" + shown(figure(row, output, measure), measure) + "</td>";
      expected += "</tr>\n";
    }
  EXPECT_EQ(to_html(evaluation()), expected + "</table>\n");
}

TEST(EvaluationTables, ProgramsFindEachFigureByNames) {
  const nlohmann::json json = to_json(evaluation());
  EXPECT_EQ(json.size(), 5u);
  EXPECT_EQ(json["images"], 8);
  EXPECT_EQ(json["view"], "64x64 crops");
  EXPECT_EQ(json["clip"], "on");
  for (size_t row = 0; row < 2; row++)
    for (size_t output = 0; output < 4; output++)
      for (size_t measure = 0; measure < 9; measure++)
        EXPECT_EQ(json[row == 0 ? "all" : "a<b"][kKeys[measure]][kOutputs[output].first],
                  figure(row, output, measure));
  const nlohmann::json one = to_json(summary(1, 2));
  EXPECT_EQ(one.size(), 9u);
  for (size_t measure = 0; measure < 9; measure++)
    EXPECT_EQ(one[kKeys[measure]], figure(1, 2, measure));
}

// Where there is nothing to measure, where every view is exact, and where some are.
TEST(EvaluationTables, WhatIsNoFigureIsSaid) {
  Evaluation made = evaluation();
  made.rows[0].corrupted.mean.ssim = std::nan("");
  made.rows[0].restored.mean.psnr = kInfinity;
  made.rows[0].restored.exact = 8;
  made.rows[1].true_gain.exact = 3;
  const std::string note = "a<b, true gain: 3 of 8 views are exact and in no mean of PSNR\n";
  const std::string text = to_text(made), html = to_html(made);
  EXPECT_TRUE(text.ends_with("\n" + note)) << text;
  EXPECT_TRUE(
      html.ends_with("</table>\n<p class=\"note\">a&lt;b, true gain: 3 of 8 views are exact "
                     "and in no mean of PSNR</p>\n"))
      << html;
  const auto count = [](const std::string& where, const std::string& pattern) {
    const std::regex expression(pattern);
    return std::distance(std::sregex_iterator(where.begin(), where.end(), expression), {});
  };
  EXPECT_EQ(count(text, " - "), 1);
  EXPECT_EQ(count(text, "restored +exact "), 1);
  EXPECT_EQ(count(text, "exact"), 2);
  EXPECT_EQ(count(html, "<td>-</td>"), 1);
  EXPECT_EQ(count(html, "restored</td><td>exact</td>"), 1);
  EXPECT_EQ(count(text + html, "nan|inf"), 0);
  const nlohmann::json written = nlohmann::json::parse(to_json(made).dump());
  EXPECT_TRUE(written["all"]["ssim"]["corrupted"].is_null());
  EXPECT_TRUE(written["all"]["psnr"]["restored"].is_null());
}

}  // namespace
}  // namespace dae::test
