// Files of a few bytes or a megabyte that would become gigabytes: no decoder takes more than a few times
// what it is allowed. Each is decoded in a process of its own, whose memory the system counts.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/files.h"
#include "data/photo.h"
#include "runtime/error.h"
#include "tests/support/png_bytes.h"

namespace dae::test {
namespace {

constexpr int64_t kAllowed = 48'000'000;
// As it is decoded (of a GIF four bytes a pixel three times), as it is kept, and the program itself, which
// may be under AddressSanitizer.
constexpr int64_t kMostKiB = (5 * kAllowed + 80'000'000) / 1024;

const std::string kFolder = std::string(DAE_FIXTURES) + "/data/";

// The most memory that a process had which decoded it; 0: it ended in another way than by a picture or
// an error.
int64_t peak_kib(const Bytes& file) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      decode_photo(file, "bomb", kAllowed);
    } catch (const Error&) {
    }
    _exit(0);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? usage.ru_maxrss : 0;
}

void expect_bounded(const Bytes& file, const char* name) {
  const int64_t peak = peak_kib(file);
  EXPECT_GT(peak, 0) << name << " ended the program";
  EXPECT_LT(peak, kMostKiB) << name;
}

// `count` times 258 letters, in 13 bits each (RFC 1951, fixed codes: 285 is length 258, 0 distance 1).
Bytes deflated_letters(int64_t count) {
  Bytes out = {0x78, 0x9c};
  uint32_t bits = 0;
  int held = 0;
  const auto add = [&](uint32_t value, int length) {
    bits |= value << held;
    for (held += length; held >= 8; held -= 8, bits >>= 8)
      out.push_back(static_cast<uint8_t>(bits));
  };
  add(0b011, 3);       // the last block, of fixed codes
  add(0b10001001, 8);  // 'a', 0x30 + 'a' from its highest bit on
  for (int64_t i = 0; i < count; i++) add(0b10100011, 8), add(0, 5);
  add(0, 7 + 7);  // the end, and to a whole byte
  return out;
}

TEST(DecodingLimits, AChunkOfAPngTakesNoGigabyte) {
  const Bytes letters = deflated_letters(2'400'000);  // 620 MB
  for (const auto& [type, begin] : {std::pair<std::string, std::string>{"zTXt", {"Comment\0\0", 9}},
                                    {"iTXt", {"Comment\0\1\0\0\0", 12}},
                                    {"iCCP", {"profile\0\0", 9}}}) {
    Bytes data;
    put(data, begin);
    put(data, letters);
    expect_bounded(png_of(4, 4, 8, 0, Bytes(20), png_chunk(type, data)), type.c_str());
  }
}

TEST(DecodingLimits, AHeaderOfAGifTakesNoMoreThanItsPicture) {
  for (const uint16_t side : {uint16_t{3400}, uint16_t{65535}}) {  // allowed, and not
    const auto low = static_cast<char>(side & 0xff), high = static_cast<char>(side >> 8);
    Bytes gif;
    put(gif, "GIF89a");
    for (int i = 0; i < 2; i++) gif.insert(gif.end(), {uint8_t(low), uint8_t(high)});
    gif.insert(gif.end(), {0x80, 0, 0, 0, 0, 0, 255, 255, 255, ',', 0, 0, 0, 0});
    for (int i = 0; i < 2; i++) gif.insert(gif.end(), {uint8_t(low), uint8_t(high)});
    gif.insert(gif.end(), {0, 2, 2, 0x44, 1, 0, ';'});
    expect_bounded(gif, "GIF");
  }
}

TEST(DecodingLimits, AHeaderOfAJpegTakesNoMoreThanItsPicture) {
  for (const char* const name : {"baseline.jpg", "progressive.jpg"})
    for (const int side : {4000, 65000}) {
      Bytes jpeg = read_file(kFolder + name);
      size_t at = 2;  // a segment after the other, to the frame's
      while (jpeg[at + 1] != 0xc0 && jpeg[at + 1] != 0xc2)
        at += 2 + size_t{jpeg[at + 2]} * 256 + jpeg[at + 3];
      for (const size_t place : {at + 5, at + 7}) {
        jpeg[place] = static_cast<uint8_t>(side >> 8);
        jpeg[place + 1] = static_cast<uint8_t>(side);
      }
      expect_bounded(jpeg, name);
      EXPECT_THROW(decode_photo(jpeg, name, kAllowed), Error) << name << " " << side;
    }
}

TEST(DecodingLimits, APictureThatIsAllowedIsDecoded) {
  const Photo grey{.height = 4000, .width = 11000, .channels = 1, .samples = Bytes(44'000'000)};
  const Bytes png = encode_photo(grey, PhotoFormat::png, {}, "grey");
  EXPECT_EQ(decode_photo(png, "grey", kAllowed).height, 4000);
  expect_bounded(png, "PNG");
  EXPECT_THROW(decode_photo(png, "grey", 43'000'000), Error);
}

// Numbers that overflow, or whose products do.
TEST(DecodingLimits, SizesOfAPnmAreRead) {
  for (const char* const text :
       {"P5 99999999 99999999 255\n", "P6 4294967297 1 255\n", "P6 1 18446744073709551617 255\n",
        "P4 99999999 99999999\n", "P5 3 3 65536\n", "P6 100000000 100000000 65535\n",
        "P2 1 1 4294967295\n1", "P1 99999999 9\n1"}) {
    const std::string file = std::string(text) + std::string(64, '\1');
    const Bytes bytes(file.begin(), file.end());
    EXPECT_THROW(decode_photo(bytes, "a.pnm", kAllowed), Error) << text;
  }
}

}  // namespace
}  // namespace dae::test
