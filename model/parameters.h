// The weights of a network: names, shapes and first values, laid end to end in one flat f32 buffer,
// so that Adam, the gradient norm and the EMA are one pass over one array each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/tensor.h"

namespace dae {

struct Parameter {
  std::string name;  // "encoder.0.a.weight", as in checkpoints
  Shape shape;
  double bound = 0;    // first values are uniform in [-bound, bound]; 0: zeros
  int64_t offset = 0;  // elements from the buffer's start; a multiple of 64 (256 bytes)
};

class ParameterSet {
 public:
  // The parameter of that name, added at the end when it is new. Throws Error when it exists with
  // another shape.
  const Parameter& declare(const std::string& name, const Shape& shape, double bound);

  const std::vector<Parameter>& list() const { return list_; }
  int64_t count() const { return count_; }  // elements of the buffer, gaps included
  int64_t weights() const;                  // elements of the parameters themselves
  // Where up to so many parts of the buffer begin, as equal as they can be where each begins with a parameter.
  std::vector<int64_t> part_begins(int parts) const;

  // Writes the first values. Each depends on the seed, the parameter's name and the element's index
  // alone, so it stays what it is when a network gains a layer.
  void initialize(uint64_t seed, float* buffer) const;

 private:
  std::vector<Parameter> list_;
  int64_t count_ = 0;
};

}  // namespace dae
