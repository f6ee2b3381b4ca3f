// Opening a dataset as every program does it: with a progress line while pictures are decoded, and
// naming on standard error those that cannot be read.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace dae {

Dataset open_pictures(const std::string& path, int64_t max_side);

// As run folders record them: valid UTF-8, in the order of `images`.
std::vector<std::string> names_of(const Dataset& dataset, const std::vector<int64_t>& images);

}  // namespace dae
