#include "model/parameters.h"

#include <algorithm>
#include <cstdlib>

#include "runtime/error.h"
#include "runtime/philox.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

constexpr int64_t kAlignment = kTensorAlignment / sizeof(float);

uint64_t fnv1a(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

const Parameter& ParameterSet::declare(const std::string& name, const Shape& shape, double bound) {
  for (const Parameter& known : list_) {
    if (known.name != name) continue;
    if (!(known.shape == shape))
      fail("{} is {} and cannot also be {}", name, to_string(known.shape), to_string(shape));
    return known;
  }
  list_.push_back({name, shape, bound, count_});
  count_ += round_up(shape.count(), kAlignment);
  return list_.back();
}

int64_t ParameterSet::weights() const {
  int64_t sum = 0;
  for (const Parameter& parameter : list_) sum += parameter.shape.count();
  return sum;
}

std::vector<int64_t> ParameterSet::part_begins(int parts) const {
  std::vector<int64_t> begins = {0};
  for (int i = 1; i < parts && !list_.empty(); i++) {
    const int64_t equal = count_ * i / parts;
    const Parameter& nearest =
        *std::min_element(list_.begin(), list_.end(), [&](const Parameter& a, const Parameter& b) {
          return std::abs(a.offset - equal) < std::abs(b.offset - equal);
        });
    if (nearest.offset > begins.back()) begins.push_back(nearest.offset);
  }
  return begins;
}

void ParameterSet::initialize(uint64_t seed, float* buffer) const {
  for (const Parameter& parameter : list_) {
    const uint64_t name = fnv1a(parameter.name);
    float* const values = buffer + parameter.offset;
    for (int64_t i = 0; i < parameter.shape.count(); i++) {
      // One word, as a double in (-1, 1): exact, so the product is rounded once.
      const PhiloxWords words =
          philox4x32({{static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32),
                       static_cast<uint32_t>(name), static_cast<uint32_t>(name >> 32)}},
                     seed);
      const uint32_t word = words.word[0];
      const double uniform = (static_cast<double>(word) + 0.5) * 0x1p-31 - 1;
      values[i] = static_cast<float>(parameter.bound * uniform);
    }
  }
}

}  // namespace dae
