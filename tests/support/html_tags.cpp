#include "tests/support/html_tags.h"

#include <optional>
#include <set>
#include <string_view>
#include <vector>

namespace dae::test {
namespace {

// Without what its attributes say, which may be a picture.
std::string without_values(const std::string& tag) {
  std::string bare;
  bool quoted = false;
  for (const char c : tag) {
    if (c == '"') quoted = !quoted;
    if (!quoted) bare += c;
  }
  return quoted ? tag : bare;
}

struct Tag {
  std::string name;
  bool closes, holds_nothing;
};

// As many characters as are lower-case letters or among `more`.
size_t word_length(std::string_view text, std::string_view more) {
  size_t length = 0;
  while (length < text.size() && ((text[length] >= 'a' && text[length] <= 'z') ||
                                  more.find(text[length]) != std::string_view::npos))
    length++;
  return length;
}

// Of `<name a="b">` and the like, without values: nothing unless it is one. (A regular expression says it shorter, but
// those of GCC 12 do not compile under AddressSanitizer without warnings.)
std::optional<Tag> parse_tag(std::string_view text) {
  const auto take = [&](std::string_view what) {
    if (!text.starts_with(what)) return false;
    text.remove_prefix(what.size());
    return true;
  };
  if (!take("<")) return {};
  Tag tag{.name = "", .closes = take("/"), .holds_nothing = false};
  const size_t length = word_length(text, "0123456789");
  if (length == 0 || text[0] < 'a') return {};
  tag.name = text.substr(0, length);
  text.remove_prefix(length);
  while (take(" ")) {
    const size_t attribute = word_length(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    text.remove_prefix(attribute);
    if (attribute == 0 || !take("=\"")) return {};
  }
  tag.holds_nothing = take("/");
  if (text != ">") return {};
  return tag;
}

}  // namespace

std::string wrong_tags(const std::string& html) {
  static const std::set<std::string> holding_nothing = {"br", "img", "meta"};
  std::vector<std::string> open;
  for (size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::string text = without_values(html.substr(at, html.find('>', at) - at + 1));
    if (text == "<!doctype html>") continue;
    const std::optional<Tag> tag = parse_tag(text);
    if (!tag) return text + " is no tag";
    if (tag->holds_nothing || holding_nothing.contains(tag->name)) continue;
    if (!tag->closes) {
      open.push_back(tag->name);
      continue;
    }
    if (open.empty() || open.back() != tag->name)
      return text + " closes " + (open.empty() ? "nothing" : open.back());
    open.pop_back();
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

size_t count(const std::string& page, const std::string& part) {
  size_t found = 0;
  for (size_t at = page.find(part); at != std::string::npos; at = page.find(part, at + 1)) found++;
  return found;
}

}  // namespace dae::test
