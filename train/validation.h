// What a run shows of itself between steps: the same views of held-out pictures, corrupted by the
// same draws, restored by the weights as they are.
#pragma once

#include <vector>

#include "data/image.h"
#include "restore/view_restorer.h"

namespace dae {

// What evaluates a run and what validates it draw alike, whatever the run's own seed is.
inline constexpr uint64_t kValidationSeed = 1;

// How many views of each of so many pictures there have to be for `views` in all, even of one.
int64_t views_an_image(int64_t views, int64_t images);

class Validation {
 public:
  // Plans; attach() before anything else. `sources` have their pixels in host memory and outlive
  // this.
  Validation(Device device, const NetworkConfig& network, const CorruptSpec& corruption,
             std::vector<Source> sources, Communicator* ranks = nullptr);

  size_t arena_bytes() const { return restorer_.arena_bytes(); }
  size_t own_bytes() const { return restorer_.own_bytes(sources_); }
  // ViewRestorer::attach() with the sources.
  void attach(std::byte* arena, size_t bytes, const float* weights);

  // The mean PSNR of the views, clamped to [0, 1], in dB. Of several ranks, which all call it, rank 0 has it.
  double psnr();
  // On one rank: a sheet of the first few: clean, corrupted, restored and their difference.
  Image samples();

 private:
  int64_t size_;
  std::vector<Source> sources_;
  Communicator* ranks_;
  std::vector<Draw> draws_;
  ParameterSet parameters_;  // laid out as the trained network's: both declare the same layers
  ViewRestorer restorer_;
};

}  // namespace dae
