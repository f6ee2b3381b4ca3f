// The row operations of band_rows.h on vectors, compiled once for each instruction set that this
// file's targets include; the best one of the machine at hand is chosen at run time. The operations
// and their order are those of normal.h and band_scalar.h, so the bits are too. Instruction sets
// without fma run the scalar code.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "corrupt/band_simd.cpp"
#include "hwy/foreach_target.h"
// foreach_target.h first: it includes this file again for each target.
#include "corrupt/band_scalar.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dae {
namespace HWY_NAMESPACE {

#if HWY_NATIVE_FMA && HWY_TARGET != HWY_SCALAR

namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::CappedTag<float, 16> kFloats;
constexpr hn::RebindToUnsigned<decltype(kFloats)> kWords;
constexpr hn::RebindToSigned<decltype(kFloats)> kInts;
constexpr hn::RepartitionToWide<decltype(kWords)> kPairs;
using Floats = hn::Vec<decltype(kFloats)>;
using Words = hn::Vec<decltype(kWords)>;
using Pairs = hn::Vec<decltype(kPairs)>;

inline int64_t lanes() {
  return static_cast<int64_t>(hn::Lanes(kFloats));
}

// The round keys of Philox, which are the same for all counters.
struct RoundKeys {
  uint32_t low[philox::kRounds], high[philox::kRounds];

  explicit RoundKeys(uint64_t seed) {
    for (uint32_t round = 0; round < philox::kRounds; round++) {
      low[round] = static_cast<uint32_t>(seed) + round * philox::kWeyl0;
      high[round] = static_cast<uint32_t>(seed >> 32) + round * philox::kWeyl1;
    }
  }
};

// Ten rounds on counters that stand in the low halves of 64-bit lanes, where a 32-bit
// multiplication leaves both halves of its product in place. High halves hold rubbish that nothing
// reads: this takes 6 instructions a round where full lanes would take 8 with the products'
// reordering.
HWY_INLINE void philox_pairs(const RoundKeys& keys, Pairs (&c)[4]) {
  const Words multiplier0 = hn::Set(kWords, philox::kMultiplier0);
  const Words multiplier1 = hn::Set(kWords, philox::kMultiplier1);
  for (int round = 0; round < philox::kRounds; round++) {
    const Pairs product0 = hn::MulEven(hn::BitCast(kWords, c[0]), multiplier0);
    const Pairs product1 = hn::MulEven(hn::BitCast(kWords, c[2]), multiplier1);
    c[0] = hn::Xor3(hn::ShiftRight<32>(product1), c[1], hn::Set(kPairs, keys.low[round]));
    c[1] = product1;
    c[2] = hn::Xor3(hn::ShiftRight<32>(product0), c[3], hn::Set(kPairs, keys.high[round]));
    c[3] = product0;
  }
}

// normal_pair() of normal.h.
HWY_INLINE void normal_pairs(Words w0, Words w1, Floats& first, Floats& second) {
  using namespace normal;
  const auto set = [](float value) { return hn::Set(kFloats, value); };
  const auto odd = hn::Or(hn::ShiftRight<1>(w0), hn::Set(kWords, 1));
  const auto above = hn::Sub(hn::BitCast(kInts, hn::ConvertTo(kFloats, hn::BitCast(kInts, odd))),
                             hn::Set(kInts, kSqrtHalfBits));
  const Floats exponent =
      hn::ConvertTo(kFloats, hn::Sub(hn::ShiftRight<23>(above), hn::Set(kInts, 31)));
  const Floats mantissa = hn::BitCast(
      kFloats,
      hn::Add(hn::And(above, hn::Set(kInts, kMantissaMask)), hn::Set(kInts, kSqrtHalfBits)));
  const Floats t = hn::Sub(mantissa, set(1.0f)), tt = hn::Mul(t, t);
  Floats p = set(log_coefficient(0));
  for (int i = 1; i < 9; i++) p = hn::MulAdd(p, t, set(log_coefficient(i)));
  const Floats log_mantissa = hn::MulAdd(tt, hn::MulAdd(p, t, set(-0.5f)), t);
  const Floats log_u = hn::MulAdd(exponent, set(kLn2), log_mantissa);
  const Floats radius = hn::Sqrt(hn::Mul(set(-2.0f), log_u));

  const Words quadrant = hn::ShiftRight<30>(hn::Add(w1, hn::Set(kWords, 1u << 29)));
  const auto rest = hn::BitCast(kInts, hn::Sub(w1, hn::ShiftLeft<30>(quadrant)));
  const Floats a = hn::Mul(hn::ConvertTo(kFloats, rest), set(kHalfPi * 0x1p-30f));
  const Floats aa = hn::Mul(a, a);
  const Floats sin_a = hn::MulAdd(
      hn::Mul(hn::MulAdd(hn::MulAdd(set(sin_coefficient(0)), aa, set(sin_coefficient(1))), aa,
                         set(sin_coefficient(2))),
              aa),
      a, a);
  const Floats cos_a = hn::MulAdd(
      hn::MulAdd(hn::MulAdd(hn::MulAdd(set(cos_coefficient(0)), aa, set(cos_coefficient(1))), aa,
                            set(cos_coefficient(2))),
                 aa, set(-0.5f)),
      aa, set(1.0f));
  const auto swapped = hn::MaskFromVec(
      hn::BitCast(kFloats, hn::BroadcastSignBit(hn::BitCast(kInts, hn::ShiftLeft<31>(quadrant)))));
  const Words sign = hn::Set(kWords, 1u << 31);
  const auto cosine_sign = hn::And(hn::ShiftLeft<30>(hn::Add(quadrant, hn::Set(kWords, 1))), sign);
  const auto sine_sign = hn::And(hn::ShiftLeft<30>(quadrant), sign);
  first = hn::Xor(hn::Mul(radius, hn::IfThenElse(swapped, sin_a, cos_a)),
                  hn::BitCast(kFloats, cosine_sign));
  second = hn::Xor(hn::Mul(radius, hn::IfThenElse(swapped, cos_a, sin_a)),
                   hn::BitCast(kFloats, sine_sign));
}

// over_255() of kernels/division.h.
HWY_INLINE Floats over_255(Floats k) {
  return hn::Add(hn::Mul(k, hn::Set(kFloats, kMostOf255th)),
                 hn::Mul(k, hn::Set(kFloats, kRestOf255th)));
}

HWY_INLINE Floats clip_and_quantize(Floats value, bool clip, bool quantize) {
  if (clip) {
    value = hn::IfThenElseZero(hn::Gt(value, hn::Zero(kFloats)), value);
    const Floats one = hn::Set(kFloats, 1.0f);
    value = hn::IfThenElse(hn::Lt(value, one), value, one);
  }
  if (quantize) value = over_255(hn::Round(hn::Mul(value, hn::Set(kFloats, 255.0f))));
  return value;
}

struct VectorRows {
  static void to_float(const uint8_t* in, float* out, int64_t n) {
    const hn::Rebind<uint8_t, decltype(kFloats)> bytes;
    for (int64_t i = 0; i < n; i += lanes())
      hn::StoreU(over_255(hn::ConvertTo(kFloats, hn::PromoteTo(kInts, hn::LoadU(bytes, in + i)))),
                 kFloats, out + i);
  }

