// The pieces of report.html: one file that needs no other, curves whose axes can be read.
#include "report/html.h"

#include <gtest/gtest.h>

#include <regex>

#include "data/text.h"

namespace dae::test {
namespace {

// RFC 4648, section 10.
TEST(Html, Base64GivesThePublishedText) {
  const auto encode = [](const std::string& text) {
    return html::base64({text.begin(), text.end()});
  };
  EXPECT_EQ(encode(""), "");
  EXPECT_EQ(encode("f"), "Zg==");
  EXPECT_EQ(encode("fo"), "Zm8=");
  EXPECT_EQ(encode("foo"), "Zm9v");
  EXPECT_EQ(encode("foob"), "Zm9vYg==");
  EXPECT_EQ(encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encode("\xff\xfb"), "//s=");
}

TEST(Html, EscapesWhatHtmlReads) {
  EXPECT_EQ(html::escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
}

TEST(Html, CellsPutIntervalsOnALineOfTheirOwn) {
  EXPECT_EQ(html::cell("a < b"), "<td>a &lt; b</td>");
  EXPECT_EQ(html::cell("0.7 [0.6, 0.8]"), "<td>0.7<br><small>[0.6, 0.8]</small></td>");
  EXPECT_EQ(html::cell("+0.1 [-0.2, +0.4] undecided"),
            "<td>+0.1<br><small>[-0.2, +0.4]<br>undecided</small></td>");
}

// The texts at the left end of horizontal grid lines.
std::vector<std::string> y_ticks(const std::string& svg) {
  std::vector<std::string> ticks;
  const std::regex pattern("class=\"tick\"[^>]*text-anchor=\"end\">([^<]*)<");
  for (std::sregex_iterator it(svg.begin(), svg.end(), pattern), end; it != end; ++it)
    ticks.push_back((*it)[1]);
  return ticks;
}

TEST(Html, TicksAreRoundNumbers) {
  using Ticks = std::vector<std::string>;
  const auto plot = [](double low, double high, bool log) {
    return y_ticks(html::plot("t", "x", "y", {{"c", {0, 1}, {low, high}}}, log));
  };
  EXPECT_EQ(plot(0.007, 0.045, true), (Ticks{"0.01", "0.02"}));
  EXPECT_EQ(plot(0.0009, 0.11, true),
            (Ticks{"0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1"}));
  EXPECT_EQ(plot(1e-6, 1, true), (Ticks{"1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.1", "1"}));
  EXPECT_EQ(plot(0.0101, 0.0139, true), (Ticks{"0.011", "0.012", "0.013"}));
  EXPECT_EQ(plot(21.7, 22.3, false), (Ticks{"21.7", "21.8", "21.9", "22", "22.1", "22.2", "22.3"}));
}

// Where a step of an axis is less than what its numbers can tell apart.
TEST(Html, AxesOfLargeNumbersEnd) {
  const auto ticks_of = [](double low, double high) {
    return y_ticks(html::plot("t", "x", "y", {{"c", {0, 1}, {low, high}}}, false));
  };
  EXPECT_LE(ticks_of(0x1p60, 0x1p60 + 512).size(), 11u);
  EXPECT_EQ(ticks_of(1e18, 3e18),
            (std::vector<std::string>{"1e+18", "1.5e+18", "2e+18", "2.5e+18", "3e+18"}));
  for (const double alone : {0x1p60, -1e300, 0.0}) {
    const std::string svg = html::plot("t", "x", "y", {{"c", {alone}, {alone}}});
    EXPECT_EQ(svg.find("nan"), std::string::npos) << alone;
    EXPECT_NE(svg.find("cx="), std::string::npos);
  }
  EXPECT_NO_THROW(ticks_of(-1e308, 1e308));
}

// Names are bytes; a legend is cut between letters.
TEST(Html, APageIsUtf8WhateverItsNamesAre) {
  const std::string latin = "h\xfclle", long_name = std::string(21, 'x') + "\xc3\xa9\xc3\xa9";
  EXPECT_EQ(html::escape(latin + "<"), "h\\xfclle&lt;");
  const std::string page = html::page(
      latin, html::picture({1, 1, {1, 2, 3}}, latin) + html::cell(latin + " [\xff] \xe9") +
                 html::plot(latin, latin, latin, {{latin, {0}, {1}}, {long_name, {0}, {1}}}) +
                 html::scatter(latin, latin, latin, {{long_name, 1, 1}, {latin, 2, 2}}));
  EXPECT_EQ(valid_utf8(page), page);
  EXPECT_NE(page.find(std::string(21, 'x') + "\xc3\xa9<"), std::string::npos);
}

// Dots would hide what lies on it.
TEST(Html, ABroadCurveIsPaleAndHasNoDots) {
  const std::string svg =
      html::plot("t", "x", "y", {{"best", {0, 1}, {1, 2}, true}, {"network", {0, 1}, {1, 2}}});
  const size_t broad = svg.find("stroke-width=\"8\" stroke-opacity=\"0.35\"");
  ASSERT_NE(broad, std::string::npos);
  EXPECT_LT(broad, svg.find("stroke-width=\"1.5\"")) << "what lies on it is drawn after it";
  const std::regex dots("<circle");
  EXPECT_EQ(std::distance(std::sregex_iterator(svg.begin(), svg.end(), dots), {}), 2);
}

TEST(Html, ASinglePointAndNoPointMakeAPlot) {
  EXPECT_NE(html::plot("t", "x", "y", {{"c", {3}, {7}}}).find("<circle"), std::string::npos);
  for (const bool log : {false, true}) {
    const std::string svg = html::plot("t", "x", "y", {{"c", {}, {}}}, log);
    EXPECT_EQ(svg.find("nan"), std::string::npos) << svg;
    EXPECT_EQ(svg.find("inf"), std::string::npos) << svg;
  }
}

TEST(Html, APageNeedsNoOtherFile) {
  const std::string page =
      html::page("t", html::picture({1, 1, {1, 2, 3}}, "a") + html::plot("t", "x", "y", {}));
  const std::regex reference("(src|href)=\"([^\"]*)\"");
  for (std::sregex_iterator it(page.begin(), page.end(), reference), end; it != end; ++it)
    EXPECT_EQ((*it)[2].str().substr(0, 5), "data:") << (*it)[0];
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_EQ(page.find("url("), std::string::npos);
  EXPECT_EQ(page.find("@import"), std::string::npos);
}

}  // namespace
}  // namespace dae::test
