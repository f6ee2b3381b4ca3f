// WebP, by libwebp; profiles and Exif by its libwebpmux.
#include <webp/decode.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <cstring>
#include <memory>

#include "data/formats/formats.h"
#include "data/orientation.h"
#include "runtime/error.h"

namespace dae::formats {
namespace {

using Mux = std::unique_ptr<WebPMux, void (*)(WebPMux*)>;

std::span<const uint8_t> span_of(const WebPData& data) {
  return {data.bytes, data.size};
}

// The bytes of a chunk, which are the mux's; empty: there is none.
std::span<const uint8_t> chunk(const Mux& mux, const char* name) {
  WebPData data = {};
  if (!mux || WebPMuxGetChunk(mux.get(), name, &data) != WEBP_MUX_OK) return {};
  return span_of(data);
}

}  // namespace

bool is_webp(std::span<const uint8_t> bytes) {
  return bytes.size() >= 12 && std::memcmp(bytes.data(), "RIFF", 4) == 0 &&
         std::memcmp(bytes.data() + 8, "WEBP", 4) == 0;
}

Decoded decode_webp(std::span<const uint8_t> bytes, int64_t most_bytes) {
  const WebPData whole{bytes.data(), bytes.size()};
  const Mux mux(WebPMuxCreate(&whole, 0), WebPMuxDelete);
  Decoded out;
  Photo& photo = out.photo;
  photo.format = PhotoFormat::webp;
  std::span<const uint8_t> picture = bytes;
  WebPMuxFrameInfo frame = {};
  const std::unique_ptr<WebPData, void (*)(WebPData*)> owner(&frame.bitstream, WebPDataClear);
  if (mux && WebPMuxGetFrame(mux.get(), 1, &frame) == WEBP_MUX_OK)
    picture = span_of(frame.bitstream);  // of an animation, the first
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(picture.data(), picture.size(), &features) != VP8_STATUS_OK)
    fail("cut off or damaged");
  photo.height = features.height;
  photo.width = features.width;
  constexpr int kLossless = 2;  // WebPBitstreamFeatures::format
  photo.lossless = features.format == kLossless;
  photo.channels = features.has_alpha ? 4 : 3;
  check_size(photo, most_bytes);
  photo.samples.resize(static_cast<size_t>(photo.bytes()));
  const auto decode = features.has_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (!decode(picture.data(), picture.size(), photo.samples.data(), photo.samples.size(),
              static_cast<int>(photo.row_bytes())))
    fail("cut off or damaged");
  const std::span<const uint8_t> profile = chunk(mux, "ICCP");
  photo.profile.assign(profile.begin(), profile.end());
  out.orientation = exif_block_orientation(chunk(mux, "EXIF"));
  return out;
}

std::vector<uint8_t> encode_webp(const Photo& photo, bool lossless, int quality) {
  if (std::max(photo.height, photo.width) > WEBP_MAX_DIMENSION)
    fail("a WebP has at most {} pixels a side, not {}x{}", WEBP_MAX_DIMENSION, photo.width,
         photo.height);
  // The library takes colours alone.
  std::vector<uint8_t> spread;
  const uint8_t* colours = photo.samples.data();
  const int channels = photo.has_alpha() ? 4 : 3;
  if (photo.is_grey()) {
    for (size_t i = 0; i < photo.samples.size(); i += static_cast<size_t>(photo.channels)) {
      spread.insert(spread.end(), 3, photo.samples[i]);
      if (photo.has_alpha()) spread.push_back(photo.samples[i + 1]);
    }
    colours = spread.data();
  }
  WebPConfig config;
  WebPPicture picture;
  if (!WebPConfigInit(&config) || !WebPPictureInit(&picture)) fail("libwebp is another version");
  const std::unique_ptr<WebPPicture, void (*)(WebPPicture*)> picture_owner(&picture,
                                                                           WebPPictureFree);
  config.lossless = lossless ? 1 : 0;
  config.exact = 1;  // colours under transparent pixels stay what they are
  config.quality = lossless ? 75.0f : static_cast<float>(quality);  // lossless: effort
  config.use_sharp_yuv = 1;
  picture.use_argb = lossless ? 1 : 0;
  picture.width = static_cast<int>(photo.width);
  picture.height = static_cast<int>(photo.height);
  WebPMemoryWriter writer;
  WebPMemoryWriterInit(&writer);
  const std::unique_ptr<WebPMemoryWriter, void (*)(WebPMemoryWriter*)> writer_owner(
      &writer, WebPMemoryWriterClear);
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  const auto import = channels == 4 ? WebPPictureImportRGBA : WebPPictureImportRGB;
  if (!import(&picture, colours, static_cast<int>(photo.width * channels)) ||
      !WebPEncode(&config, &picture))
    fail("cannot be encoded as WebP (error {})", static_cast<int>(picture.error_code));
  // A profile of greys is none of these colours.
  if (photo.profile.empty() || photo.is_grey()) return {writer.mem, writer.mem + writer.size};
  const Mux mux(WebPMuxNew(), WebPMuxDelete);
  const WebPData image{writer.mem, writer.size};
  const WebPData profile{photo.profile.data(), photo.profile.size()};
  WebPData made = {};
  const std::unique_ptr<WebPData, void (*)(WebPData*)> made_owner(&made, WebPDataClear);
  if (WebPMuxSetImage(mux.get(), &image, 0) != WEBP_MUX_OK ||
      WebPMuxSetChunk(mux.get(), "ICCP", &profile, 0) != WEBP_MUX_OK ||
      WebPMuxAssemble(mux.get(), &made) != WEBP_MUX_OK)
    fail("its colour profile cannot be written");
  return {made.bytes, made.bytes + made.size};
}

}  // namespace dae::formats