  static void add_noise(float* row, int64_t n, const NoiseStream& noise, int64_t y, float sigma) {
    const RoundKeys keys(noise.seed);
    const Floats strength = hn::Set(kFloats, sigma);
    const Pairs rest[3] = {hn::Set(kPairs, static_cast<uint64_t>(y)), hn::Set(kPairs, noise.slot),
                           hn::Set(kPairs, noise.step_and_stream)};
    const Pairs twice = hn::Iota(kPairs, 0);
    const Pairs block_of_lane = hn::Add(twice, twice);
    HWY_ALIGN float normals[kRowStep];
    for (int64_t i = 0; i < n; i += 4 * lanes()) {
      // Even blocks and odd ones, then both side by side.
      const Pairs block = hn::Add(block_of_lane, hn::Set(kPairs, static_cast<uint64_t>(i / 4)));
      Pairs even[4] = {block, rest[0], rest[1], rest[2]};
      Pairs odd[4] = {hn::Add(block, hn::Set(kPairs, 1)), rest[0], rest[1], rest[2]};
      philox_pairs(keys, even);
      philox_pairs(keys, odd);
      Words w[4];
      for (int k = 0; k < 4; k++)
        w[k] = hn::OddEven(hn::BitCast(kWords, hn::ShiftLeft<32>(odd[k])),
                           hn::BitCast(kWords, even[k]));
      Floats z[4];
      normal_pairs(w[0], w[1], z[0], z[1]);
      normal_pairs(w[2], w[3], z[2], z[3]);
      hn::StoreInterleaved4(z[0], z[1], z[2], z[3], kFloats, normals);
      for (int64_t k = 0; k < 4 * lanes(); k += lanes())
        hn::StoreU(
            hn::MulAdd(strength, hn::Load(kFloats, normals + k), hn::LoadU(kFloats, row + i + k)),
            kFloats, row + i + k);
    }
  }

  static void add_camera_noise(float* row, const float* noise, int64_t n, float sigma, float shot) {
    const Floats both = hn::Set(kFloats, sigma * sigma), growth = hn::Set(kFloats, shot * shot);
    Floats strength = hn::Set(kFloats, sigma);
    for (int64_t i = 0; i < n; i += lanes()) {
      const Floats value = hn::LoadU(kFloats, row + i);
      if (shot > 0) {
        const Floats light = hn::IfThenElseZero(hn::Gt(value, hn::Zero(kFloats)), value);
        strength = hn::Sqrt(hn::MulAdd(growth, light, both));
      }
      hn::StoreU(hn::MulAdd(strength, hn::LoadU(kFloats, noise + i), value), kFloats, row + i);
    }
  }

