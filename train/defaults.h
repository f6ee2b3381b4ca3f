// What a training takes where its options leave it open.
#pragma once

#include <cstdint>

#include "runtime/queue.h"

namespace dae {

// Crops a step, of size x size pixels: 16. So few leave a GPU idle, where a step's launches then take longer than its
// arithmetic: there they are 128 of 64x64 pixels, and of other sizes as many as have as many pixels, at least 16
// and at most 1024.
int64_t default_batch(Device device, int64_t size);

// Adam's learning rate at its peak: 2e-3 for 16 crops a step and fewer, 5e-4 where a run starts `from` another, and
// more in proportion to the root of a larger batch, whose gradients are that much less noisy; but at most twice that:
// at four times, the default unet's training came apart (docs/scale.md).
double default_learning_rate(int64_t batch, bool from);

}  // namespace dae
