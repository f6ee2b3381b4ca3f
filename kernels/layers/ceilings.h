// What this machine can do at best, measured: the yardstick of --profile and of the benchmarks.
#pragma once

#include "runtime/tensor.h"

namespace dae {

struct Ceilings {
  // Read plus written, by a copy far larger than any cache: with every thread on the CPU; on a GPU
  // by cudaMemcpyAsync within device memory. (A copy kernel of our own would be a yardstick that
  // its maker can bend.)
  double bytes_per_second = 0;
  // A large matrix product by the library, of operands of the type; sums are f32. On the CPU there
  // is f32 alone.
  double f32_flops_per_second = 0, bf16_flops_per_second = 0;

  double flops_per_second(DType dtype) const {
    return dtype == DType::bf16 ? bf16_flops_per_second : f32_flops_per_second;
  }
};

// Measured on the first call (about a third of a second), the best of several tries: a ceiling is
// what was reached, not what is usual. Throws Error saying why when there is no such device.
const Ceilings& ceilings(Device device);

// The least seconds in which so many bytes can move and so many operations on elements of type
// `dtype` (f32 or bf16) be done, side by side.
double roofline_seconds(const Ceilings& ceilings, double bytes, double flops,
                        DType dtype = DType::f32);

}  // namespace dae
