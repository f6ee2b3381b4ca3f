// Limits of a field of the library's options.
#pragma once

#include <string>

#include "runtime/error.h"

namespace dae {

// Throws FieldError when the value is not in [low, high], NaN included.
inline void check_field(const std::string& field, double value, double low, double high) {
  if (!(value >= low && value <= high)) fail_field(field, "{}: give {} to {}", value, low, high);
}

}  // namespace dae
