// Which pictures of a dataset a run was trained on, and so cannot be judged by.
#pragma once

#include <functional>
#include <string>

#include "record/run_config.h"

namespace dae {

// Of a picture's name in the dataset at `path`: those in the run's own dataset, wherever below or
// above it `path` begins, that it did not hold out.
std::function<bool(const std::string& name)> trained_on(const RunConfig& run,
                                                        const std::string& path);

// Where the pictures lie that it is validated on: a dataset of their own, or those held out.
const std::string& validated_on(const RunConfig& run);

}  // namespace dae
