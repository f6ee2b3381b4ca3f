// What this machine can do at best, measured: the yardstick of --profile and of the benchmarks.
#pragma once

#include "runtime/queue.h"

namespace dae {

struct Ceilings {
  double bytes_per_second = 0;  // read plus written, copying 256 MiB with every thread
  double flops_per_second = 0;  // f32, a 1536 x 1536 matrix product by the library
};

// Measured on the first call (about a third of a second), the best of several tries: a ceiling is
// what was reached, not what is usual.
const Ceilings& ceilings(Device device);

// The least seconds in which so many bytes can move and so many operations be done, side by side.
double roofline_seconds(const Ceilings& ceilings, double bytes, double flops);

}  // namespace dae
