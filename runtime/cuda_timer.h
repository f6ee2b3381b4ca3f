// How long work takes on the GPU, by its own clock.
#pragma once

#include <functional>

namespace dae::cuda {

// Median seconds of `runs` calls of `enqueue`, which puts work on the null stream; one more call
// comes first, for the libraries to set themselves up. Throws Error in a build without CUDA.
double median_seconds(int runs, const std::function<void()>& enqueue);

}  // namespace dae::cuda