  static void blur_along(const float* in, float* out, int64_t n, const float* taps,
                         int32_t radius) {
    blur(
        n, taps, radius, out, [=](int64_t) { return in; },
        [=](int64_t k) { return std::pair(in - 3 * k, in + 3 * k); });
  }

  static void blur_across(const float* const* rows, float* out, int64_t n, const float* taps,
                          int32_t radius) {
    const float* const* const middle = rows + radius;
    blur(
        n, taps, radius, out, [=](int64_t) { return middle[0]; },
        [=](int64_t k) { return std::pair(middle[-k], middle[k]); });
  }

  static void scale(float* row, int64_t n, const float* gain) {
    HWY_ALIGN float pattern[16 + 2];
    for (int i = 0; i < 18; i++) pattern[i] = gain[i % 3];
    for (int64_t i = 0, phase = 0; i < n; i += lanes(), phase = (phase + lanes()) % 3)
      hn::StoreU(hn::Mul(hn::LoadU(kFloats, row + i), hn::LoadU(kFloats, pattern + phase)), kFloats,
                 row + i);
  }

  static void finish(const float* in, float* out, int64_t n, const CorruptFlags& flags) {
    const bool clip = flags.clip, quantize = flags.quantize;
    int64_t i = 0;
    for (; i + lanes() <= n; i += lanes())
      hn::StoreU(clip_and_quantize(hn::LoadU(kFloats, in + i), clip, quantize), kFloats, out + i);
    if (i == n) return;
    HWY_ALIGN float last[16];
    hn::Store(clip_and_quantize(hn::LoadU(kFloats, in + i), clip, quantize), kFloats, last);
    std::memcpy(out + i, last, static_cast<size_t>(n - i) * sizeof(float));
  }

 private:
  // Four vectors at a time share the loads of a weight and hide the latency of fma.
  template <class Middle, class Sides>
  static HWY_INLINE void blur(int64_t n, const float* taps, int32_t radius, float* out,
                              const Middle& middle, const Sides& sides) {
    const int64_t l = lanes();
    for (int64_t i = 0; i < n; i += 4 * l) {
      const float* const m = middle(0) + i;
      const Floats weight0 = hn::Set(kFloats, taps[0]);
      Floats sum0 = hn::Mul(weight0, hn::LoadU(kFloats, m));
      Floats sum1 = hn::Mul(weight0, hn::LoadU(kFloats, m + l));
      Floats sum2 = hn::Mul(weight0, hn::LoadU(kFloats, m + 2 * l));
      Floats sum3 = hn::Mul(weight0, hn::LoadU(kFloats, m + 3 * l));
      for (int64_t k = 1; k <= radius; k++) {
        const Floats weight = hn::Set(kFloats, taps[k]);
        const auto [before, after] = sides(k);
        const float *const b = before + i, *const a = after + i;
        const auto both = [=](int64_t at) {
          return hn::Add(hn::LoadU(kFloats, b + at), hn::LoadU(kFloats, a + at));
        };
        sum0 = hn::MulAdd(weight, both(0), sum0);
        sum1 = hn::MulAdd(weight, both(l), sum1);
        sum2 = hn::MulAdd(weight, both(2 * l), sum2);
        sum3 = hn::MulAdd(weight, both(3 * l), sum3);
      }
      hn::StoreU(sum0, kFloats, out + i);
      hn::StoreU(sum1, kFloats, out + i + l);
      hn::StoreU(sum2, kFloats, out + i + 2 * l);
      hn::StoreU(sum3, kFloats, out + i + 3 * l);
    }
  }
};

#else
using VectorRows = ScalarRows;
#endif

void corrupt_band_here(const Band& band) {
  run_band<VectorRows>(band);
}

}  // namespace HWY_NAMESPACE
}  // namespace dae
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dae {

HWY_EXPORT(corrupt_band_here);

void corrupt_band(const Band& band) {
  HWY_DYNAMIC_DISPATCH(corrupt_band_here)(band);
}

void corrupt_band_scalar(const Band& band) {
  run_band<ScalarRows>(band);
}

int64_t band_scratch_count(int64_t width, int32_t max_radius) {
  const int64_t row = round_up_row(3 * width);
  const int64_t padded = row + 6 * max_radius, bytes = row / 4;
  const int64_t grain = 4 * row + row + 6;
  return round_up_row((2 * max_radius + 1) * row + row + padded + bytes + grain);
}

}  // namespace dae
#endif
