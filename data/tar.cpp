#include "data/tar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>

#include "data/files.h"
#include "runtime/error.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

constexpr uint64_t kBlock = 512;
constexpr uint64_t kMostText = 1 << 20;  // of a name or of pax records: longer ones are mistakes

// POSIX.1-1988, "ustar Interchange Format": every field is text, numbers are octal.
struct Header {
  char name[100], mode[8], owner[8], group[8], size[12], time[12], checksum[8], type, link[100];
  char magic[6], version[2], owner_name[32], group_name[32], major[8], minor[8], prefix[155];
  char padding[12];
};
static_assert(sizeof(Header) == kBlock);

template <size_t N>
std::string_view text(const char (&field)[N]) {
  return {field, strnlen(field, N)};
}

// GNU tar has numbers too large for octal digits in binary, the first bit set.
template <size_t N>
std::optional<uint64_t> number(const char (&field)[N]) {
  uint64_t value = 0;
  if (static_cast<uint8_t>(field[0]) == 0x80) {
    for (size_t i = 1; i < N; i++) {
      if (value >> 56 != 0) return {};
      value = value << 8 | static_cast<uint8_t>(field[i]);
    }
    return value;
  }
  std::string_view digits = text(field);
  while (digits.starts_with(' ')) digits.remove_prefix(1);
  while (digits.ends_with(' ')) digits.remove_suffix(1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return {};
  return value;
}

// The sum of the header's bytes, its own field taken as spaces.
bool is_sound(const Header& header) {
  const auto* const bytes = reinterpret_cast<const uint8_t*>(&header);
  constexpr size_t kAt = offsetof(Header, checksum);
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlock; i++)
    sum += i >= kAt && i < kAt + sizeof(header.checksum) ? uint8_t{' '} : bytes[i];
  return number(header.checksum) == sum;
}

// What pax records ("LENGTH KEY=VALUE\n", the length that of the record) say of the next member.
struct Pax {
  std::optional<std::string> path;
  std::optional<uint64_t> size;
};

// False where the records make no sense.
bool read_pax(std::string_view records, Pax& pax) {
  while (!records.empty()) {
    size_t length = 0;
    const auto [end, error] =
        std::from_chars(records.data(), records.data() + records.size(), length);
    const auto digits = static_cast<size_t>(end - records.data());
    if (error != std::errc() || length > records.size() || length < digits + 2 ||
        records[digits] != ' ' || records[length - 1] != '\n')
      return false;
    const std::string_view record = records.substr(digits + 1, length - digits - 2);
    const size_t equals = record.find('=');
    if (equals == record.npos) return false;
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key == "path") pax.path = value;
    if (key == "size") {
      uint64_t size = 0;
      const auto [last, wrong] = std::from_chars(value.data(), value.data() + value.size(), size);
      if (wrong != std::errc() || last != value.data() + value.size()) return false;
      pax.size = size;
    }
    records.remove_prefix(length);
  }
  return true;
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path), file_(path) {}

  TarContents read() {
    while (contents_.problem.empty() && read_member()) continue;
    std::map<std::string_view, const TarMember*> last;
    for (const TarMember& member : contents_.members) last[member.name] = &member;
    TarContents once{{}, contents_.problem};
    for (const TarMember& member : contents_.members)
      if (last.at(member.name) == &member) once.members.push_back(member);
    return once;
  }

 private:
  bool end(const std::string& why) {
    contents_.problem = fmt::format("{}: {} at byte {}; files before it: {}", path_.string(), why,
                                    at_, contents_.members.size());
    return false;
  }

  // One header and what belongs to it; false at the end.
  bool read_member() {
    Header header;
    const size_t got = file_.read(at_, {reinterpret_cast<uint8_t*>(&header), kBlock});
    if (got == 0) return end("it has no end: it may have been cut off");
    if (got < kBlock) return end("it was cut off");
    const auto* const bytes = reinterpret_cast<const char*>(&header);
    if (std::all_of(bytes, bytes + kBlock, [](char byte) { return byte == 0; })) return false;
    if (!is_sound(header)) return end("it is damaged, or no tar archive,");
    const char type = header.type;
    const std::optional<uint64_t> stated =
        type != 'x' && pax_.size ? pax_.size : number(header.size);
    if (!stated) return end("a size that is no number stands");
    const uint64_t size = *stated, first = at_ + kBlock;
    if (size > file_.size() || first > file_.size() - size) return end("it was cut off");
    if (type == 'x' || type == 'L') {
      if (size > kMostText) return end("a name of more than a megabyte stands");
      std::string text(size, '\0');
      file_.read(first, {reinterpret_cast<uint8_t*>(text.data()), size});
      if (type == 'L')
        pax_.path = text.substr(0, text.find('\0'));
      else if (!read_pax(text, pax_))
        return end("pax records that make no sense stand");
    } else if (type != 'g' && type != 'K') {  // of the whole archive, and of links
      if (type == '0' || type == '\0' || type == '7')
        contents_.members.push_back({name_of(header), first, size});
      pax_ = {};
    }
    at_ = first + round_up(size, kBlock);
    return true;
  }

  std::string name_of(const Header& header) const {
    std::string name = pax_.path.value_or(std::string(text(header.name)));
    const bool has_prefix = std::memcmp(header.magic, "ustar\0", sizeof(header.magic)) == 0;
    if (!pax_.path && has_prefix && header.prefix[0] != '\0')
      name = fmt::format("{}/{}", text(header.prefix), name);
    while (name.starts_with("./")) name.erase(0, 2);
    return name;
  }

  std::filesystem::path path_;
  FileReader file_;
  uint64_t at_ = 0;
  Pax pax_;  // of the member that comes next
  TarContents contents_;
};

}  // namespace

TarContents read_tar(const std::filesystem::path& path) {
  return Reader(path).read();
}

}  // namespace dae
