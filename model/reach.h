// Which pixels of its input a feature map sees: for each position the exact interval of input
// pixels that its value can depend on, along either axis (the layers are square). Layers compose
// it as they are added to a network (model/builder.h), so a receptive field is read off the network
// instead of being worked out beside it.
//
// Positions of a map that was halved and doubled again do not all see equally far: which half of a
// coarser pixel they lie in matters. The pattern repeats, so one period is kept.
#pragma once

#include <cstdint>
#include <vector>

namespace dae {

class Reach {
 public:
  struct Interval {
    int64_t first, last;
  };

  // The input itself: a pixel sees itself.
  Reach() = default;
  // Every position sees the whole input, as behind a dense layer.
  static Reach all();

  // Of a convolution of such a map: position p sees what p * stride - pad and the kernel - 1
  // positions after it see.
  Reach convolved(int kernel, int stride, int pad) const;
  // Of a transposed convolution: position i of such a map goes into the kernel positions from
  // i * stride - pad on.
  Reach transposed(int kernel, int stride, int pad) const;
  // Of a sum of such a map and one of the same size.
  Reach joined(const Reach& other) const;

  bool is_all() const { return period_.empty(); }
  // What a position sees; not for a map that sees all.
  Interval of(int64_t position) const;
  // How many pixels beyond its own a position sees, before or after it, the worst of all positions.
  // Throws Error for a map that sees all, or that is coarser or finer than the input.
  int64_t radius() const;

 private:
  int64_t positions() const { return static_cast<int64_t>(period_.size()); }

  // What the first positions see; as many positions on, it is the same `advance_` pixels on. Empty:
  // everything.
  std::vector<Interval> period_ = {{0, 0}};
  int64_t advance_ = 1;
};

}  // namespace dae
