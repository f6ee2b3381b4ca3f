// Pictures: decoded, turned upright, shrunk and looked at as a dataset does, and written again in their own
// format as denoise does.
#include <malloc.h>

#include <algorithm>

#include "data/image.h"
#include "data/likeness.h"
#include "data/photo.h"
#include "tests/fuzz/all.h"
#include "tests/support/png_bytes.h"

namespace dae::fuzz {
namespace {

// Far below what programs allow, so that a file that takes more than it may is seen by libFuzzer's limits.
constexpr int64_t kMostBytes = 1 << 22, kMostWritten = 1 << 14, kMaxSide = 24;

Photo decoded_over(int filling, View input) {
  mallopt(M_PERTURB, filling);  // what new memory holds, where no sanitizer decides that
  return decode_photo(input, "input", kMostBytes);
}

void decode(View input) {
  const Photo photo = decoded_over(0x55, input);
  expect(photo.samples == decoded_over(0xaa, input).samples, "samples that were not in the file");
  expect(photo.height > 0 && photo.width > 0 && photo.bytes() <= kMostBytes &&
             photo.samples.size() == static_cast<size_t>(photo.bytes()),
         "a picture of another size than its samples");
  const Image image = area_downscale(to_image(photo), kMaxSide);
  expect(std::max(image.height, image.width) <= kMaxSide, "a picture that was not shrunk");
  likeness_of(image.view());
  if (photo.bytes() + std::ssize(photo.profile) > kMostWritten) return;
  const PhotoFormat format = photo.format == PhotoFormat::other ? PhotoFormat::png : photo.format;
  const Photo again = decode_photo(encode_photo(photo, format, {}, "input"), "again");
  expect(again.height == photo.height && again.width == photo.width, "written otherwise");
}

// Most of what is no such file is read by stb_image, which is `other`'s to try.
void decode_as(View input, std::string_view head) {
  if (text_of(input).starts_with(head)) decode(input);
}

uint32_t big_endian(View bytes, size_t at) {
  return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 | uint32_t{bytes[at + 2]} << 8 |
         bytes[at + 3];
}

// With the sum of every chunk right: else none but those of the seeds would be read.
Bytes with_right_sums(View input) {
  constexpr size_t kHead = 8, kAround = 12;  // of the file; a chunk's length, type and sum
  if (input.size() < kHead) return {input.begin(), input.end()};
  Bytes out(input.begin(), input.begin() + kHead);
  for (View rest = input.subspan(kHead); rest.size() >= kAround;) {
    const size_t length = std::min<size_t>(big_endian(rest, 0), rest.size() - kAround);
    const View data = rest.subspan(8, length);
    test::put(
        out, test::png_chunk(std::string(text_of(rest.subspan(4, 4))), {data.begin(), data.end()}));
    rest = rest.subspan(length + kAround);
  }
  return out;
}

}  // namespace

void jpeg(View input) {
  decode_as(input, "\xff\xd8\xff");
}
std::vector<Bytes> jpeg_seeds() {
  return fixtures({".jpg"});
}

void png(View input) {
  decode_as(input, "\x89PNG");
  decode_as(with_right_sums(input), "\x89PNG");
}
std::vector<Bytes> png_seeds() {
  return fixtures({".png"});
}

void tiff(View input) {
  decode_as(input, "II");
  decode_as(input, "MM");
}
std::vector<Bytes> tiff_seeds() {
  return fixtures({".tif"});
}

void webp(View input) {
  decode_as(input, "RIFF");
}
std::vector<Bytes> webp_seeds() {
  return fixtures({".webp"});
}

void pnm(View input) {
  decode_as(input, "P");
}
std::vector<Bytes> pnm_seeds() {
  return fixtures({".ppm", ".pgm", ".pbm"});
}

void other(View input) {
  decode(input);
}
std::vector<Bytes> other_seeds() {
  std::vector<Bytes> seeds = fixtures({".bmp", ".tga", ".gif"});
  for (const uint8_t bits : {8, 16}) {  // PSD: 3 channels, 2x2, as they are
    Bytes psd = test::Bytes();
    test::put(psd, "8BPS");
    for (const uint32_t n : {1, 0, 0, 0, 3}) test::put_big_endian(psd, n, 2);
    test::put_big_endian(psd, 2);
    test::put_big_endian(psd, 2);
    for (const uint32_t n : {uint32_t{bits}, 3u}) test::put_big_endian(psd, n, 2);
    for (int section = 0; section < 3; section++) test::put_big_endian(psd, 0);
    test::put_big_endian(psd, 0, 2);
    psd.resize(psd.size() + 3u * 4 * bits / 8, 99);
    seeds.push_back(psd);
  }
  return seeds;
}

}  // namespace dae::fuzz
