// What this machine can do at best, measured: the yardstick of --profile and of the benchmarks.
#pragma once

#include "runtime/queue.h"

namespace dae {

struct Ceilings {
  // Read plus written, by a copy far larger than any cache: with every thread on the CPU; on a GPU
  // by cudaMemcpyAsync within device memory. (A copy kernel of our own would be a yardstick that
  // its maker can bend.)
  double bytes_per_second = 0;
  double flops_per_second = 0;  // f32, a large matrix product by the library
};

// Measured on the first call (about a third of a second), the best of several tries: a ceiling is
// what was reached, not what is usual. Throws Error saying why when there is no such device.
const Ceilings& ceilings(Device device);

// The least seconds in which so many bytes can move and so many operations be done, side by side.
double roofline_seconds(const Ceilings& ceilings, double bytes, double flops);

}  // namespace dae
