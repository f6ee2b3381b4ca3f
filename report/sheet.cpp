#include "report/sheet.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "runtime/error.h"
#include "runtime/rounding.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_easy_font.h>
#pragma GCC diagnostic pop

namespace dae {
namespace {

constexpr int64_t kMargin = 6, kLineHeight = 12;

void fill(Image& image, int64_t top, int64_t left, int64_t bottom, int64_t right, uint8_t grey) {
  for (int64_t y = std::max<int64_t>(top, 0); y < std::min(bottom, image.height); y++)
    for (int64_t x = std::max<int64_t>(left, 0); x < std::min(right, image.width); x++)
      for (int c = 0; c < 3; c++) image.pixels[(y * image.width + x) * 3 + c] = grey;
}

// What stb_easy_font can draw: ASCII, with a question mark for every other character of UTF-8.
std::string drawable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n' || (byte >= 0x20 && byte < 0x7f))
      out += c;
    else if ((byte & 0xc0) != 0x80)  // not inside a character
      out += '?';
  }
  return out;
}

// stb_easy_font gives each letter as axis-parallel rectangles of whole pixels, which are filled
// here.
void draw_text(Image& image, int64_t top, int64_t left, const std::string& text) {
  struct Vertex {
    float x, y, z;
    unsigned char colour[4];
  };
  std::vector<Vertex> vertices(text.size() * 80 + 4);
  std::string copy = drawable(text);
  const int quads = stb_easy_font_print(0, 0, copy.data(), nullptr, vertices.data(),
                                        static_cast<int>(vertices.size() * sizeof(Vertex)));
  for (int i = 0; i < quads; i++) {
    const Vertex &a = vertices[4 * i], &b = vertices[4 * i + 2];
    fill(image, top + static_cast<int64_t>(a.y), left + static_cast<int64_t>(a.x),
         top + static_cast<int64_t>(b.y), left + static_cast<int64_t>(b.x), 32);
  }
}

void paste(Image& sheet, const Image& image, int64_t top, int64_t left, int zoom) {
  for (int64_t y = 0; y < image.height * zoom; y++)
    for (int64_t x = 0; x < image.width * zoom; x++)
      for (int c = 0; c < 3; c++)
        sheet.pixels[((top + y) * sheet.width + left + x) * 3 + c] =
            image.pixels[((y / zoom) * image.width + x / zoom) * 3 + c];
}

}  // namespace

Image draw_sheet(const std::vector<Cell>& cells, int columns, int zoom) {
  if (cells.empty() || columns < 1 || zoom < 1) fail("sheet: nothing to show");
  const int64_t rows = ceil_div(static_cast<int64_t>(cells.size()), columns);
  int64_t cell_height = 0, cell_width = 0;
  std::vector<int64_t> label_height(static_cast<size_t>(rows));  // a row without labels needs none
  for (size_t i = 0; i < cells.size(); i++) {
    const Cell& cell = cells[i];
    cell_height = std::max(cell_height, cell.image.height * zoom);
    std::string copy = drawable(cell.label);
    cell_width = std::max<int64_t>(
        {cell_width, cell.image.width * zoom, int64_t{stb_easy_font_width(copy.data())}});
    int64_t& height = label_height[i / static_cast<size_t>(columns)];
    if (!cell.label.empty())
      height = std::max(height, kLineHeight * (1 + std::count(copy.begin(), copy.end(), '\n')));
  }
  Image sheet;
  sheet.height = kMargin + rows * (cell_height + kMargin) +
                 std::accumulate(label_height.begin(), label_height.end(), int64_t{0});
  sheet.width = kMargin + columns * (cell_width + kMargin);
  sheet.pixels.assign(static_cast<size_t>(sheet.height * sheet.width * 3), 255);
  int64_t top = kMargin;
  for (size_t i = 0; i < cells.size(); i++) {
    const auto row = i / static_cast<size_t>(columns), column = i % static_cast<size_t>(columns);
    const int64_t left = kMargin + static_cast<int64_t>(column) * (cell_width + kMargin);
    draw_text(sheet, top + 1, left, cells[i].label);
    paste(sheet, cells[i].image, top + label_height[row], left, zoom);
    if (column + 1 == static_cast<size_t>(columns))
      top += label_height[row] + cell_height + kMargin;
  }
  return sheet;
}

Image difference(const Image& a, const Image& b) {
  if (a.height != b.height || a.width != b.width) fail("sheet: pictures of different sizes");
  Image out = a;
  for (size_t i = 0; i < out.pixels.size(); i++)
    out.pixels[i] =
        static_cast<uint8_t>(std::min(255, 4 * std::abs(int{a.pixels[i]} - int{b.pixels[i]})));
  return out;
}

}  // namespace dae
