// The CPU path's unit of work: some rows of one view. Bands are independent of each other: each
// makes the rows it needs beyond its own ends again, which costs little and keeps the bits.
#pragma once

#include <cstdint>

#include "corrupt/corrupt.h"

namespace dae {

struct Band {
  const Source* source;
  const Draw* draw;
  CorruptFlags flags;
  int64_t height, width;  // of the view
  int64_t begin, end;     // its rows that this band writes
  uint8_t* clean;         // the whole view's output
  float* corrupted;       // the whole view's output
  float* scratch;         // band_scratch_count() floats, of this thread alone
};

// f32 elements; rows are rounded up to whole vectors (band_rows.h).
int64_t band_scratch_count(int64_t width, int32_t max_radius);

// The plain form: what the other is tested against, and what runs where there is no fma.
void corrupt_band_scalar(const Band& band);

// The same bits with the best instruction set this machine has.
void corrupt_band(const Band& band);

}  // namespace dae
