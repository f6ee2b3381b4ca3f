// The simulated tensor cores and asynchronous copies: right results where the contract is kept, a
// finding or poison where it is not.
#include <algorithm>
#include <cmath>

#include "runtime/bf16.h"
#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/simulator_parts.h"
#include "tests/support/op_case.h"

namespace dae::test {
namespace {

using namespace dae::cuda;
using simulated::take_findings;
using simulated::ThreadOrder;

// --- mma: where each element lies, written from the element's side -----------------------------

struct Fragment {
  unsigned lane, place, half;  // place: which of the lane's registers
};
Fragment of_a(unsigned row, unsigned k) {
  return {row % 8 * 4 + k % 8 / 2, (row >= 8 ? 1u : 0u) + (k >= 8 ? 2u : 0u), k % 2};
}
Fragment of_b(unsigned k, unsigned column) {
  return {column * 4 + k % 8 / 2, k >= 8 ? 1u : 0u, k % 2};
}
Fragment of_sum(unsigned row, unsigned column) {
  return {row % 8 * 4 + column / 2, (row >= 8 ? 2u : 0u) + column % 2, 0};
}

__global__ void mma_kernel(const uint32_t* a, const uint32_t* b, float* sum) {
  const unsigned lane = threadIdx.x;
  uint32_t mine[4];
  for (unsigned i = 0; i < 4; i++) mine[i] = a[4 * lane + i];
  float total[4];
  for (unsigned i = 0; i < 4; i++) total[i] = sum[4 * lane + i];
  mma_m16n8k16(total, mine, b[2 * lane], b[2 * lane + 1]);
  for (unsigned i = 0; i < 4; i++) sum[4 * lane + i] = total[i];
}

// Values that bf16 has exactly: what is compared is where they go.
Values in_bf16_exactly(int64_t count, uint64_t seed) {
  Values values = random_values(count, seed);
  for (double& v : values) v = to_float(to_bf16(static_cast<float>(v)));
  return values;
}
std::vector<BFloat16> rounded(const Values& values) {
  std::vector<BFloat16> out;
  for (const double v : values) out.push_back(to_bf16(static_cast<float>(v)));
  return out;
}
uint32_t placed(double value, unsigned half) {
  return uint32_t{to_bf16(static_cast<float>(value)).bits} << 16 * half;
}

// a (16 x 16) b (16 x 8), plus what was there.
Values product(const Values& a, const Values& b, Values sum) {
  for (int i = 0; i < 16; i++)
    for (int j = 0; j < 8; j++)
      for (int k = 0; k < 16; k++) sum[i * 8 + j] += a[i * 16 + k] * b[k * 8 + j];
  return sum;
}

TEST(SimulatedTensorCores, MmaIsTheProductOfTheDocumentedFragments) {
  const Values a = in_bf16_exactly(256, 1), b = in_bf16_exactly(128, 2),
               c = in_bf16_exactly(128, 3), want = product(a, b, c);
  std::vector<uint32_t> a_words(128), b_words(64);
  std::vector<float> sums(128);
  for (unsigned i = 0; i < 16; i++)
    for (unsigned j = 0; j < 16; j++) {
      const Fragment at = of_a(i, j);
      a_words[4 * at.lane + at.place] |= placed(a[i * 16 + j], at.half);
      if (j >= 8) continue;
      const Fragment in_b = of_b(i, j), in_sum = of_sum(i, j);
      b_words[2 * in_b.lane + in_b.place] |= placed(b[i * 8 + j], in_b.half);
      sums[4 * in_sum.lane + in_sum.place] = static_cast<float>(c[i * 8 + j]);
    }
  for (const ThreadOrder order : {ThreadOrder::forward, ThreadOrder::random}) {
    simulated::settings().order = order;
    DeviceArray<uint32_t> device_a(128), device_b(64);
    DeviceArray<float> sum(128);
    device_a.write(a_words);
    device_b.write(b_words);
    sum.write(sums);
    launch("mma", mma_kernel, 1, 32, 0, nullptr, device_a.data(), device_b.data(), sum.data());
    const std::vector<float> got = sum.read();
    for (unsigned i = 0; i < 16; i++)
      for (unsigned j = 0; j < 8; j++) {
        const Fragment at = of_sum(i, j);
        EXPECT_NEAR(got[4 * at.lane + at.place], want[i * 8 + j], 17 * 1.2e-7 * 17)
            << i << " " << j;
      }
  }
}

// --- ldmatrix: a product as kernels make it, from row-major tiles in shared memory --------------

// `a` is 16 x 16; `b` is 8 columns x 16 k, or, transposed, 16 k x 8 columns.
__global__ void product_kernel(const BFloat16* a, const BFloat16* b, float* sum, bool transposed) {
  DAE_SHARED(BFloat16, tile, 16 * 16);
  DAE_SHARED(BFloat16, other, 2 * 16 * 8);  // x4 loads a second, unused one
  const unsigned lane = threadIdx.x;
  for (unsigned i = lane; i < 256; i += 32) {
    tile[i] = a[i];
    other[i] = b[i % 128];
  }
  __syncwarp(0xffffffffu);
  uint32_t rows[4], columns[4];
  ldmatrix_x4(rows, tile + lane % 16 * 16 + lane / 16 * 8);
  if (transposed)
    ldmatrix_x4_trans(columns, other + lane * 8);
  else
    ldmatrix_x4(columns, other + lane % 8 * 16 + lane / 8 % 2 * 8);
  float total[4] = {};
  mma_m16n8k16(total, rows, columns[0], columns[1]);
  for (unsigned i = 0; i < 4; i++)
    sum[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = total[i];
}

TEST(SimulatedTensorCores, LdmatrixFeedsMma) {
  const Values a = in_bf16_exactly(256, 1), b = in_bf16_exactly(128, 2);
  const Values want = product(a, b, Values(128));
  Values turned(128);
  for (int k = 0; k < 16; k++)
    for (int j = 0; j < 8; j++) turned[j * 16 + k] = b[k * 8 + j];
  DeviceArray<BFloat16> device_a(256), device_b(128);
  DeviceArray<float> sum(128);
  device_a.write(rounded(a));
  for (const bool transposed : {false, true}) {
    device_b.write(rounded(transposed ? b : turned));
    launch("product", product_kernel, 1, 32, 0, nullptr, device_a.data(), device_b.data(),
           sum.data(), transposed);
    const std::vector<float> got = sum.read();
    for (size_t i = 0; i < 128; i++)
      EXPECT_NEAR(got[i], want[i], 16 * 1.2e-7 * 16) << transposed << " " << i;
  }
}

// --- What is wrong is found ---------------------------------------------------------------------

__global__ void bad_rows_kernel(uint32_t* out, int what) {
  DAE_SHARED(BFloat16, tile, 32 * 8 + 8);
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 8 + 8; i += 32) tile[i] = {0};
  __syncwarp(0xffffffffu);
  uint32_t fragment[4] = {};
  const bool last = threadIdx.x == 31;
  if (what == 0) ldmatrix_x4(fragment, tile + threadIdx.x * 8 + (last ? 4 : 0));
  if (what == 1) ldmatrix_x4_trans(fragment, last ? static_cast<void*>(out) : tile);
  if (what == 2 && !last) ldmatrix_x4(fragment, tile);
  float sum[4] = {};
  if (what == 3 && !last) mma_m16n8k16(sum, fragment, 0, 0);
  if (what == 4) {
    if (threadIdx.x < 16)
      mma_m16n8k16(sum, fragment, 0, 0);
    else
      mma_m16n8k16(sum, fragment, 0, 0);
  }
}

TEST(SimulatedTensorCores, RowsAndLanesThatAreWrongAreFound) {
  DeviceArray<uint32_t> out(32);
  for (const auto& [what, finding] :
       std::vector<std::pair<int, std::string>>{{0, "not sixteen aligned bytes"},
                                                {1, "not sixteen aligned bytes"},
                                                {2, "of which some never come"},
                                                {3, "of which some never come"},
                                                {4, "while other lanes of ffffffff are at"}}) {
    launch("bad rows", bad_rows_kernel, 1, 32, 0, nullptr, out.data(), what);
    cudaDeviceSynchronize();
    expect_finding(finding);
  }
}

__global__ void unsynchronised_rows_kernel(uint32_t* out) {
  DAE_SHARED(BFloat16, tile, 32 * 8);
  for (int i = 0; i < 8; i++) tile[threadIdx.x * 8 + i] = {1};
  uint32_t fragment[4];
  ldmatrix_x4(fragment, tile + threadIdx.x * 8);
  out[threadIdx.x] = fragment[0];
}

// A warp's lanes do not see each other's writes without __syncwarp, though they meet in ldmatrix.
TEST(SimulatedTensorDeathTest, LdmatrixIsNoBarrier) {
  if (!simulated::kTsan) GTEST_SKIP() << "needs ThreadSanitizer";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  DeviceArray<uint32_t> out(32);
  EXPECT_DEATH(launch("rows", unsynchronised_rows_kernel, 1, 32, 0, nullptr, out.data()),
               "data race");
}

// --- Asynchronous copies ------------------------------------------------------------------------

enum class Bug { none, no_commit, no_wait, waits_for_too_few, no_barrier, barrier_first };

// Two groups of 32 packs of 8, of which the second is copied where `there` says: it comes out
// first, and reversed. Every thread reads what another has copied.
__global__ void swap_packs_kernel(const BFloat16* from, BFloat16* to, bool there, Bug bug) {
  DAE_SHARED(BFloat16, first, 256);
  DAE_SHARED(BFloat16, second, 256);
  const unsigned i = threadIdx.x;
  cp_async_16(first + 8 * i, from + 8 * i, true);
  cp_async_commit();
  cp_async_16(second + 8 * i, from + 256 + 8 * i, there);
  if (bug != Bug::no_commit) cp_async_commit();
  if (bug == Bug::barrier_first) __syncthreads();
  cp_async_wait<1>();
  if (bug != Bug::no_barrier && bug != Bug::barrier_first) __syncthreads();
  for (unsigned k = 0; k < 8; k++) to[8 * (63 - i) + k] = first[8 * (31 - i) + k];
  if (bug == Bug::waits_for_too_few)
    cp_async_wait<1>();
  else if (bug != Bug::no_wait)
    cp_async_wait<0>();
  __syncthreads();
  for (unsigned k = 0; k < 8; k++) to[8 * i + k] = second[8 * (31 - i) + k];
}

struct Swap {
  DeviceArray<BFloat16> from{512}, to{512};
  std::vector<BFloat16> given;

