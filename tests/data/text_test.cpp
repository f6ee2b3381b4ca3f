// Names as JSON and HTML may hold them, and as a terminal shows them.
#include "data/text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/error.h"

namespace dae::test {
namespace {

TEST(Text, WhatIsUtf8Stays) {
  for (const std::string text : {"", "plain.jpg", "\xc3\xa9t\xc3\xa9", "\xe2\x82\xac",
                                 "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(valid_utf8(text), text);
}

// Malformed sequences of the Unicode Standard, 3.9, and a name of Latin-1.
TEST(Text, WhatIsNotIsWrittenOut) {
  EXPECT_EQ(valid_utf8("caf\xe9 1.jpg"), "caf\\xe9 1.jpg");
  EXPECT_EQ(valid_utf8("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(valid_utf8("\xe0\x80\xaf"), "\\xe0\\x80\\xaf") << "overlong";
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half of a surrogate pair";
  EXPECT_EQ(valid_utf8("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond the last";
  EXPECT_EQ(valid_utf8("a\xe2\x82"), "a\\xe2\\x82") << "cut off";
  // Every pair of bytes: what comes out is what a JSON parser takes, and nothing is lost.
  for (int a = 0; a < 256; a++)
    for (int b = 0; b < 256; b++) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b)};
      const nlohmann::json json = valid_utf8(text);
      ASSERT_NO_THROW(EXPECT_EQ(nlohmann::json::parse(json.dump()), json)) << a << " " << b;
    }
}

// Of the categories of Unicode Cc alone commands a terminal; Latin-1's half of it is two bytes in UTF-8.
TEST(Text, WhatCommandsATerminalIsWrittenOut) {
  EXPECT_EQ(printable_line("a\x1b[2J\nb\x7f\t.jpg"), "a\\x1b[2J\\x0ab\\x7f\\x09.jpg");
  EXPECT_EQ(printable_lines("a\nb\r\n"), "a\nb\\x0d\n");
  EXPECT_EQ(printable_line("\xc2\x9b"
                           "31m \x9b"),
            "\\x9b31m \\x9b");
  EXPECT_EQ(printable_line("\xc2\xa0 \xc3\x9b \xe2\x82\xac"), "\xc2\xa0 \xc3\x9b \xe2\x82\xac");
  for (int c = 0; c < 256; c++) {
    const std::string text = printable_line(std::string(1, static_cast<char>(c)));
    EXPECT_EQ(text.size() == 1, c >= 0x20 && c < 0x7f) << c;
  }
}

TEST(Text, JsonIsReadToADepth) {
  EXPECT_EQ(json_from(R"({"a":[1,2]})"), (nlohmann::json{{"a", {1, 2}}}));
  const auto nested = [](size_t depth, const std::string& inside = "") {
    return std::string(depth, '[') + inside + std::string(depth, ']');
  };
  for (const char* const inside : {"", "1"}) {
    EXPECT_NO_THROW(json_from(nested(64, inside)));
    EXPECT_THROW(json_from(nested(65, inside)), Error);
  }
  EXPECT_NO_THROW(json_from(nested(63, R"({"a":1})")));
  EXPECT_THROW(json_from(nested(64, "{}")), Error);
  EXPECT_THROW(json_from(nested(1000000)), Error);
  EXPECT_THROW(json_from("{"), Error);
  EXPECT_THROW(json_from("\xff"), Error);
}

TEST(Text, MessagePackIsReadToADepth) {
  const nlohmann::json kept = {{"a", {1, 2.5, "b", nullptr, true}},
                               {"c", nlohmann::json::binary({1})}};
  EXPECT_EQ(json_from_msgpack(nlohmann::json::to_msgpack(kept)), kept);
  const auto nested = [](size_t depth) {
    std::vector<uint8_t> bytes(depth, 0x91);  // an array of one
    bytes.back() = 0x90;                      // of none
    return bytes;
  };
  EXPECT_NO_THROW(json_from_msgpack(nested(64)));
  EXPECT_THROW(json_from_msgpack(nested(65)), Error);
  EXPECT_THROW(json_from_msgpack(nested(1000000)), Error);
  EXPECT_THROW(json_from_msgpack(std::vector<uint8_t>(70, 0x81)), Error);
  EXPECT_THROW(json_from_msgpack(std::vector<uint8_t>{0x92, 1}), Error);
}

TEST(Text, WholeNumbersAreNothingElse) {
  EXPECT_EQ(whole_number(0, "n"), 0u);
  EXPECT_EQ(whole_number(json_from("9223372036854775807"), "n"), uint64_t{INT64_MAX});
  EXPECT_EQ(whole_number(UINT64_MAX, "n", UINT64_MAX), UINT64_MAX);
  for (const char* const bad :
       {"-1", "1.0", "1e300", "\"1\"", "null", "9223372036854775808", "[1]"})
    try {
      whole_number(json_from(bad), "model.width");
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("model.width"), std::string::npos) << error.what();
    }
  EXPECT_THROW(whole_number(8, "n", 7), Error);
}

TEST(Text, CutsBetweenCodePoints) {
  EXPECT_EQ(first_columns("\xc3\xa9t\xc3\xa9", 2), "\xc3\xa9t");
  EXPECT_EQ(first_columns("\xc3\xa9t\xc3\xa9", 3), "\xc3\xa9t\xc3\xa9");
  EXPECT_EQ(first_columns("\xc3\xa9t\xc3\xa9", 30), "\xc3\xa9t\xc3\xa9");
  EXPECT_EQ(first_columns("abc", 0), "");
}

TEST(Text, JsonOfAnyBytes) {
  const std::string text = file_text({{"path", "caf\xe9"}});
  EXPECT_EQ(nlohmann::json::parse(text)["path"], "caf\xef\xbf\xbd");
  EXPECT_EQ(text.back(), '\n');
}

}  // namespace
}  // namespace dae::test
