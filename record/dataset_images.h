// Some of a dataset's images, by their places in it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "corrupt/draw.h"
#include "data/dataset.h"

namespace dae {

// The source table that views of them are drawn from. Their pixels stay the dataset's.
std::vector<Source> sources_of(const Dataset& dataset, const std::vector<int64_t>& images);

// Their names as run folders record them: valid UTF-8, in the order of `images`.
std::vector<std::string> names_of(const Dataset& dataset, const std::vector<int64_t>& images);

}  // namespace dae
