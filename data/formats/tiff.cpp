// TIFF, by libtiff.
#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstring>
#include <memory>
#include <string>

#include "data/formats/formats.h"
#include "runtime/error.h"

namespace dae::formats {
namespace {

// A file in memory as the library wants it: read from `given`, or written to `made`.
struct Memory {
  std::span<const uint8_t> given;
  std::vector<uint8_t> made;
  size_t at = 0;

  static Memory& of(thandle_t handle) { return *static_cast<Memory*>(handle); }
  static tmsize_t read(thandle_t handle, void* to, tmsize_t count) {
    Memory& m = of(handle);
    const std::span<const uint8_t> all =
        m.given.empty() ? std::span<const uint8_t>(m.made) : m.given;
    const size_t n = std::min(static_cast<size_t>(count), all.size() - std::min(m.at, all.size()));
    if (n > 0) std::memcpy(to, all.data() + m.at, n);
    m.at += n;
    return static_cast<tmsize_t>(n);
  }
  static tmsize_t write(thandle_t handle, void* from, tmsize_t count) {
    Memory& m = of(handle);
    const auto n = static_cast<size_t>(count);
    m.made.resize(std::max(m.made.size(), m.at + n));
    if (n > 0) std::memcpy(m.made.data() + m.at, from, n);
    m.at += n;
    return count;
  }
  static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    Memory& m = of(handle);
    const size_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? m.at : size(handle);
    m.at = base + static_cast<size_t>(offset);
    return m.at;
  }
  static toff_t size(thandle_t handle) {
    const Memory& m = of(handle);
    return m.given.empty() ? m.made.size() : m.given.size();
  }
  static int close(thandle_t) { return 0; }
};

// What the library said last.
struct Messages {
  std::string error = "it ends early", warning = {};
};

std::string in_words(const char* format, va_list values) {
  char message[256];
  std::vsnprintf(message, sizeof(message), format, values);
  return message;
}
int keep_error(TIFF*, void* messages, const char*, const char* format, va_list values) {
  static_cast<Messages*>(messages)->error = in_words(format, values);
  return 1;
}
int keep_warning(TIFF*, void* messages, const char*, const char* format, va_list values) {
  const std::string warning = in_words(format, values);
  if (warning.find("extraneous bytes") == warning.npos)  // between segments: no pixel is lost
    static_cast<Messages*>(messages)->warning = warning;
  return 1;
}

using File = std::unique_ptr<TIFF, void (*)(TIFF*)>;

// `most_bytes`: of any one piece of memory that the library takes, whatever the file says; 0: no limit.
File open(Memory& memory, const char* mode, Messages& messages, int64_t most_bytes = 0) {
  TIFFOpenOptions* const options = TIFFOpenOptionsAlloc();
  TIFFOpenOptionsSetMaxSingleMemAlloc(options, most_bytes);
  TIFFOpenOptionsSetErrorHandlerExtR(options, keep_error, &messages);
  TIFFOpenOptionsSetWarningHandlerExtR(options, keep_warning, &messages);
  File file(TIFFClientOpenExt("memory", mode, &memory, Memory::read, Memory::write, Memory::seek,
                              Memory::close, Memory::size, nullptr, nullptr, options),
            TIFFClose);
  TIFFOpenOptionsFree(options);
  if (!file) fail("damaged ({})", messages.error);
  return file;
}

template <class T>
T tag(TIFF* file, uint32_t name, T otherwise) {
  T value = otherwise;
  return TIFFGetFieldDefaulted(file, name, &value) ? value : otherwise;
}

struct Stored {
  uint16_t bits, samples, photometric, planar;
  bool alpha, premultiplied;
};

Stored stored(TIFF* file) {
  Stored s{tag<uint16_t>(file, TIFFTAG_BITSPERSAMPLE, 1),
           tag<uint16_t>(file, TIFFTAG_SAMPLESPERPIXEL, 1),
           tag<uint16_t>(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK),
           tag<uint16_t>(file, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG),
           false,
           false};
  uint16_t extra = 0, *kinds = nullptr;
  if (TIFFGetField(file, TIFFTAG_EXTRASAMPLES, &extra, &kinds) && extra > 0) {
    s.premultiplied = kinds[0] == EXTRASAMPLE_ASSOCALPHA;
    s.alpha = s.premultiplied || kinds[0] == EXTRASAMPLE_UNASSALPHA;
  }
  return s;
}

// Every sample of one plane (or of all, where pixels lie together), as rows without gaps.
std::vector<uint8_t> read_samples(TIFF* file, const Photo& photo, const Stored& s, uint16_t plane,
                                  int64_t most_bytes, const std::string& message) {
  const int64_t together = s.planar == PLANARCONFIG_CONTIG ? s.samples : 1;
  const int64_t pixel = together * s.bits / 8, row = photo.width * pixel;
  // With samples that are left out later.
  if (row > most_bytes / photo.height)
    fail("its {} samples a pixel are too many for {}x{} pixels", together, photo.width,
         photo.height);
  if (!TIFFIsTiled(file)) {
    if (TIFFScanlineSize(file) != row) fail("damaged (rows of another length)");
    std::vector<uint8_t> out(static_cast<size_t>(photo.height * row));
    for (int64_t y = 0; y < photo.height; y++)
      if (TIFFReadScanline(file, &out[static_cast<size_t>(y * row)], static_cast<uint32_t>(y),
                           plane) < 0)
        fail("cut off or damaged ({})", message);
    return out;
  }
  const int64_t high = tag<uint32_t>(file, TIFFTAG_TILELENGTH, 0),
                wide = tag<uint32_t>(file, TIFFTAG_TILEWIDTH, 0);
  if (high < 1 || wide < 1) fail("damaged (tiles without pixels)");
  if (high > most_bytes / (wide * pixel))
    fail("its tiles of {}x{} pixels are too large", wide, high);
  if (TIFFTileSize(file) != high * wide * pixel) fail("damaged (tiles of another size)");
  std::vector<uint8_t> out(static_cast<size_t>(photo.height * row));
  std::vector<uint8_t> tile(static_cast<size_t>(TIFFTileSize(file)));
  for (int64_t y = 0; y < photo.height; y += high)
    for (int64_t x = 0; x < photo.width; x += wide) {
      if (TIFFReadTile(file, tile.data(), static_cast<uint32_t>(x), static_cast<uint32_t>(y), 0,
                       plane) < 0)
        fail("cut off or damaged ({})", message);
      const int64_t columns = std::min(wide, photo.width - x);
      for (int64_t i = 0; i < std::min(high, photo.height - y); i++)
        std::copy_n(&tile[static_cast<size_t>(i * wide * pixel)], columns * pixel,
                    &out[static_cast<size_t>((y + i) * row + x * pixel)]);
    }
  return out;
}

template <class T>
void finish(Photo& photo, const Stored& s) {
  constexpr T kMost = static_cast<T>(~T{0});
  auto* const values = reinterpret_cast<T*>(photo.samples.data());
  const int64_t n = photo.height * photo.width, colours = photo.is_grey() ? 1 : 3;
  for (int64_t i = 0; i < n; i++) {
    T* const pixel = values + i * photo.channels;
    if (s.photometric == PHOTOMETRIC_MINISWHITE) pixel[0] = static_cast<T>(kMost - pixel[0]);
    if (!s.premultiplied) continue;
    const uint32_t alpha = pixel[colours];
    for (int64_t c = 0; c < colours && alpha > 0; c++)
      pixel[c] = static_cast<T>(
          std::min<uint64_t>(kMost, (uint64_t{pixel[c]} * kMost + alpha / 2) / alpha));
  }
}

// Grey and RGB of 8 or 16 bits as they are, with their alpha; more samples are left out.
void read_plain(TIFF* file, Photo& photo, const Stored& s, int64_t most_bytes,
                const std::string& message) {
  const int colours =
      s.photometric == PHOTOMETRIC_RGB || s.photometric == PHOTOMETRIC_YCBCR ? 3 : 1;
  photo.bits = s.bits;
  photo.channels = colours + (s.alpha ? 1 : 0);
  if (photo.channels > s.samples) fail("damaged ({} samples a pixel)", s.samples);
  check_size(photo, most_bytes);
  photo.samples.resize(static_cast<size_t>(photo.bytes()));
  const int64_t size = s.bits / 8, pixels = photo.height * photo.width;
  const bool together = s.planar == PLANARCONFIG_CONTIG;
  for (int plane = 0; plane < (together ? 1 : photo.channels); plane++) {
    const std::vector<uint8_t> read =
        read_samples(file, photo, s, static_cast<uint16_t>(plane), most_bytes, message);
    const int64_t step = together ? s.samples * size : size;
    const int64_t taken = together ? photo.channels * size : size;
    for (int64_t i = 0; i < pixels; i++)
      std::copy_n(&read[static_cast<size_t>(i * step)], taken,
                  &photo.samples[static_cast<size_t>((i * photo.channels + plane) * size)]);
  }
  if (s.bits == 16)
    finish<uint16_t>(photo, s);
  else
    finish<uint8_t>(photo, s);
}

// Everything else that libtiff can make 8-bit RGBA of: palettes, few bits, inks, Lab.
void read_rgba(TIFF* file, Photo& photo, const Stored& s, int64_t most_bytes,
               const std::string& message) {
  const bool grey =
      s.photometric == PHOTOMETRIC_MINISBLACK || s.photometric == PHOTOMETRIC_MINISWHITE;
  photo.channels = grey ? 1 : 3;
  check_size(photo, most_bytes);
  std::vector<uint32_t> pixels(static_cast<size_t>(photo.height * photo.width));
  TIFFSetField(file, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);  // turned later, with all others
  if (!TIFFReadRGBAImageOriented(file, static_cast<uint32_t>(photo.width),
                                 static_cast<uint32_t>(photo.height), pixels.data(),
                                 ORIENTATION_TOPLEFT, 1))
    fail("cut off or damaged ({})", message);
  photo.samples.resize(static_cast<size_t>(photo.bytes()));
  uint8_t* to = photo.samples.data();
  for (const uint32_t p : pixels) {
    *to++ = static_cast<uint8_t>(TIFFGetR(p));
    if (grey) continue;
    *to++ = static_cast<uint8_t>(TIFFGetG(p));
    *to++ = static_cast<uint8_t>(TIFFGetB(p));
  }
}

}  // namespace

