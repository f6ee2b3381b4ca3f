// Where a plan's tensors lie in one arena, and which steps wait for which.
//
// Two steps conflict when they touch overlapping bytes and one of them writes. A later step waits
// for each earlier one that it conflicts with or names in `after`: by standing on the same stream,
// through another wait, or by an event. Two tensors may share memory only if this order (vector
// clocks over the streams), not the list's, puts every use of one before every use of the other.
#pragma once

#include <cstddef>
#include <vector>

#include "runtime/plan.h"

namespace dae {

struct Layout {
  std::vector<size_t> offsets;          // of each tensor in the arena, slices included; external: 0
  std::vector<std::vector<int>> waits;  // of each step: steps of other streams, one per stream
  size_t bytes = 0;                     // of the arena
  size_t bytes_unshared = 0;            // what it would be if no two tensors shared memory
};

// `one_stream`: every step on one stream in list order (the CPU; a GPU run under a debugger).
Layout lay_out(const Plan& plan, bool one_stream);

}  // namespace dae
