// Text that came from outside: file names need not be UTF-8, terminals are of some width.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

namespace dae {

// `text` with every byte that is not part of valid UTF-8 written as \xNN, so that different names
// stay different in JSON and HTML.
std::string valid_utf8(const std::string& text);

// The same with control characters (Unicode's category Cc) written out as well, so that no file's name
// commands a terminal. Of lines the newlines stay; in one line even those are written out.
std::string printable_lines(const std::string& text);
std::string printable_line(const std::string& text);

// The first `columns` code points of valid UTF-8.
std::string first_columns(const std::string& text, size_t columns);

// What `text` says. Throws Error saying why not when it is not valid JSON, or nested deeper than 64 levels,
// which nothing writes and which would overflow the stack of whoever walks it.
nlohmann::json json_from(std::string_view text);
// The same of MessagePack.
nlohmann::json json_from_msgpack(std::span<const uint8_t> bytes);

// A number of a file as the whole number that it has to be, from 0 to `most`. Throws Error saying what
// `name` is otherwise.
uint64_t whole_number(const nlohmann::json& number, std::string_view name,
                      uint64_t most = INT64_MAX);

// As it is written to files: indented, ending in a newline. Never throws over a byte.
std::string file_text(const nlohmann::json& json);

// With the letters A to Z as a to z.
std::string in_lower_case(std::string text);

}  // namespace dae
