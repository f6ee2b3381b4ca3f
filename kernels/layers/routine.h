// A planned call into a library: oneDNN on the CPU, cuDNN or cuBLASLt on the GPU. Made once for its
// shapes, it then runs without allocating.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace dae {

class Routine {
 public:
  virtual ~Routine() = default;

  virtual size_t workspace_bytes() const = 0;

  // Rows of the sums over pixels that it writes, for a problem that has them (kernels/layers/cuda_libraries.h).
  virtual int64_t sum_rows() const { return 1; }

  // `data` holds an address for each operand, in the order that whoever made the routine says;
  // `workspace` has workspace_bytes(). `stream` as in Queue. Not for two threads at once.
  virtual void run(void* stream, std::span<const void* const> data, void* workspace) = 0;
  void run(void* stream, std::initializer_list<const void*> data, void* workspace) {
    run(stream, std::span(data.begin(), data.size()), workspace);
  }
};

}  // namespace dae
