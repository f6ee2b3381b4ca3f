// How far apart two pictures are as a feature network sees them: for judging, not for training,
// since what a network was trained to make small says nothing about it any more.
//
//   distance = mean over layers, mean over positions of |u(phi_l(a)) - u(phi_l(b))|^2
//
// with u(f) = f / (|f| + 1e-10), the vector of all channels at a position with length one: LPIPS
// (Zhang et al., 2018) without its learnt weights. From 0, the same, to 2.
#pragma once

#include <span>

#include "model/feature_network.h"
#include "runtime/program.h"

namespace dae {

class FeatureDistance {
 public:
  // For pictures of size x size; runs `batch` pairs at once.
  FeatureDistance(Device device, const FeatureNetwork& features, int64_t size, int64_t batch = 8);

  // a and b hold the same number of pictures {size, size, 3} in [0, 1], one after another; one
  // distance a pair. The layers run on the device, the rest on the host, in fp64.
  std::vector<double> operator()(std::span<const float> a, std::span<const float> b);

 private:
  Program plan(Device device, const FeatureNetwork& features, int64_t size);

  int64_t batch_, picture_;  // pairs; elements of a picture
  TensorId pictures_, weights_;
  Program program_;  // its outputs are the layers' maps
};

}  // namespace dae