bool is_tiff(std::span<const uint8_t> bytes) {
  constexpr uint8_t kUsual = 42, kBig = 43;  // the version, in the byte order that comes before it
  if (bytes.size() < 4) return false;
  const bool little = bytes[0] == 'I' && bytes[1] == 'I' && bytes[3] == 0;
  const bool big = bytes[0] == 'M' && bytes[1] == 'M' && bytes[2] == 0;
  const uint8_t version = bytes[little ? 2 : 3];
  return (little || big) && (version == kUsual || version == kBig);
}

Decoded decode_tiff(std::span<const uint8_t> bytes, int64_t most_bytes) {
  Memory memory{bytes, {}};
  Messages messages;
  constexpr int64_t kBeside = 16 << 20;                                  // tables, profiles
  const File file = open(memory, "rm", messages, most_bytes + kBeside);  // m: not mapped
  Decoded out;
  Photo& photo = out.photo;
  photo.format = PhotoFormat::tiff;
  photo.height = tag<uint32_t>(file.get(), TIFFTAG_IMAGELENGTH, 0);
  photo.width = tag<uint32_t>(file.get(), TIFFTAG_IMAGEWIDTH, 0);
  out.orientation = tag<uint16_t>(file.get(), TIFFTAG_ORIENTATION, 1);
  const Stored s = stored(file.get());
  if (tag<uint16_t>(file.get(), TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT) != SAMPLEFORMAT_UINT)
    fail("its samples are no unsigned whole numbers; give 8 or 16 bits a sample");
  if (s.bits > 16) fail("it has {} bits a sample; give 8 or 16", s.bits);
  const auto compression = tag<uint16_t>(file.get(), TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  const bool compressed_colour =
      s.photometric == PHOTOMETRIC_YCBCR && compression == COMPRESSION_JPEG;
  if (compressed_colour) TIFFSetField(file.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  const bool plain = s.photometric == PHOTOMETRIC_MINISBLACK ||
                     s.photometric == PHOTOMETRIC_MINISWHITE || s.photometric == PHOTOMETRIC_RGB ||
                     compressed_colour;
  messages.warning.clear();  // about tags
  if (plain && (s.bits == 8 || s.bits == 16))
    read_plain(file.get(), photo, s, most_bytes, messages.error);
  else
    read_rgba(file.get(), photo, s, most_bytes, messages.error);
  // These decoders fill what is missing with grey or white, and warn.
  const bool fills = compression == COMPRESSION_JPEG || compression == COMPRESSION_CCITTRLE ||
                     compression == COMPRESSION_CCITTRLEW || compression == COMPRESSION_CCITTFAX3 ||
                     compression == COMPRESSION_CCITTFAX4;
  if (fills && !messages.warning.empty()) fail("cut off or damaged ({})", messages.warning);
  uint32_t length = 0;
  void* profile = nullptr;
  if (s.photometric != PHOTOMETRIC_SEPARATED &&
      TIFFGetField(file.get(), TIFFTAG_ICCPROFILE, &length, &profile)) {
    const auto* const first = static_cast<const uint8_t*>(profile);
    photo.profile.assign(first, first + length);
  }
  return out;
}

std::vector<uint8_t> encode_tiff(const Photo& photo) {
  Memory memory;
  Messages messages;
  const std::string& message = messages.error;
  {
    const File file = open(memory, "w", messages);
    const auto set = [&](uint32_t name, auto... values) {
      if (!TIFFSetField(file.get(), name, values...)) fail("cannot be encoded ({})", message);
    };
    set(TIFFTAG_IMAGEWIDTH, static_cast<uint32_t>(photo.width));
    set(TIFFTAG_IMAGELENGTH, static_cast<uint32_t>(photo.height));
    set(TIFFTAG_BITSPERSAMPLE, photo.bits);
    set(TIFFTAG_SAMPLESPERPIXEL, photo.channels);
    set(TIFFTAG_PHOTOMETRIC, photo.is_grey() ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB);
    set(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    if (photo.has_alpha()) {
      uint16_t kind = EXTRASAMPLE_UNASSALPHA;
      set(TIFFTAG_EXTRASAMPLES, 1, &kind);
    }
    set(TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
    set(TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
    set(TIFFTAG_ROWSPERSTRIP, TIFFDefaultStripSize(file.get(), 0));
    if (!photo.profile.empty())
      set(TIFFTAG_ICCPROFILE, static_cast<uint32_t>(photo.profile.size()), photo.profile.data());
    std::vector<uint8_t> row(
        static_cast<size_t>(photo.row_bytes()));  // which the predictor changes
    for (int64_t y = 0; y < photo.height; y++) {
      std::copy_n(&photo.samples[static_cast<size_t>(y * photo.row_bytes())], row.size(),
                  row.begin());
      if (TIFFWriteScanline(file.get(), row.data(), static_cast<uint32_t>(y), 0) < 0)
        fail("cannot be encoded ({})", message);
    }
    if (!TIFFFlush(file.get())) fail("cannot be encoded ({})", message);
  }
  return std::move(memory.made);
}

}  // namespace dae::formats
