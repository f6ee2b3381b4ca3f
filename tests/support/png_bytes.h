// PNG files byte by byte (PNG, third edition), for what no encoder would write.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dae::test {

using Bytes = std::vector<uint8_t>;

inline void put(Bytes& to, std::string_view bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
inline void put(Bytes& to, const Bytes& bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
inline void put_big_endian(Bytes& to, uint32_t value, int bytes = 4) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    to.push_back(static_cast<uint8_t>(value >> shift));
}
inline void put_little_endian(Bytes& to, uint32_t value, int bytes) {
  for (int shift = 0; shift < 8 * bytes; shift += 8)
    to.push_back(static_cast<uint8_t>(value >> shift));
}

inline Bytes png_chunk(const std::string& type, const Bytes& data) {
  Bytes body, out;
  put(body, type);
  put(body, data);
  uint32_t crc = ~0u;  // annex D
  for (const uint8_t byte : body) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  put_big_endian(out, static_cast<uint32_t>(data.size()));
  put(out, body);
  put_big_endian(out, ~crc);
  return out;
}

// Up to 65535 bytes in zlib's format, as they are (RFC 1950 and 1951).
inline Bytes stored(const Bytes& data) {
  Bytes out = {0x78, 0x01, 0x01};
  put_little_endian(out, static_cast<uint32_t>(data.size()), 2);
  put_little_endian(out, ~static_cast<uint32_t>(data.size()), 2);
  put(out, data);
  uint32_t a = 1, b = 0;
  for (const uint8_t byte : data) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  put_big_endian(out, b << 16 | a);
  return out;
}

// `rows` as they are stored, each after its filter's byte; `between`: chunks before them.
inline Bytes png_of(uint32_t width, uint32_t height, uint8_t depth, uint8_t colour_type,
                    const Bytes& rows, const Bytes& between = {}) {
  Bytes out, header;
  put(out, "\x89PNG\r\n\x1a\n");
  put_big_endian(header, width);
  put_big_endian(header, height);
  put(header, Bytes{depth, colour_type, 0, 0, 0});
  put(out, png_chunk("IHDR", header));
  put(out, between);
  put(out, png_chunk("IDAT", stored(rows)));
  put(out, png_chunk("IEND", {}));
  return out;
}

}  // namespace dae::test
