// Where the time of a step goes, op by op.
#pragma once

#include <string>

#include "runtime/executor.h"

namespace dae {

// One row an op and phase, the most time first, beside this machine's ceilings for `dtype`. Of an
// executor with at least one profiled run.
std::string profile_table(const Executor& executor, Device device, DType dtype);

}  // namespace dae
