// XXH3 in 64 bits (github.com/Cyan4973/xxHash): tells files and pictures apart and finds damage, at
// the speed of memory. It keeps no secrets, and nobody out who means harm.
#pragma once

#define XXH_INLINE_ALL  // NOLINT(readability-identifier-naming): the library's
#include <fmt/format.h>
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace dae {

class Hash {
 public:
  Hash() { XXH3_64bits_reset(&state_); }
  void add(const void* data, size_t bytes) { XXH3_64bits_update(&state_, data, bytes); }
  void add(const std::string& text) { add(text.c_str(), text.size() + 1); }
  template <class T>
  void add_number(T number) {
    add(&number, sizeof(number));
  }
  uint64_t value() const { return XXH3_64bits_digest(&state_); }
  std::string digits() const { return fmt::format("{:016x}", value()); }  // as files have it

 private:
  XXH3_state_t state_;
};

}  // namespace dae
