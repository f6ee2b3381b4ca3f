// Opening a dataset as every program does it: with a progress line while pictures are decoded, and
// naming on standard error those that cannot be read.
#pragma once

#include <string>

#include "data/dataset.h"

namespace dae {

Dataset open_pictures(const std::string& path, int64_t max_side);

}  // namespace dae
