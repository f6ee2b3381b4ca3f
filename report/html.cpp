#include "report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/text.h"

namespace dae::html {
namespace {

constexpr double kWidth = 500, kHeight = 280, kLeft = 64, kRight = 12, kTop = 28, kBottom = 44;
constexpr double kLegendWidth = 170;
constexpr size_t kLegendLetters = 22;
constexpr size_t kDotted = 25;  // a curve of few points shows where they are, even if it is one
constexpr const char* kColours[] = {"#1764ab", "#c2410c", "#15803d", "#7e22ce", "#a16207",
                                    "#0e7490", "#be185d", "#57606a", "#65a30d", "#111827"};

constexpr int kMostTicks = 10;  // of an axis cut into about five parts

// Round values that divide [low, high] into about five parts.
std::vector<double> round_ticks(double low, double high) {
  const double raw = (high - low) / 5, power = std::pow(10, std::floor(std::log10(raw)));
  const double unit = raw / power;
  const double step = power * (unit < 1.5 ? 1 : unit < 3.5 ? 2 : unit < 7.5 ? 5 : 10);
  const double first = std::ceil(low / step) * step;
  std::vector<double> ticks;
  // Counted: beyond 2^53 a number and a step may add up to the number.
  for (int i = 0; i <= kMostTicks; i++)
    if (const double t = first + i * step; t <= high + step * 1e-9)
      ticks.push_back(std::abs(t) < step * 1e-9 ? 0 : t);
  return ticks;
}

// On a logarithmic axis: 1, 2 and 5 times powers of ten; powers alone where those are many. Round
// values where the axis is too short for them. `low` and `high` are logarithms, and so are ticks.
std::vector<double> log_ticks(double low, double high) {
  std::vector<double> ticks;
  for (int power = static_cast<int>(std::floor(low)); power <= high; power++)
    for (const double digit : {1.0, 2.0, 5.0})
      if (const double t = power + std::log10(digit);
          t >= low && t <= high && (digit == 1 || high - low < 3))
        ticks.push_back(t);
  if (ticks.size() >= 2) return ticks;
  ticks.clear();
  for (const double t : round_ticks(std::pow(10, low), std::pow(10, high)))
    if (t > 0) ticks.push_back(std::log10(t));
  return ticks;
}

struct Axis {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  bool log = false;

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void finish() {
    if (!(low <= high)) low = high = 0;
    if (low == high) {
      const double half = std::max(0.5, 1e-6 * std::abs(low));  // seen beside it
      low -= half;
      high += half;
    }
  }
  // So that nothing lies on the frame.
  void widen() {
    const double margin = 0.05 * (high - low);
    if (low <= high) low -= margin, high += margin;
  }
  double at(double value) const { return (value - low) / (high - low); }
};

const char* colour(size_t k) {
  return kColours[k % std::size(kColours)];
}

// Axes, grid, labels and legend: what all plots have in common.
struct Frame {
  Axis x, y;

  double px(double v) const { return kLeft + x.at(v) * (kWidth - kLeft - kRight); }
  double py(double v) const { return kHeight - kBottom - y.at(v) * (kHeight - kTop - kBottom); }

  // Everything but the data and the closing tag; fixes the axes. One name needs no legend.
  std::string open(const std::string& title, const std::string& x_label, const std::string& y_label,
                   const std::vector<std::string>& names, bool log_y);
};

std::string Frame::open(const std::string& title, const std::string& x_label,
                        const std::string& y_label, const std::vector<std::string>& names,
                        bool log_y) {
  x.finish();
  y.finish();
  const double width = kWidth + (names.size() > 1 ? kLegendWidth : 0);
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" width=\"{}\" role=\"img\" aria-label=\"{}\">"
      "<text class=\"title\" x=\"{}\" y=\"16\">{}</text>",
      width, kHeight, width, escape(title), kLeft, escape(title));
  for (const double tick : round_ticks(x.low, x.high))
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/>"
        "<text class=\"tick\" x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4:g}</text>",
        px(tick), kTop, kHeight - kBottom, kHeight - kBottom + 15, tick);
  for (const double tick : log_y ? log_ticks(y.low, y.high) : round_ticks(y.low, y.high))
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>"
        "<text class=\"tick\" x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.3g}</text>",
        kLeft, kWidth - kRight, py(tick), kLeft - 5, py(tick) + 4,
        log_y ? std::pow(10, tick) : tick);
  svg += fmt::format(
      "<text class=\"label\" x=\"{:.0f}\" y=\"{}\" text-anchor=\"middle\">{}</text>"
      "<text class=\"label\" transform=\"translate(12,{:.0f}) rotate(-90)\" "
      "text-anchor=\"middle\">{}</text>",
      (kLeft + kWidth - kRight) / 2, kHeight - 8, escape(x_label), (kTop + kHeight - kBottom) / 2,
      escape(y_label));
  for (size_t k = 0; names.size() > 1 && k < names.size(); k++) {
    const double middle = kTop + 8 + 17 * static_cast<double>(k);
    svg += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{}\"/>"
        "<text class=\"label\" x=\"{}\" y=\"{}\">{}</text>",
        kWidth + 4, middle - 5, colour(k), kWidth + 20, middle + 4,
        escape(first_columns(valid_utf8(names[k]), kLegendLetters)));
  }
  return svg;
}

}  // namespace

