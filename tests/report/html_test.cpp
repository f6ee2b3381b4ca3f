// The pieces of report.html: one file that needs no other, curves whose axes can be read.
#include "report/html.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>
#include <set>
#include <sstream>
#include <string>

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

// The width is the picture's own, so that its pixels are not scaled.
TEST(Html, APictureIsItsFileInItsOwnWidth) {
  const Image image{1, 2, {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(html::picture(image, "a \"b\""),
            "<img alt=\"a &quot;b&quot;\" width=\"2\" src=\"data:image/png;base64," +
                html::base64(encode_png(image)) + "\">");
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

// What stands in a text in the places of a pattern, wherever that is: # is an attribute's value, @ is text.
std::vector<std::vector<std::string>> matches(const std::string& text, const std::string& pattern) {
  std::string expression;
  for (const char c : pattern)
    expression += c == '#' ? "\"([^\"]*)\"" : c == '@' ? "([^<]*)" : std::string(1, c);
  const std::regex compiled(expression);
  std::vector<std::vector<std::string>> found;
  for (std::sregex_iterator it(text.begin(), text.end(), compiled), end; it != end; ++it)
    found.emplace_back(it->begin(), it->end());
  return found;
}

// What an axis says of a place: its grid lines carry their values, and between two of them it is even.
struct Scale {
  std::vector<double> at, value;

  double operator()(double place) const {
    return value.front() +
           (place - at.front()) * (value.back() - value.front()) / (at.back() - at.front());
  }
};

// The frame is 424 wide and 208 high, from (64, 28) on.
Scale x_scale(const std::string& svg) {
  Scale scale;
  for (const auto& m : matches(svg,
                               "class=\"grid\" x1=# x2=# y1=\"28\" y2=\"236\"/>"
                               "<text class=\"tick\" x=# y=\"251\" text-anchor=\"middle\">@<")) {
    EXPECT_EQ(m[1], m[2]);
    EXPECT_EQ(m[1], m[3]) << "a number stands below its line";
    scale.at.push_back(std::stod(m[1]));
    scale.value.push_back(std::stod(m[4]));
  }
  return scale;
}

Scale y_scale(const std::string& svg, bool log) {
  Scale scale;
  for (const auto& m : matches(svg,
                               "class=\"grid\" x1=\"64\" x2=\"488\" y1=# y2=#/>"
                               "<text class=\"tick\" x=\"59\" y=# text-anchor=\"end\">@<")) {
    EXPECT_EQ(m[1], m[2]);
    EXPECT_NEAR(std::stod(m[3]), std::stod(m[1]) + 4, 0.11) << "a number stands beside its line";
    scale.at.push_back(std::stod(m[1]));
    scale.value.push_back(log ? std::log10(std::stod(m[4])) : std::stod(m[4]));
  }
  return scale;
}

// Read off as a person would: from the numbers at the grid's lines.
TEST(Html, PointsLieWhereTheAxesSay) {
  const std::vector<double> x = {-3, 0.5, 4, 11}, y = {0.05, 7, 0.3, 40};
  for (const bool log : {false, true}) {
    const std::string svg = html::plot("t", "x", "y", {{"c", x, y}}, log);
    const Scale across = x_scale(svg), up = y_scale(svg, log);
    ASSERT_GE(across.at.size(), 4u);
    ASSERT_GE(up.at.size(), 4u);
    EXPECT_LT(up.at.back(), up.at.front()) << "larger values lie higher";
    const auto dots = matches(svg, "<circle cx=# cy=#");
    ASSERT_EQ(dots.size(), x.size());
    std::string line;
    for (size_t i = 0; i < x.size(); i++) {
      EXPECT_NEAR(across(std::stod(dots[i][1])), x[i], 14.0 / 424 * 0.2) << "a tenth of a pixel";
      EXPECT_NEAR(up(std::stod(dots[i][2])), log ? std::log10(y[i]) : y[i],
                  (log ? 3.5 : 40.0) / 208 * 0.4);
      line += dots[i][1] + "," + dots[i][2] + " ";
    }
    EXPECT_NE(svg.find("points=\"" + line + "\""), std::string::npos) << "a line joins the dots";
    // The least and the most of both are at the frame's edges.
    EXPECT_EQ(dots.front()[1], "64.0");
    EXPECT_EQ(dots.back()[1], "488.0");
    EXPECT_EQ(dots.front()[2], "236.0");
    EXPECT_EQ(dots.back()[2], "28.0");
  }
}

TEST(Html, AValueAloneIsInTheMiddleOfItsAxes) {
  const std::string svg = html::plot("t", "x", "y", {{"c", {3}, {7}}});
  EXPECT_NE(svg.find("cx=\"276.0\" cy=\"132.0\""), std::string::npos) << svg;
  EXPECT_EQ(x_scale(svg).value, (std::vector<double>{2.6, 2.8, 3, 3.2, 3.4}));
  EXPECT_EQ(x_scale(html::plot("t", "x", "y", {})).value,
            (std::vector<double>{-0.4, -0.2, 0, 0.2, 0.4}));
}

TEST(Html, ALongCurveIsALineAlone) {
  for (const size_t count : {25, 26}) {
    const std::vector<double> values(count, 1);
    const std::string svg = html::plot("t", "x", "y", {{"c", values, values}});
    EXPECT_EQ(matches(svg, "<circle").size(), count == 25 ? count : 0);
  }
}

TEST(Html, WhatCannotBeShownIsLeftOut) {
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> x = {0, 1, 2, 3, 4}, y = {1, -inf, 0, NAN, 100};
  EXPECT_EQ(matches(html::plot("t", "x", "y", {{"c", x, y}}), "<circle").size(), 3u);
  const std::string log = html::plot("t", "x", "y", {{"c", x, y}}, true);
  EXPECT_EQ(matches(log, "<circle").size(), 2u);
  EXPECT_EQ(y_ticks(log), (std::vector<std::string>{"1", "2", "5", "10", "20", "50", "100"}));
}

// A legend is there where there is something to tell apart, and tells it by the colours of what is drawn.
TEST(Html, ALegendHasTheCurvesColours) {
  std::vector<html::Curve> curves;
  std::vector<html::Dot> dots;
  for (int k = 0; k < 10; k++) {
    curves.push_back({"n" + std::to_string(k), {0, 1}, {k + 0.0, 1}});
    dots.push_back({"n" + std::to_string(k), k + 0.0, k + 0.0, k + 0.0, 1, 1, 1});
  }
  const std::string lines = html::plot("t", "x", "y", curves),
                    points = html::scatter("t", "x", "y", dots);
  for (const bool line : {true, false}) {
    const std::string& svg = line ? lines : points;
    const auto entries = matches(svg,
                                 "<rect x=\"504\" y=# width=\"10\" height=\"10\" fill=#/><text "
                                 "class=\"label\" x=\"520\" y=#>@<");
    const auto drawn = matches(svg, line ? "<polyline fill=\"none\" stroke=#" : "<circle fill=#");
    ASSERT_EQ(entries.size(), 10u);
    ASSERT_EQ(drawn.size(), 10u);
    std::set<std::string> colours;
    for (size_t k = 0; k < 10; k++) {
      EXPECT_EQ(entries[k][2], drawn[k][1]);
      EXPECT_EQ(entries[k][4], curves[k].name);
      colours.insert(entries[k][2]);
      const double top = std::stod(entries[k][1]), baseline = std::stod(entries[k][3]);
      EXPECT_GT(baseline, top);
      EXPECT_LE(baseline, top + 10) << "a name stands beside its colour";
      EXPECT_LE(top + 10, 280) << "inside the picture";
      if (k > 0) {
        EXPECT_GT(top, std::stod(entries[k - 1][1]) + 10);
      }
    }
    EXPECT_EQ(colours.size(), 10u);
    for (const std::string& colour : colours)
      EXPECT_TRUE(std::regex_match(colour, std::regex("#[0-9a-f]{6}"))) << colour;
    EXPECT_NE(svg.find("viewBox=\"0 0 670 280\" width=\"670\""), std::string::npos);
  }
  const std::string one = html::plot("t", "x", "y", {curves[0]});
  EXPECT_EQ(one.find("<rect"), std::string::npos);
  EXPECT_NE(one.find("viewBox=\"0 0 500 280\" width=\"500\""), std::string::npos);
}

TEST(Html, APlotSaysWhatItIsOf) {
  for (const std::string& svg :
       {html::plot("a < b", "c < d", "e < f", {}), html::scatter("a < b", "c < d", "e < f", {})}) {
    EXPECT_NE(svg.find("role=\"img\" aria-label=\"a &lt; b\""), std::string::npos);
    EXPECT_NE(svg.find("class=\"title\" x=\"64\" y=\"16\">a &lt; b</text>"), std::string::npos);
    EXPECT_NE(
        svg.find(
            "<text class=\"label\" x=\"276\" y=\"272\" text-anchor=\"middle\">c &lt; d</text>"),
        std::string::npos);
    EXPECT_NE(
        svg.find("transform=\"translate(12,132) rotate(-90)\" text-anchor=\"middle\">e &lt; f<"),
        std::string::npos);
    EXPECT_TRUE(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
  }
}

// Of a dot its intervals are bars through it, and nothing lies on the frame.
TEST(Html, IntervalsAreBarsThroughTheirDots) {
  const double inf = std::numeric_limits<double>::infinity();
  const std::string svg = html::scatter(
      "t", "x", "y",
      {{"a", 2, 1, 4, 30, 20, 50}, {"b", 3, -inf, 3.5, 10, 0, 15}, {"c", NAN, 1, 2, 3, 3, 3}});
  const Scale across = x_scale(svg), up = y_scale(svg, false);
  const auto dots = matches(svg, "<circle fill=# r=\"4\" cx=# cy=#");
  ASSERT_EQ(dots.size(), 2u) << "one that has no place is not drawn";
  EXPECT_NEAR(across(std::stod(dots[0][2])), 2, 0.002);
  EXPECT_NEAR(up(std::stod(dots[0][3])), 30, 0.1);
  EXPECT_NEAR(across(std::stod(dots[1][2])), 3, 0.002);
  EXPECT_NEAR(up(std::stod(dots[1][3])), 10, 0.1);
  const auto bars = matches(svg, "<line stroke=# x1=# x2=# y1=# y2=#");
  ASSERT_EQ(bars.size(), 3u) << "a bar that has no end is not drawn";
  const double expected[3][4] = {{1, 4, 30, 30}, {2, 2, 20, 50}, {3, 3, 0, 15}};
  for (size_t i = 0; i < 3; i++) {
    EXPECT_EQ(bars[i][1], dots[i < 2 ? 0 : 1][1]);
    for (size_t end = 0; end < 4; end++)
      EXPECT_NEAR((end < 2 ? across : up)(std::stod(bars[i][end + 2])), expected[i][end],
                  end < 2 ? 0.002 : 0.1);
  }
  // A twentieth of what is shown is left at each end: x from 1 to 4, y from 0 to 50.
  EXPECT_NEAR(across(64), 1 - 0.15, 0.002);
  EXPECT_NEAR(across(488), 4 + 0.15, 0.002);
  EXPECT_NEAR(up(236), -2.5, 0.1);
  EXPECT_NEAR(up(28), 52.5, 0.1);
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

// As CSS has them (www.w3.org/TR/CSS/#properties): a browser passes over what it does not know without a word.
TEST(Html, TheStyleIsOfSelectorsPropertiesAndColoursThatThereAre) {
  const std::set<std::string> known = {
      "background", "border-bottom", "border-collapse", "color",      "fill",       "font",
      "font-size",  "font-weight",   "image-rendering", "margin",     "margin-top", "max-width",
      "overflow-x", "padding",       "stroke",          "text-align", "white-space"};
  const std::string page = html::page("t", "");
  const size_t begin = page.find("<style>") + 7;
  const std::string style = page.substr(begin, page.find("</style>") - begin);
  const std::regex rule("\\s*([^{}]+) \\{([^{}]*)\\}"),
      selector("[a-z1-9]*([.][a-z]+)?(:first-child)?( [a-z]+| [.][a-z]+)?"),
      declaration("\\s*([^:;]+): ([^:;]+);");
  size_t read = 0;
  for (std::sregex_iterator it(style.begin(), style.end(), rule), end; it != end; ++it) {
    EXPECT_EQ(static_cast<size_t>(it->position()), read) << it->str();
    read += static_cast<size_t>(it->length());
    std::istringstream selectors((*it)[1]);
    for (std::string one; std::getline(selectors >> std::ws, one, ',');)
      EXPECT_TRUE(std::regex_match(one, selector)) << one;
    const std::string body = (*it)[2];
    for (std::sregex_iterator of(body.begin(), body.end(), declaration); of != end; ++of) {
      EXPECT_TRUE(known.contains((*of)[1])) << (*of)[1];
      std::istringstream values((*of)[2]);
      for (std::string value; values >> value;) {
        if (!value.starts_with('#')) continue;
        EXPECT_TRUE(std::regex_match(value, std::regex("#([0-9a-f]{3}|[0-9a-f]{6})"))) << value;
      }
    }
  }
  EXPECT_EQ(style.find_first_not_of(" \n", read), std::string::npos) << style.substr(read);
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
