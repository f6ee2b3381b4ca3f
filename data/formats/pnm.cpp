// PBM, PGM and PPM, in text or in binary (netpbm.sourceforge.net/doc/pnm.html). Read here: stb_image
// leaves values unscaled that do not end at 255, and Netpbm's own library ends an error by a jump to
// one place for the whole process, while datasets are decoded in parallel.
#include <algorithm>

#include "data/formats/formats.h"
#include "runtime/error.h"
#include "runtime/rounding.h"

namespace dae::formats {
namespace {

constexpr uint32_t kMostNumber = 100000000;

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes), at_(2) {}  // after "P6"

  // The next number in text, after blanks and comments.
  uint32_t number() {
    skip_blanks();
    uint32_t value = 0;
    const size_t begin = at_;
    for (; at_ < bytes_.size() && is_digit(bytes_[at_]); at_++) {
      value = 10 * value + (bytes_[at_] - '0');
      if (value > kMostNumber) fail("damaged (a number of {} or more)", value);
    }
    if (at_ == begin) fail("cut off or damaged (a number is missing)");
    return value;
  }
  // The next bit in text: bits need no blanks between them.
  uint32_t bit() {
    skip_blanks();
    if (at_ >= bytes_.size() || (bytes_[at_] != '0' && bytes_[at_] != '1'))
      fail("cut off or damaged (a bit is missing)");
    return bytes_[at_++] - '0';
  }
  // What follows the header's last number and one blank.
  std::span<const uint8_t> rest() const { return bytes_.subspan(std::min(at_ + 1, bytes_.size())); }

 private:
  static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
  static bool is_blank(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  void skip_blanks() {
    for (; at_ < bytes_.size() && (is_blank(bytes_[at_]) || bytes_[at_] == '#'); at_++)
      if (bytes_[at_] == '#')
        while (at_ + 1 < bytes_.size() && bytes_[at_] != '\n' && bytes_[at_] != '\r') at_++;
  }

  std::span<const uint8_t> bytes_;
  size_t at_;
};

}  // namespace

bool is_pnm(std::span<const uint8_t> bytes) {
  return bytes.size() >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
         (bytes[2] == '#' || bytes[2] == ' ' || (bytes[2] >= '\t' && bytes[2] <= '\r'));
}

Decoded decode_pnm(std::span<const uint8_t> bytes, int64_t most_bytes) {
  const int kind = bytes[1] - '0';  // 1 to 3 in text, 4 to 6 in binary: bits, grey, colour
  const bool text = kind <= 3, bits = kind == 1 || kind == 4;
  Reader reader(bytes);
  Decoded out;
  Photo& photo = out.photo;
  photo.width = reader.number();
  photo.height = reader.number();
  const uint32_t most = bits ? 1 : reader.number();
  if (most < 1 || most > 65535) fail("its largest value is {}, not 1 to 65535", most);
  photo.channels = kind % 3 == 0 ? 3 : 1;
  photo.bits = most > 255 ? 16 : 8;
  check_size(photo, most_bytes);
  const int64_t row = photo.width * photo.channels, count = photo.height * row;
  const size_t stored =
      static_cast<size_t>(bits ? photo.height * ceil_div(row, 8) : count * (photo.bits / 8));
  const std::span<const uint8_t> rest = reader.rest();
  if (rest.size() < (text ? 0 : stored)) fail("the file was cut off");
  const auto value = [&](int64_t i) -> uint32_t {
    if (text) return bits ? 1 - reader.bit() : reader.number();
    const auto at = static_cast<size_t>(i);
    if (bits) {  // a row ends with its byte; 1 is black
      const int64_t y = i / row, x = i % row;
      return 1 - (rest[static_cast<size_t>(y * ceil_div(row, 8) + x / 8)] >> (7 - x % 8) & 1);
    }
    return photo.bits == 8 ? rest[at] : rest[2 * at] << 8 | rest[2 * at + 1];
  };
  photo.samples.resize(static_cast<size_t>(photo.bytes()));
  const uint32_t white = photo.bits == 8 ? 255 : 65535;
  for (int64_t i = 0; i < count; i++) {
    const uint64_t v = std::min(value(i), most);
    const auto scaled = static_cast<uint32_t>((v * white + most / 2) / most);
    if (photo.bits == 8)
      photo.samples[static_cast<size_t>(i)] = static_cast<uint8_t>(scaled);
    else
      reinterpret_cast<uint16_t*>(photo.samples.data())[i] = static_cast<uint16_t>(scaled);
  }
  return out;
}

}  // namespace dae::formats
