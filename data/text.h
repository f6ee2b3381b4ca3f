// Text that came from outside: file names need not be UTF-8, terminals are of some width.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dae {

// `text` with every byte that is not part of valid UTF-8 written as \xNN, so that different names
// stay different in JSON and HTML.
std::string valid_utf8(const std::string& text);

// The first `columns` code points of valid UTF-8.
std::string first_columns(const std::string& text, size_t columns);

// As it is written to files: indented, ending in a newline. Never throws over a byte.
std::string file_text(const nlohmann::json& json);

}  // namespace dae
