// The end of sums over pixels on a GPU. Ops leave rows of partial sums, one of each of their blocks, and
// those of all ops of a step are added by one launch: each of them is a few blocks' work, which a launch
// of its own costs more than.
//
//   sum[c] = over r < 32, one after the other, the sums of partial[r, c], partial[r + 32, c], ...
//
// added in fp64 in that order and rounded once: the same bits in every run, whatever else is added beside.
#pragma once

#include <span>

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

struct PartialSum {
  Tensor partial;  // f32 {rows, columns}
  Tensor sum;      // {columns}, f32 or bf16; written
};

inline constexpr size_t kMostPartialSums = 96;

// On cuda alone. Throws Error naming the shapes when they do not fit, and for more than kMostPartialSums.
void sum_partials(const Queue& q, std::span<const PartialSum> sums);

namespace cuda {
void sum_partials(void* stream, std::span<const PartialSum> sums);
}

}  // namespace dae
