// Sheets: which picture stands where, how large, with which text over it.
#include "report/sheet.h"

#include <gtest/gtest.h>

#include <array>

#include "runtime/error.h"

namespace dae::test {
namespace {

using Colour = std::array<uint8_t, 3>;

// A picture no two pixels of which are equal, nor equal to one of another `number`; none is grey.
Image numbered(int number, int64_t height, int64_t width) {
  Image image{height, width, {}};
  for (int64_t i = 0; i < height * width; i++)
    for (const int64_t value : {int64_t{number * 50 + 5}, 100 + i, int64_t{1}})
      image.pixels.push_back(static_cast<uint8_t>(value));
  return image;
}

Colour at(const Image& image, int64_t y, int64_t x) {
  const uint8_t* const pixel = &image.pixels[static_cast<size_t>((y * image.width + x) * 3)];
  return {pixel[0], pixel[1], pixel[2]};
}

struct Box {
  int64_t top, left, bottom, right;  // the last two are behind it
};

// Where the pixels are that `is` says yes to.
template <class Is>
Box box_of(const Image& image, const Is& is) {
  Box box{image.height, image.width, 0, 0};
  for (int64_t y = 0; y < image.height; y++)
    for (int64_t x = 0; x < image.width; x++)
      if (is(at(image, y, x)))
        box = {std::min(box.top, y), std::min(box.left, x), std::max(box.bottom, y + 1),
               std::max(box.right, x + 1)};
  return box;
}

Box box_of(const Image& sheet, int number) {
  return box_of(sheet, [&](Colour c) { return c[0] == number * 50 + 5; });
}

bool is_ink(Colour c) {
  return c[0] == c[1] && c[1] == c[2] && c[0] < 128;
}

// The text in a part of a sheet, as rows of ink and paper.
std::vector<std::string> ink(const Image& sheet, const Box& part) {
  std::vector<std::string> rows;
  for (int64_t y = part.top; y < part.bottom; y++) {
    rows.emplace_back();
    for (int64_t x = part.left; x < part.right; x++)
      rows.back() += is_ink(at(sheet, y, x)) ? '#' : '.';
  }
  return rows;
}

// The sheet of one picture of two pixels with the text, and where the ink is.
Box ink_of(const std::string& label, Image* sheet = nullptr) {
  const Image drawn = draw_sheet({{numbered(0, 1, 2), label}}, 1, 1);
  if (sheet) *sheet = drawn;
  return box_of(drawn, is_ink);
}

TEST(Sheet, EveryPictureIsThereEnlarged) {
  const std::vector<std::pair<int64_t, int64_t>> sizes = {{4, 6}, {3, 2}, {5, 5}, {1, 1}, {4, 6}};
  for (const int zoom : {1, 3}) {
    std::vector<Cell> cells;
    for (size_t i = 0; i < sizes.size(); i++)
      cells.push_back({numbered(static_cast<int>(i), sizes[i].first, sizes[i].second), ""});
    const Image sheet = draw_sheet(cells, 3, zoom);
    ASSERT_EQ(sheet.pixels.size(), static_cast<size_t>(sheet.height * sheet.width * 3));
    size_t coloured = 0;
    std::vector<Box> boxes;
    for (size_t i = 0; i < sizes.size(); i++) {
      const Box box = boxes.emplace_back(box_of(sheet, static_cast<int>(i)));
      ASSERT_EQ(box.bottom - box.top, sizes[i].first * zoom) << i;
      ASSERT_EQ(box.right - box.left, sizes[i].second * zoom) << i;
      for (int64_t y = box.top; y < box.bottom; y++)
        for (int64_t x = box.left; x < box.right; x++)
          EXPECT_EQ(at(sheet, y, x),
                    at(cells[i].image, (y - box.top) / zoom, (x - box.left) / zoom));
      coloured += static_cast<size_t>(sizes[i].first * sizes[i].second * zoom * zoom);
    }
    // Three a row, in order, tops and left sides aligned; the widest is six wide, the highest five high.
    for (size_t i = 1; i < boxes.size(); i++) {
      if (i % 3 != 0) {
        EXPECT_EQ(boxes[i].top, boxes[i - 1].top);
        EXPECT_EQ(boxes[i].left - boxes[i - 1].left, boxes[1].left - boxes[0].left);
      }
      if (i >= 3) {
        EXPECT_EQ(boxes[i].left, boxes[i - 3].left);
      }
    }
    EXPECT_GT(boxes[1].left, boxes[0].left + 6 * zoom);
    EXPECT_GT(boxes[3].top, boxes[0].top + 5 * zoom);
    // A margin all around, as wide as between pictures, and nothing else than paper.
    const int64_t margin = boxes[1].left - boxes[0].left - 6 * zoom;
    EXPECT_EQ(boxes[0].top, margin);
    EXPECT_EQ(boxes[0].left, margin);
    EXPECT_EQ(boxes[3].top - boxes[0].top - 5 * zoom, margin);
    EXPECT_EQ(sheet.width, boxes[2].left + 6 * zoom + margin);
    EXPECT_EQ(sheet.height, boxes[3].top + 5 * zoom + margin);
    size_t paper = 0;
    for (int64_t y = 0; y < sheet.height; y++)
      for (int64_t x = 0; x < sheet.width; x++) paper += at(sheet, y, x) == Colour{255, 255, 255};
    EXPECT_EQ(paper, static_cast<size_t>(sheet.height * sheet.width) - coloured);
  }
}

// A row makes room for its own text alone.
TEST(Sheet, TextStandsOverItsPicture) {
  const std::vector<Cell> cells = {{numbered(0, 4, 60), "one"},
                                   {numbered(1, 4, 60), "two\nlines"},
                                   {numbered(2, 4, 60), ""},
                                   {numbered(3, 4, 60), ""},
                                   {numbered(4, 4, 60), "three"}};
  const Image sheet = draw_sheet(cells, 2, 1);
  std::vector<Box> boxes;
  for (int i = 0; i < 5; i++) boxes.push_back(box_of(sheet, i));
  const int64_t margin = boxes[0].left, line = (boxes[0].top - margin) / 2;
  EXPECT_GE(line, 10) << "a line's letters are up to ten pixels high";
  EXPECT_EQ(boxes[1].top, boxes[0].top);
  EXPECT_EQ(boxes[2].top, boxes[0].bottom + margin);
  EXPECT_EQ(boxes[4].top, boxes[2].bottom + margin + line);
  for (const size_t i : {0, 1, 4}) {
    const Box above{i == 4 ? boxes[2].bottom : 0, boxes[i].left, boxes[i].top, boxes[i].right};
    Image alone;
    Box letters = ink_of(cells[i].label, &alone);
    // The same letters as on a sheet of its own, from the picture's left side.
    const int64_t height = letters.bottom - letters.top, width = letters.right - letters.left;
    Box found = box_of(sheet, [](Colour) { return false; });
    for (int64_t y = above.top; y < above.bottom; y++)
      for (int64_t x = above.left; x < above.right; x++)
        if (is_ink(at(sheet, y, x)))
          found = {std::min(found.top, y), std::min(found.left, x), std::max(found.bottom, y + 1),
                   std::max(found.right, x + 1)};
    EXPECT_EQ(found.bottom - found.top, height);
    EXPECT_EQ(found.right - found.left, width);
    EXPECT_EQ(ink(sheet, found), ink(alone, letters));
    EXPECT_LE(found.left - boxes[i].left, 1);
  }
}

TEST(Sheet, AColumnIsAsWideAsItsText) {
  const Image sheet =
      draw_sheet({{numbered(0, 1, 2), "a long line of text"}, {numbered(1, 1, 2), "x"}}, 2, 1);
  const Box text = box_of(sheet, is_ink), second = box_of(sheet, 1);
  EXPECT_LT(text.right, sheet.width);
  const Box first_text = ink_of("a long line of text");
  EXPECT_GE(second.left, box_of(sheet, 0).left + first_text.right - first_text.left);
}

// One question mark for each character that the font does not have, however many bytes it is.
TEST(Sheet, LettersThatTheFontLacksAreQuestionMarks) {
  const auto drawn = [](const std::string& label) {
    Image sheet;
    const Box box = ink_of(label, &sheet);
    return ink(sheet, box);
  };
  EXPECT_EQ(drawn("a\xc3\xa9z"), drawn("a?z"));
  EXPECT_EQ(drawn("\xe2\x82\xac\xf0\x9f\x98\x80"), drawn("??"));
  EXPECT_EQ(drawn("a\x7f\x1f~"), drawn("a??~"));
  EXPECT_NE(drawn("a z"), drawn("a?z"));
  EXPECT_NE(drawn("~"), drawn("?"));
}

TEST(Sheet, DifferencesAreFourTimesAsBright) {
  Image a{2, 3, {}}, b = a, expected = a;
  for (int i = 0; i < 18; i++) {
    a.pixels.push_back(static_cast<uint8_t>(i * 14));
    b.pixels.push_back(static_cast<uint8_t>(255 - i * 9));
    const int apart = i * 14 > 255 - i * 9 ? i * 14 - (255 - i * 9) : 255 - i * 9 - i * 14;
    expected.pixels.push_back(static_cast<uint8_t>(apart >= 64 ? 255 : apart * 4));
  }
  const Image shown = difference(a, b);
  EXPECT_EQ(shown.pixels, expected.pixels);
  EXPECT_EQ(shown.height, 2);
  EXPECT_EQ(shown.width, 3);
}

TEST(Sheet, RefusesWhatCannotBeShown) {
  const Cell cell{numbered(0, 2, 2), ""};
  EXPECT_THROW(draw_sheet({}, 1, 1), Error);
  EXPECT_THROW(draw_sheet({cell}, 0, 1), Error);
  EXPECT_THROW(draw_sheet({cell}, 1, 0), Error);
  EXPECT_THROW(difference(numbered(0, 2, 3), numbered(0, 2, 2)), Error);
  EXPECT_THROW(difference(numbered(0, 3, 2), numbered(0, 2, 2)), Error);
}

}  // namespace
}  // namespace dae::test
