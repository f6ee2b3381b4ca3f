// Files of a few bytes or a megabyte that would become gigabytes: no decoder takes more than a few times
// what it is allowed. Each is decoded in a process of its own, whose memory the system counts.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "data/files.h"
#include "data/photo.h"
#include "runtime/error.h"
#include "tests/support/said.h"
#include "tests/support/tiff_bytes.h"

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

// As much as is allowed, promised in a header; and a picture of a few pixels in vast tiles, or of many samples
// a pixel that would be left out.
TEST(DecodingLimits, AHeaderOfATiffTakesNoMoreThanItsPicture) {
  const Bytes few(64, 7);
  EXPECT_EQ(decode_photo(grey_tiff(8, 8, 1, few), "tiff").samples, few);
  for (const uint32_t side : {6900u, 65535u, 4000000000u})
    expect_bounded(grey_tiff(side, side, 1, few), "TIFF in a strip");
  for (const uint32_t tile : {6912u, 32768u, 65520u, 4000000000u}) {
    expect_bounded(grey_tiff(8, 8, 1, few, tile), "TIFF in a tile");
    expect_bounded(grey_tiff(8, 8, 1, few, tile, 8), "TIFF in a compressed tile");
  }
  for (const uint32_t samples : {1000u, 65535u})
    expect_bounded(grey_tiff(2000, 2000, samples, few), "TIFF of many samples");
  expect_bounded(
      tiff_of({{256, 2000}, {257, 2000}, {258, 4}, {262, 3}, {273, 8}, {277, 60000}}, few),
      "TIFF that libtiff converts");
}

TEST(DecodingLimits, AHeaderOfAWebpTakesNoMoreThanItsPicture) {
  const std::string photos = std::string(DAE_FIXTURES) + "/photos/";
  for (const uint32_t side : {4000u, 16383u}) {
    Bytes lossy = read_file(photos + "lossy.webp"), lossless = read_file(photos + "lossless.webp");
    const auto after = [](const Bytes& file, const Bytes& head) {
      const auto at = std::search(file.begin(), file.end(), head.begin(), head.end());
      return static_cast<size_t>(at - file.begin()) + head.size();
    };
    size_t at = after(lossy, {0x9d, 0x01, 0x2a});  // VP8's start code, then 14 bits each
    ASSERT_LT(at + 4, lossy.size());
    for (int i = 0; i < 2; i++, at += 2) {
      lossy[at] = static_cast<uint8_t>(side);
      lossy[at + 1] = static_cast<uint8_t>(side >> 8);
    }
    expect_bounded(lossy, "WebP");
    at = after(lossless, {'V', 'P', '8', 'L'}) +
         5;  // its chunk's size and signature; 14 bits each, less one
    const uint32_t sides = (side - 1) | (side - 1) << 14;
    for (int i = 0; i < 3; i++) lossless[at + i] = static_cast<uint8_t>(sides >> 8 * i);
    lossless[at + 3] = static_cast<uint8_t>((lossless[at + 3] & 0xf0) | sides >> 24);
    expect_bounded(lossless, "lossless WebP");
  }
}

TEST(DecodingLimits, AHeaderOfAPsdTgaOrBmpTakesNoMoreThanItsPicture) {
  for (const uint32_t side : {3400u, 30000u}) {
    Bytes psd, tga = {0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0}, bmp = {'B', 'M'};
    put(psd, "8BPS");
    for (const uint32_t n : {1, 0, 0, 0, 3}) put_big_endian(psd, n, 2);
    for (int i = 0; i < 2; i++) put_big_endian(psd, side);
    for (const uint32_t n : {8, 3, 0, 0, 0, 0, 0, 0, 1}) put_big_endian(psd, n, 2);
    expect_bounded(psd, "PSD");
    for (int i = 0; i < 2; i++) put_little_endian(tga, side, 2);
    put_little_endian(tga, 32, 2);
    expect_bounded(tga, "TGA");
    for (const uint32_t n : {60u, 0u, 54u, 40u, side, side, 1u | 32u << 16, 0u, 0u, 0u, 0u, 0u, 0u})
      put_little_endian(bmp, n, 4);
    expect_bounded(bmp, "BMP");
  }
}

// Every scan of a progressive JPEG goes over the whole picture, though it may be a few bytes.
TEST(DecodingLimits, AJpegHasNoThousandsOfScans) {
  const Bytes jpeg = read_file(kFolder + "progressive.jpg");
  const auto with_scans = [&](int count) {
    Bytes file(jpeg.begin(), jpeg.end() - 2);
    // A table whose one code, 0, says that a block has no more; then nothing but that for 512 blocks, in
    // place of all coefficients but the mean of the first component, which stay.
    put(file, Bytes{0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    for (int i = 0; i < count; i++) {
      put(file, Bytes{0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0});
      put(file, Bytes(64, 0));
    }
    put(file, Bytes{0xff, 0xd9});
    return file;
  };
  EXPECT_EQ(decode_photo(with_scans(480), "few").samples, decode_photo(jpeg, "jpeg").samples);
  EXPECT_THROW(decode_photo(with_scans(520), "many"), Error);
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

// By which its values are divided.
TEST(DecodingLimits, ALargestValueOfAPnmIsNotZero) {
  const std::string file = "P5 1 1 0\nx";
  EXPECT_EQ(said([&] { decode_photo(Bytes(file.begin(), file.end()), "a.pnm"); }),
            "a.pnm: its largest value is 0, not 1 to 65535");
}

// Where nothing else is said, 3 * 2^28 bytes of samples, as SECURITY.md says: 805 MB. What is refused by its size is so
// before its bytes are missed.
TEST(DecodingLimits, WithoutALimitOfItsOwnAPictureHasTheDocumentedOne) {
  const auto too_many = [](const std::string& header) {
    try {
      decode_photo(Bytes(header.begin(), header.end()), "a.pnm");
    } catch (const Error& error) {
      const std::string said = error.what();
      const bool by_size =
          said.find("pixels are too many: 805 MB, at most 805 are allowed") != said.npos;
      EXPECT_TRUE(by_size || said.find("too many") == said.npos) << said;
      return by_size;
    }
    ADD_FAILURE() << header << " was decoded";
    return false;
  };
  for (const char* const fits :
       {"P6 16384 16384 255\n", "P5 16384 49152 255\n", "P6 16384 8192 65535\n"})
    EXPECT_FALSE(too_many(fits)) << fits;
  for (const char* const larger :
       {"P6 16385 16384 255\n", "P5 16384 49153 255\n", "P6 16384 8193 65535\n"})
    EXPECT_TRUE(too_many(larger)) << larger;
}

}  // namespace
}  // namespace dae::test
