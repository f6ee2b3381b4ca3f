// The simulated GPU's runtime/block_reduce.h.
#pragma once

#include <cstring>

#include "runtime/cuda_kernel.h"

namespace dae::cuda {

// CUB's contract, held strictly: the result is poisoned in every thread but the first, and using
// the storage again without a barrier in between is an error (the storage remembers who is inside).
// Partial sums are added in another order than CUB's, which tolerances allow for.
template <class T, int kThreads>
class BlockReduce {
 public:
  struct TempStorage {
    T values[kThreads];
  };
  explicit BlockReduce(TempStorage& storage) : storage_(storage) {}
  T Sum(T value) {
    return reduce(value, [](T a, T b) { return a + b; });
  }
  template <class Op>
  T Reduce(T value, Op op) {
    return reduce(value, op);
  }

 private:
  template <class Op>
  T reduce(T value, Op op) {
    const simulated::Thread& me = simulated::this_thread();
    simulated::enter_block_collective(&storage_, kThreads);
    storage_.values[me.linear] = value;
    simulated::sync_threads("cub::BlockReduce", kThreads);
    if (me.linear != 0) {
      T poison;
      std::memset(static_cast<void*>(&poison), 0xff, sizeof(T));
      return poison;
    }
    // By halves, as a tree: the first thread stands in for all.
    T sums[kThreads];
    std::memcpy(static_cast<void*>(sums), storage_.values, sizeof(sums));
    for (int width = kThreads; width > 1; width = (width + 1) / 2)
      for (int i = 0; i < width / 2; i++) sums[i] = op(sums[i], sums[i + (width + 1) / 2]);
    return sums[0];
  }

  TempStorage& storage_;
};

}  // namespace dae::cuda
