// JPEG, by libjpeg-turbo.
// clang-format off: jpeglib.h needs what these two declare.
#include <cstddef>
#include <cstdio>
// clang-format on
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <csetjmp>
#include <cstdlib>
#include <memory>
#include <string>

#include "data/formats/formats.h"
#include "data/orientation.h"
#include "runtime/error.h"

namespace dae::formats {
namespace {

// Encoders write about ten. Each passes over the whole picture, however few bytes it has.
constexpr int kMostScans = 500;

// What the library calls when it cannot go on: it must not return. Its functions are C, through
// which no exception may pass, so the way out is a jump, and what is thrown is thrown after it.
struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf leave;
  char message[JMSG_LENGTH_MAX];

  static ErrorManager& of(j_common_ptr info) { return *reinterpret_cast<ErrorManager*>(info->err); }
  static void exit(j_common_ptr info) {
    info->err->format_message(info, of(info).message);
    std::longjmp(of(info).leave, 1);
  }
  static void emit(j_common_ptr info, int level) {
    if (level >= 0) return;  // a trace
    const int code = info->err->msg_code;
    // Bytes between segments, a profile in the wrong order: no pixel is lost by them.
    if (code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_BOGUS_ICC ||
        code == JWRN_JFIF_MAJOR || code == JWRN_TOO_MUCH_DATA)
      return;
    // Not to its end: a header may promise millions of pixels that the file does not hold.
    exit(info);
  }

  // What it calls before a row of blocks of a scan.
  static void limit_scans(j_common_ptr info) {
    auto& jpeg = *reinterpret_cast<j_decompress_ptr>(info);
    if (jpeg.input_scan_number <= kMostScans) return;
    std::snprintf(of(info).message, JMSG_LENGTH_MAX, "more than %d scans", kMostScans);
    std::longjmp(of(info).leave, 1);
  }

  jpeg_error_mgr* start() {
    jpeg_std_error(&base);
    base.error_exit = exit;
    base.emit_message = emit;
    message[0] = 0;
    return &base;
  }
};

// CMYK as inks: with Adobe's marker 255 is none of it, else 0 is.
void print(const uint8_t* cmyk, bool inverted, int64_t pixels, uint8_t* rgb) {
  for (int64_t i = 0; i < pixels; i++, cmyk += 4, rgb += 3)
    for (int c = 0; c < 3; c++) {
      const int paper = inverted ? cmyk[c] : 255 - cmyk[c],
                grey = inverted ? cmyk[3] : 255 - cmyk[3];
      rgb[c] = static_cast<uint8_t>((paper * grey + 127) / 255);
    }
}

// Decodes into `out`, whose buffers are the caller's: this frame has nothing that a jump would skip.
bool read(std::span<const uint8_t> bytes, int64_t most_bytes, jpeg_decompress_struct& info,
          ErrorManager& errors, jpeg_progress_mgr& progress, Photo& out,
          std::vector<uint8_t>& row) {
  if (setjmp(errors.leave)) return false;
  jpeg_create_decompress(&info);
  progress.progress_monitor = ErrorManager::limit_scans;
  info.progress = &progress;
  jpeg_mem_src(&info, bytes.data(), bytes.size());
  jpeg_save_markers(&info, JPEG_APP0 + 2, 0xFFFF);  // the profile
  jpeg_read_header(&info, TRUE);
  const bool printed = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = printed                                  ? JCS_CMYK
                         : info.jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE
                                                                  : JCS_RGB;
  info.dct_method = JDCT_ISLOW;
  out.height = info.image_height;
  out.width = info.image_width;
  out.channels = info.out_color_space == JCS_GRAYSCALE ? 1 : 3;
  check_size(out, most_bytes);
  out.samples.resize(static_cast<size_t>(out.bytes()));
  row.resize(static_cast<size_t>(4 * out.width));
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    uint8_t* const to = out.samples.data() + info.output_scanline * out.row_bytes();
    uint8_t* lines[] = {printed ? row.data() : to};
    jpeg_read_scanlines(&info, lines, 1);
    if (printed) print(row.data(), info.saw_Adobe_marker != 0, out.width, to);
  }
  if (!printed) {
    JOCTET* profile = nullptr;
    unsigned length = 0;
    if (jpeg_read_icc_profile(&info, &profile, &length)) {
      out.profile.assign(profile, profile + length);
      std::free(profile);
    }
  }
  jpeg_finish_decompress(&info);
  return true;
}

bool write(const Photo& photo, int quality, jpeg_compress_struct& info, ErrorManager& errors,
           unsigned char*& to, unsigned long& size) {
  if (setjmp(errors.leave)) return false;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &to, &size);
  info.image_width = static_cast<JDIMENSION>(photo.width);
  info.image_height = static_cast<JDIMENSION>(photo.height);
  info.input_components = photo.channels;
  info.in_color_space = photo.is_grey() ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  for (int c = 0; c < info.num_components; c++)  // colour as fine as brightness
    info.comp_info[c].h_samp_factor = info.comp_info[c].v_samp_factor = 1;
  info.optimize_coding = TRUE;
  jpeg_start_compress(&info, TRUE);
  if (!photo.profile.empty())
    jpeg_write_icc_profile(&info, photo.profile.data(),
                           static_cast<unsigned>(photo.profile.size()));
  while (info.next_scanline < info.image_height) {
    auto* const line =
        const_cast<uint8_t*>(photo.samples.data()) + info.next_scanline * photo.row_bytes();
    uint8_t* lines[] = {line};
    jpeg_write_scanlines(&info, lines, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace

bool is_jpeg(std::span<const uint8_t> bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

Decoded decode_jpeg(std::span<const uint8_t> bytes, int64_t most_bytes) {
  jpeg_decompress_struct info = {};
  ErrorManager errors;
  info.err = errors.start();
  Decoded out;
  out.photo.format = PhotoFormat::jpeg;
  out.photo.lossless = false;
  std::vector<uint8_t> row;
  jpeg_progress_mgr progress = {};
  const std::unique_ptr<jpeg_decompress_struct, void (*)(j_decompress_ptr)> owner(
      &info, jpeg_destroy_decompress);
  if (!read(bytes, most_bytes, info, errors, progress, out.photo, row))
    fail("cut off or damaged ({})", errors.message);
  out.orientation = exif_orientation(bytes);
  return out;
}

std::vector<uint8_t> encode_jpeg(const Photo& photo, int quality) {
  constexpr int64_t kMostSide = JPEG_MAX_DIMENSION;
  if (std::max(photo.height, photo.width) > kMostSide)
    fail("a JPEG has at most {} pixels a side, not {}x{}", kMostSide, photo.width, photo.height);
  jpeg_compress_struct info = {};
  ErrorManager errors;
  info.err = errors.start();
  unsigned char* to = nullptr;
  unsigned long size = 0;
  const bool written = write(photo, quality, info, errors, to, size);
  jpeg_destroy_compress(&info);
  const std::unique_ptr<unsigned char, void (*)(void*)> owner(to, std::free);
  if (!written) fail("cannot be encoded ({})", errors.message);
  return {to, to + size};
}

}  // namespace dae::formats
