// Pictures side by side with a line of text over each: what programs show people.
#pragma once

#include <string>
#include <vector>

#include "data/image.h"

namespace dae {

struct Cell {
  Image image;
  std::string label;  // ASCII; lines are separated by '\n'; may be empty
};

// A sheet of `columns` cells a row, each picture enlarged `zoom` times (whole pixels, nothing
// smoothed). Throws Error when there is nothing to show.
Image draw_sheet(const std::vector<Cell>& cells, int columns, int zoom);

// |a - b| brightened four times, so that small differences can be seen.
Image difference(const Image& a, const Image& b);

}  // namespace dae
