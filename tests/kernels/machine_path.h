// How long the longest way through a kernel's machine code is.
#pragma once

#include <string>
#include <vector>

namespace dae::test {

// A kernel as nvdisasm prints it: instructions ("@P0 BRA `(.L_x_3)") and, with a colon at the end, the
// labels before them (".L_x_3:").
using MachineLines = std::vector<std::string>;

// The most instructions that a thread executes from the kernel's first to its end, when its loops, in
// the order of their first instructions, run `trips` times each: a mean over threads need not be whole,
// and 0 leaves a loop's own instructions out. Of branches the longer one counts, also where no thread
// goes both ways; what is called out of line does not. Throws std::runtime_error when there are more
// or fewer loops than trips.
double longest_path(const MachineLines& kernel, const std::vector<double>& trips);

// The instructions of each loop, in the same order: what a table of trips is written by.
std::vector<int> loop_sizes(const MachineLines& kernel);

}  // namespace dae::test
