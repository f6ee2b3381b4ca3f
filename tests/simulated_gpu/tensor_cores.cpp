// Tensor cores: a warp's lanes bring their registers, and each works out the four sums that are its
// own.
#include <fmt/format.h>

#include "tests/simulated_gpu/block.h"

namespace simulated {
namespace {

constexpr unsigned kAllLanes = 0xffffffffu;

float half_of(uint32_t two, unsigned which) {
  const uint32_t bits = which == 0 ? two << 16 : two & 0xffff0000u;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace

void mma_m16n8k16(float (&sum)[4], const Fragments& mine, const char* file, int line) {
  const Unseen bookkeeping;
  uint64_t generation;
  const WarpGroup& group = meet(kAllLanes, mine, {file, line}, generation);
  const Fragments(&lanes)[32] = group.values[generation % 2];
  // Elements 2 k and 2 k + 1 of a row of `a` or a column of `b` lie with lane 4 g + k % 4, in the register for the
  // row's half and k's. The four sums go side by side: alone, each would wait for its last addition.
  const unsigned row = lane() / 4, column = lane() % 4 * 2;
  for (unsigned k = 0; k < 8; k++) {
    const uint32_t* const of_row = lanes[row * 4 + k % 4].data() + k / 4 * 2;
    const uint32_t a[] = {of_row[0], of_row[1]};
    const uint32_t b[] = {lanes[column * 4 + k % 4][4 + k / 4],
                          lanes[column * 4 + 4 + k % 4][4 + k / 4]};
    for (unsigned which = 0; which < 2; which++)
      for (unsigned i = 0; i < 4; i++)
        sum[i] += half_of(a[i / 2], which) * half_of(b[i % 2], which);
  }
}

std::array<const unsigned char*, 32> meet_for_rows(const void* row, const char* file, int line) {
  const Unseen bookkeeping;
  const auto address = reinterpret_cast<uint64_t>(row);
  if (address % 16 != 0 || !is_shared(row, 16))
    report(fmt::format(
        "{} loads a matrix row at {}:{} that is not sixteen aligned bytes of shared memory",
        where(), file, line));
  uint64_t generation;
  const Fragments words = {static_cast<uint32_t>(address), static_cast<uint32_t>(address >> 32)};
  const WarpGroup& group = meet(kAllLanes, words, {file, line}, generation);
  std::array<const unsigned char*, 32> rows;
  for (unsigned i = 0; i < 32; i++) {
    const Fragments& theirs = group.values[generation % 2][i];
    const uint64_t there = theirs[0] | uint64_t{theirs[1]} << 32;
    // Where a lane never came, which was reported, there may be nothing to read.
    rows[i] = reinterpret_cast<const unsigned char*>(there != 0 ? there : address);
  }
  return rows;
}

}  // namespace simulated