std::string escape(const std::string& text) {
  std::string out;
  for (const char c : valid_utf8(text)) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string base64(const std::vector<uint8_t>& bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = std::min<size_t>(3, bytes.size() - i);
    uint32_t word = uint32_t{bytes[i]} << 16;
    if (left > 1) word |= uint32_t{bytes[i + 1]} << 8;
    if (left > 2) word |= bytes[i + 2];
    for (size_t k = 0; k < 4; k++) out += k <= left ? kDigits[(word >> (18 - 6 * k)) & 63] : '=';
  }
  return out;
}

std::string cell(const std::string& text) {
  const size_t open = text.find(" ["), close = text.find("] ");
  if (open == std::string::npos) return fmt::format("<td>{}</td>", escape(text));
  const std::string after =
      close == std::string::npos ? "" : "<br>" + escape(text.substr(close + 2));
  return fmt::format("<td>{}<br><small>{}{}</small></td>", escape(text.substr(0, open)),
                     escape(text.substr(open + 1, close - open)), after);
}

std::string picture(const Image& image, const std::string& alt) {
  return fmt::format("<img alt=\"{}\" width=\"{}\" src=\"data:image/png;base64,{}\">", escape(alt),
                     image.width, base64(encode_png(image)));
}

std::string plot(const std::string& title, const std::string& x_label, const std::string& y_label,
                 const std::vector<Curve>& curves, bool log_y) {
  const auto shown = [&](double y) { return std::isfinite(y) && (!log_y || y > 0); };
  const auto scaled = [&](double y) { return log_y ? std::log10(y) : y; };
  Frame frame;
  for (const Curve& curve : curves)
    for (size_t i = 0; i < curve.x.size(); i++)
      if (shown(curve.y[i])) {
        frame.x.include(curve.x[i]);
        frame.y.include(scaled(curve.y[i]));
      }
  std::vector<std::string> names;
  for (const Curve& curve : curves) names.push_back(curve.name);
  std::string svg = frame.open(title, x_label, y_label, names, log_y);
  for (size_t k = 0; k < curves.size(); k++) {
    const Curve& curve = curves[k];
    std::string points, dots;
    size_t count = 0;
    for (size_t i = 0; i < curve.x.size(); i++)
      if (shown(curve.y[i])) {
        const double at_x = frame.px(curve.x[i]), at_y = frame.py(scaled(curve.y[i]));
        points += fmt::format("{:.1f},{:.1f} ", at_x, at_y);
        dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" fill=\"{}\"/>", at_x,
                            at_y, colour(k));
        count++;
      }
    svg += fmt::format(
        "<polyline fill=\"none\" stroke=\"{}\" {} points=\"{}\"/>", colour(k),
        curve.broad ? "stroke-width=\"8\" stroke-opacity=\"0.35\"" : "stroke-width=\"1.5\"",
        points);
    if (count <= kDotted && !curve.broad) svg += dots;
  }
  return svg + "</svg>";
}

std::string scatter(const std::string& title, const std::string& x_label,
                    const std::string& y_label, const std::vector<Dot>& dots) {
  Frame frame;
  for (const Dot& dot : dots) {
    for (const double x : {dot.x, dot.x_low, dot.x_high})
      if (std::isfinite(x)) frame.x.include(x);
    for (const double y : {dot.y, dot.y_low, dot.y_high})
      if (std::isfinite(y)) frame.y.include(y);
  }
  frame.x.widen();
  frame.y.widen();
  std::vector<std::string> names;
  for (const Dot& dot : dots) names.push_back(dot.name);
  std::string svg = frame.open(title, x_label, y_label, names, false);
  for (size_t k = 0; k < dots.size(); k++) {
    const Dot& dot = dots[k];
    if (!std::isfinite(dot.x) || !std::isfinite(dot.y)) continue;
    const auto bar = [&](double x1, double x2, double y1, double y2) {
      if (std::isfinite(x1) && std::isfinite(x2) && std::isfinite(y1) && std::isfinite(y2))
        svg += fmt::format(
            "<line stroke=\"{}\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>",
            colour(k), frame.px(x1), frame.px(x2), frame.py(y1), frame.py(y2));
    };
    bar(dot.x_low, dot.x_high, dot.y, dot.y);
    bar(dot.x, dot.x, dot.y_low, dot.y_high);
    svg += fmt::format("<circle fill=\"{}\" r=\"4\" cx=\"{:.1f}\" cy=\"{:.1f}\"/>", colour(k),
                       frame.px(dot.x), frame.py(dot.y));
  }
  return svg + "</svg>";
}

std::string page(const std::string& title, const std::string& body) {
  return fmt::format(R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{0}</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em;
       color: #1f2328; background: #fff; }}
h1 {{ font-size: 1.5em; }} h2 {{ font-size: 1.15em; margin-top: 2em; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: .25em .7em; border-bottom: 1px solid #d8dee4; text-align: right; }}
th:first-child, td:first-child {{ text-align: left; }}
td.best {{ font-weight: 600; }}
td small {{ color: #57606a; white-space: nowrap; }}
img {{ max-width: 100%; image-rendering: pixelated; }}
pre {{ background: #f6f8fa; padding: 1em; overflow-x: auto; font-size: 13px; }}
svg {{ margin: .5em 1em .5em 0; }}
svg .grid {{ stroke: #e4e8ec; }} svg .tick {{ font-size: 11px; fill: #57606a; }}
svg .label {{ font-size: 12px; fill: #57606a; }} svg .title {{ font-size: 13px; font-weight: 600; }}
.note {{ background: #fff8c5; padding: .5em 1em; }}
</style></head><body>
<h1>{0}</h1>
{1}
</body></html>
)",
                     escape(title), body);
}

}  // namespace dae::html
