// How long work takes on the GPU, by its own clock.
#pragma once

#include <functional>
#include <vector>

#include "kernels/layers/routine.h"
#include "runtime/memory.h"

namespace dae::cuda {

// Median over `runs` of the seconds of a call of `enqueue`, which puts work on the null stream. One
// more call comes first, for the libraries to set themselves up. Before each run the GPU is kept
// busy until the host has enqueued it, so that no launch's cost is in the time. Throws Error in a
// build without CUDA.
double median_seconds(int runs, const std::function<void()>& enqueue);

// The same of a routine's calls on these operands, in a workspace of its own.
double median_seconds(int runs, Routine& routine, const std::vector<Buffer>& operands);

}  // namespace dae::cuda
