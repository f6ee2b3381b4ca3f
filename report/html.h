// The few pieces of HTML that reports are made of. Everything is inline: no file, no network.
#pragma once

#include <string>
#include <vector>

#include "data/image.h"

namespace dae::html {

std::string escape(const std::string& text);
std::string base64(const std::vector<uint8_t>& bytes);

// A table's cell; what stands in brackets, an interval, on a line of its own, and so what follows.
std::string cell(const std::string& text);

// An <img> with the picture inside.
std::string picture(const Image& image, const std::string& alt);

struct Curve {
  std::string name;
  std::vector<double> x, y;  // equal lengths; y that is not finite is left out
  bool broad = false;        // a broad pale band, for what the curves after it may lie on
};

// A line plot as inline SVG with axes, round ticks and, for several curves, a legend beside it.
// log_y needs positive values.
std::string plot(const std::string& title, const std::string& x_label, const std::string& y_label,
                 const std::vector<Curve>& curves, bool log_y = false);

// A named point with the ends of its intervals; ends that are not finite are not drawn.
struct Dot {
  std::string name;
  double x = 0, x_low = 0, x_high = 0, y = 0, y_low = 0, y_high = 0;
};

// Points with bars for their intervals, each named in the legend. Dots take their colours in order,
// as curves do.
std::string scatter(const std::string& title, const std::string& x_label,
                    const std::string& y_label, const std::vector<Dot>& dots);

// A whole page around `body`.
std::string page(const std::string& title, const std::string& body);

}  // namespace dae::html
