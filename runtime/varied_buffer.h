// Device memory full of numbers, for timing: with zeros the multipliers draw less power, the clock
// stays higher, and a kernel looks faster than it will be.
#pragma once

#include "runtime/memory.h"
#include "runtime/tensor.h"

namespace dae {

// `count` numbers of a type, f32 or bf16, between -1 and 1; the same 2^20 again and again.
Buffer varied_buffer(Device device, int64_t count, DType dtype);

}  // namespace dae
