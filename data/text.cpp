#include "data/text.h"

#include <fmt/format.h>

#include <cctype>
#include <nlohmann/json.hpp>

#include "runtime/error.h"

namespace dae {
namespace {

constexpr auto kReplace = nlohmann::json::error_handler_t::replace;  // of bytes that are no UTF-8

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// Bytes of the code point at `text[at]`; 0 where none is well-formed (The Unicode Standard, table
// 3-7).
size_t code_point_length(const std::string& text, size_t at) {
  const auto byte = [&](size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xc2 && first < 0xe0   ? 2
                        : first >= 0xe0 && first < 0xf0 ? 3
                        : first >= 0xf0 && first < 0xf5 ? 4
                                                        : 0;
  for (size_t i = 1; i < length; i++)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool no_character = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
  return overlong || no_character ? 0 : length;
}

}  // namespace

std::string valid_utf8(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = code_point_length(text, at);
    if (length == 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
    else
      out.append(text, at, length);
    at += std::max<size_t>(length, 1);
  }
  return out;
}

namespace {

std::string printable(const std::string& text, bool newlines) {
  std::string out;
  const std::string valid = valid_utf8(text);
  for (size_t at = 0; at < valid.size();) {
    const size_t length = code_point_length(valid, at);
    const auto last = static_cast<unsigned char>(valid[at + length - 1]);
    const bool control = length == 1 ? last < 0x20 || last == 0x7f
                                     : length == 2 && valid[at] == '\xc2' && last < 0xa0;
    if (control && !(newlines && last == '\n'))
      out += fmt::format("\\x{:02x}", last);
    else
      out.append(valid, at, length);
    at += length;
  }
  return out;
}

constexpr int kDeepest = 64;  // levels

// Stops the library's reader, which calls itself for what is nested.
class NotTooDeep : public nlohmann::json::json_sax_t {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(size_t) override { return ++depth_ <= kDeepest; }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(size_t) override { return ++depth_ <= kDeepest; }
  bool end_array() override { return --depth_ >= 0; }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  int depth_ = 0;
};

}  // namespace

std::string printable_lines(const std::string& text) {
  return printable(text, true);
}

std::string printable_line(const std::string& text) {
  return printable(text, false);
}

std::string first_columns(const std::string& text, size_t columns) {
  size_t at = 0;
  for (size_t seen = 0; at < text.size(); at++)
    if (!is_continuation(text[at]) && seen++ == columns) break;
  return text.substr(0, at);
}

nlohmann::json json_from(std::string_view text) {
  // What begins at `depth` is one level more.
  using Event = nlohmann::json::parse_event_t;
  const auto not_too_deep = [](int depth, Event event, const nlohmann::json&) {
    const bool begins = event == Event::array_start || event == Event::object_start;
    if (begins && depth >= kDeepest) fail("nested deeper than {} levels", kDeepest);
    return true;
  };
  try {
    return nlohmann::json::parse(text, not_too_deep);
  } catch (const nlohmann::json::exception& error) {
    fail("not valid JSON: {}", error.what());
  }
}

nlohmann::json json_from_msgpack(std::span<const uint8_t> bytes) {
  using nlohmann::json;
  NotTooDeep check;
  if (!json::sax_parse(bytes.begin(), bytes.end(), &check, json::input_format_t::msgpack))
    fail("not valid MessagePack, or nested deeper than {} levels", kDeepest);
  return json::from_msgpack(bytes.begin(), bytes.end());
}

uint64_t whole_number(const nlohmann::json& number, std::string_view name, uint64_t most) {
  const bool negative =
      number.is_number_integer() && !number.is_number_unsigned() && number.get<int64_t>() < 0;
  if (!number.is_number_integer() || negative || number.get<uint64_t>() > most)
    fail("{} is {}, expected a whole number from 0 to {}", name,
         number.dump(-1, ' ', false, kReplace), most);
  return number.get<uint64_t>();
}

std::string file_text(const nlohmann::json& json) {
  return json.dump(2, ' ', false, kReplace) + "\n";
}

std::string in_lower_case(std::string text) {
  for (char& letter : text)
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return text;
}

}  // namespace dae
