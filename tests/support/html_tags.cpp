#include "tests/support/html_tags.h"

#include <regex>
#include <set>
#include <vector>

namespace dae::test {
namespace {

// Without what its attributes say, which may be a picture, and too long for a regular expression.
std::string without_values(const std::string& tag) {
  std::string bare;
  bool quoted = false;
  for (const char c : tag) {
    if (c == '"') quoted = !quoted;
    if (!quoted) bare += c;
  }
  return quoted ? tag : bare;
}

}  // namespace

std::string wrong_tags(const std::string& html) {
  static const std::regex pattern(
      R"re(<(/?)([a-z][a-z0-9]*)(?: [a-zA-Z0-9-]+=")*(/?)>|<!doctype html>)re");
  static const std::set<std::string> holding_nothing = {"br", "img", "meta"};
  std::vector<std::string> open;
  for (size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::string tag = without_values(html.substr(at, html.find('>', at) - at + 1));
    std::smatch parts;
    if (!std::regex_match(tag, parts, pattern)) return tag + " is no tag";
    const std::string name = parts[2];
    if (name.empty() || parts[3] == "/" || holding_nothing.contains(name)) continue;
    if (parts[1] != "/") {
      open.push_back(name);
      continue;
    }
    if (open.empty() || open.back() != name)
      return tag + " closes " + (open.empty() ? "nothing" : open.back());
    open.pop_back();
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

}  // namespace dae::test