  Swap() {
    for (int i = 0; i < 512; i++) given.push_back(to_bf16(static_cast<float>(i % 200)));
    from.write(given);
  }
  std::vector<BFloat16> run(bool there, Bug bug) {
    launch("swap packs", swap_packs_kernel, 1, 32, 0, nullptr, from.data(), to.data(), there, bug);
    return to.read();
  }
};

TEST(SimulatedAsyncCopies, ArriveOnceTheyWereWaitedFor) {
  for (const ThreadOrder order : {ThreadOrder::forward, ThreadOrder::reversed, ThreadOrder::random})
    for (const bool there : {true, false}) {
      simulated::settings().order = order;
      Swap swap;
      const std::vector<BFloat16> got = swap.run(there, Bug::none);
      for (int i = 0; i < 256; i++) {
        const int pack = 31 - i / 8;
        EXPECT_EQ(got[i].bits, there ? swap.given[256 + 8 * pack + i % 8].bits : 0) << i;
        EXPECT_EQ(got[256 + i].bits, swap.given[8 * (i / 8) + i % 8].bits) << i;
      }
    }
}

bool has_poison(const std::vector<BFloat16>& values) {
  return std::any_of(values.begin(), values.end(),
                     [](BFloat16 v) { return std::isnan(to_float(v)); });
}

TEST(SimulatedAsyncCopies, WithoutCommitWaitOrBarrierTheyArePoison) {
  if (simulated::kAsan || simulated::kTsan)
    GTEST_SKIP() << "the sanitizers end the program: SimulatedTensorDeathTest has it";
  for (const Bug bug : {Bug::no_commit, Bug::no_wait, Bug::waits_for_too_few}) {
    EXPECT_TRUE(has_poison(Swap().run(true, bug))) << static_cast<int>(bug);
    expect_finding("has ended before it waited for 1 of its asynchronous copies");
  }
  for (const Bug bug : {Bug::no_barrier, Bug::barrier_first})
    EXPECT_TRUE(has_poison(Swap().run(true, bug))) << static_cast<int>(bug);
}

TEST(SimulatedTensorDeathTest, SanitizersNameTheLineThatLooksTooEarly) {
  if (!simulated::kAsan && !simulated::kTsan) GTEST_SKIP() << "needs a sanitizer";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Swap swap;
  if (simulated::kAsan) {
    EXPECT_DEATH(swap.run(true, Bug::no_wait), "use-after-poison(.|\n)*swap_packs_kernel");
  } else {
    EXPECT_DEATH(swap.run(true, Bug::no_barrier), "data race(.|\n)*swap_packs_kernel");
    EXPECT_DEATH(swap.run(true, Bug::barrier_first), "data race(.|\n)*swap_packs_kernel");
  }
}

// Who still reads a place when a copy to it begins: the barrier comes before the copy has to be over.
__global__ void early_copy_kernel(const BFloat16* from, BFloat16* to) {
  DAE_SHARED(BFloat16, space, 512);
  const unsigned i = threadIdx.x;
  for (unsigned k = 0; k < 8; k++) space[8 * i + k] = {1};
  __syncthreads();
  to[i] = space[8 * (63 - i)];
  cp_async_16(space + 8 * i, from + 8 * i, true);
  cp_async_commit();
  __syncthreads();
  cp_async_wait<0>();
}

TEST(SimulatedTensorDeathTest, ACopyMayWriteFromItsBeginningOn) {
  if (!simulated::kTsan) GTEST_SKIP() << "needs ThreadSanitizer";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  DeviceArray<BFloat16> from(512), to(64);
  EXPECT_DEATH(launch("early", early_copy_kernel, 1, 64, 0, nullptr, from.data(), to.data()),
               "data race(.|\n)*early_copy_kernel");
}

__global__ void crooked_copy_kernel(const BFloat16* from, BFloat16* to, int what) {
  DAE_SHARED(BFloat16, tile, 24);
  cp_async_16(what == 0 ? tile + 4 : what == 1 ? to : tile, what == 2 ? from + 4 : from, true);
  cp_async_commit();
  cp_async_wait<0>();
}

TEST(SimulatedAsyncCopies, FromAndToPlacesThatAreWrongAreFound) {
  DeviceArray<BFloat16> from(24), to(24);
  for (int what = 0; what < 3; what++) {
    launch("crooked", crooked_copy_kernel, 1, 1, 0, nullptr, from.data(), to.data(), what);
    cudaDeviceSynchronize();
    expect_finding("not sixteen aligned bytes");
  }
}

}  // namespace
}  // namespace dae::test
