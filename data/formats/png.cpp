// PNG, by libspng.
#include <spng.h>

#include <cstdlib>
#include <memory>
#include <new>

#include "data/formats/formats.h"
#include "data/orientation.h"
#include "runtime/error.h"

namespace dae::formats {
namespace {

// What text and a profile, which are compressed, may grow to: a megabyte of them could take a gigabyte.
constexpr size_t kMostOfAChunk = size_t{16} << 20, kMostOfAllChunks = size_t{32} << 20;

using Context = std::unique_ptr<spng_ctx, void (*)(spng_ctx*)>;

void check(int result, const char* what) {
  if (result == SPNG_EMEM) throw std::bad_alloc();  // there may be some later
  if (result != SPNG_OK) fail("{} ({})", what, spng_strerror(result));
}

// The format to ask for, and the channels and bits that come of it. Fewer than 8 bits become 8.
spng_format format_of(const spng_ihdr& header, bool transparent, Photo& photo) {
  const bool deep = header.bit_depth == 16;
  photo.bits = deep ? 16 : 8;
  switch (header.color_type) {
    case SPNG_COLOR_TYPE_GRAYSCALE:
      photo.channels = transparent ? 2 : 1;
      // libspng 0.7 has no grey with a transparent level in 16 bits: see take_grey().
      if (transparent) return deep ? SPNG_FMT_RGBA16 : SPNG_FMT_GA8;
      return deep ? SPNG_FMT_PNG : SPNG_FMT_G8;
    case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA:
      photo.channels = 2;
      return SPNG_FMT_PNG;
    case SPNG_COLOR_TYPE_INDEXED:
      photo.channels = transparent ? 4 : 3;
      return transparent ? SPNG_FMT_RGBA8 : SPNG_FMT_RGB8;
    case SPNG_COLOR_TYPE_TRUECOLOR:
      photo.channels = transparent ? 4 : 3;
      if (transparent) return deep ? SPNG_FMT_RGBA16 : SPNG_FMT_RGBA8;
      return SPNG_FMT_PNG;
    default:
      photo.channels = 4;
      return SPNG_FMT_PNG;
  }
}

// Red and alpha of RGBA in 16 bits.
void take_grey(std::vector<uint8_t>& samples) {
  size_t to = 0;
  for (size_t from = 0; from < samples.size(); from += 8) {
    for (const size_t at : {from, from + 1, from + 6, from + 7}) samples[to++] = samples[at];
  }
  samples.resize(to);
}

void read_colour(spng_ctx* png, Photo& photo) {
  spng_iccp profile;
  if (spng_get_iccp(png, &profile) == SPNG_OK) {
    photo.profile.assign(profile.profile, profile.profile + profile.profile_len);
    return;
  }
  uint8_t intent = 0;
  if (spng_get_srgb(png, &intent) == SPNG_OK) return;
  uint32_t gamma = 0;
  if (spng_get_gama_int(png, &gamma) != SPNG_OK) return;
  photo.png_colour = PngColour{.gamma = gamma};
  spng_chrm_int c;
  if (spng_get_chrm_int(png, &c) == SPNG_OK)
    photo.png_colour->primaries = {c.white_point_x, c.white_point_y, c.red_x,  c.red_y,
                                   c.green_x,       c.green_y,       c.blue_x, c.blue_y};
}

void write_colour(spng_ctx* png, const Photo& photo) {
  if (!photo.profile.empty()) {
    spng_iccp profile = {};
    std::snprintf(profile.profile_name, sizeof(profile.profile_name), "ICC profile");
    profile.profile = reinterpret_cast<char*>(const_cast<uint8_t*>(photo.profile.data()));
    profile.profile_len = photo.profile.size();
    check(spng_set_iccp(png, &profile), "its colour profile cannot be written");
  } else if (photo.png_colour) {
    check(spng_set_gama_int(png, photo.png_colour->gamma), "its gamma cannot be written");
    if (const auto& p = photo.png_colour->primaries) {
      spng_chrm_int c = {(*p)[0], (*p)[1], (*p)[2], (*p)[3], (*p)[4], (*p)[5], (*p)[6], (*p)[7]};
      check(spng_set_chrm_int(png, &c), "its primaries cannot be written");
    }
  }
}

uint8_t colour_type(int channels) {
  switch (channels) {
    case 1:
      return SPNG_COLOR_TYPE_GRAYSCALE;
    case 2:
      return SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
    case 3:
      return SPNG_COLOR_TYPE_TRUECOLOR;
    default:
      return SPNG_COLOR_TYPE_TRUECOLOR_ALPHA;
  }
}

}  // namespace

bool is_png(std::span<const uint8_t> bytes) {
  return bytes.size() >= 4 && bytes[0] == 0x89 && bytes[1] == 'P' && bytes[2] == 'N' &&
         bytes[3] == 'G';
}

Decoded decode_png(std::span<const uint8_t> bytes, int64_t most_bytes) {
  const Context png(spng_ctx_new(0), spng_ctx_free);
  if (!png) throw std::bad_alloc();
  check(spng_set_png_buffer(png.get(), bytes.data(), bytes.size()), "not a PNG");
  check(spng_set_chunk_limits(png.get(), kMostOfAChunk, kMostOfAllChunks), "not a PNG");
  Decoded out;
  Photo& photo = out.photo;
  photo.format = PhotoFormat::png;
  spng_ihdr header;
  check(spng_get_ihdr(png.get(), &header), "damaged");
  photo.height = header.height;
  photo.width = header.width;
  spng_trns transparency;
  const int found = spng_get_trns(png.get(), &transparency);
  const bool transparent = found == SPNG_OK;
  if (found != SPNG_ECHUNKAVAIL) check(found, "cut off or damaged");  // by any chunk so far
  const spng_format format = format_of(header, transparent, photo);
  const bool spread = format == SPNG_FMT_RGBA16 && photo.channels == 2;
  check_size(photo, most_bytes);
  size_t size = 0;
  check(spng_decoded_image_size(png.get(), format, &size), "damaged");
  photo.samples.resize(size);
  check(spng_decode_image(png.get(), photo.samples.data(), size, format,
                          transparent ? SPNG_DECODE_TRNS : 0),
        "cut off or damaged");
  check(spng_decode_chunks(png.get()), "cut off or damaged");  // those after the pixels
  if (spread) take_grey(photo.samples);
  read_colour(png.get(), photo);
  spng_exif exif;
  if (spng_get_exif(png.get(), &exif) == SPNG_OK)
    out.orientation =
        exif_block_orientation({reinterpret_cast<const uint8_t*>(exif.data), exif.length});
  return out;
}

std::vector<uint8_t> encode_png(const Photo& photo) {
  const Context png(spng_ctx_new(SPNG_CTX_ENCODER), spng_ctx_free);
  if (!png) throw std::bad_alloc();
  check(spng_set_option(png.get(), SPNG_ENCODE_TO_BUFFER, 1), "cannot be encoded");
  spng_ihdr header = {.width = static_cast<uint32_t>(photo.width),
                      .height = static_cast<uint32_t>(photo.height),
                      .bit_depth = static_cast<uint8_t>(photo.bits),
                      .color_type = colour_type(photo.channels),
                      .compression_method = 0,
                      .filter_method = 0,
                      .interlace_method = 0};
  check(spng_set_ihdr(png.get(), &header), "cannot be encoded");
  write_colour(png.get(), photo);
  check(spng_encode_image(png.get(), photo.samples.data(), photo.samples.size(), SPNG_FMT_PNG,
                          SPNG_ENCODE_FINALIZE),
        "cannot be encoded");
  size_t size = 0;
  int error = 0;
  const std::unique_ptr<uint8_t, void (*)(void*)> bytes(
      static_cast<uint8_t*>(spng_get_png_buffer(png.get(), &size, &error)), std::free);
  check(error, "cannot be encoded");
  return {bytes.get(), bytes.get() + size};
}

}  // namespace dae::formats
