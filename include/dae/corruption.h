// Corrupted pictures: Gaussian noise, blur, and random factors of brightness and colour, as
// training sees them. What is drawn for a picture depends on seed, step and its place in the batch,
// and on nothing else: the same three give the same bits again, on the CPU and on a GPU, however
// batches are split.
#pragma once

#include <cstdint>
#include <memory>

namespace dae {

// A parameter is drawn uniformly from [low, high]; low == high fixes it. A range that is not
// present leaves its corruption out, as noise and blur of 0 and factors of 1 do; what is drawn for
// the others stays what it is. Of all pictures it is left out of those that are beyond its share.
struct Range {
  float low = 0, high = 0;
  bool present = true;
  float share = 1;  // above 0, at most 1

  bool operator==(const Range&) const = default;
};

// The order in which the corruptions are applied, before clipping and quantising.
enum class Order {
  classic,  // noise, blur, brightness, channel gains: as most training pipelines have it
  camera    // blur, brightness, channel gains, noise: as light meets lens, exposure and sensor
};

struct CorruptSpec {
  Range noise{0, 50};            // standard deviation of the added noise, in units of 1/255
  Range blur{0.2f, 1.5f};        // standard deviation of the Gaussian blur, in pixels
  Range brightness{0.7f, 1.3f};  // one factor for the whole image
  Range channel{0.85f, 1.15f};   // one factor for each of red, green and blue
  // Of a camera's noise, which order camera alone has: light's own share, a standard deviation that
  // grows with the root of the value and is this at white, in units of 1/255; and how coarse the noise
  // is, as after demosaicing: it is smoothed by this many pixels, and no weaker for it.
  Range shot{0, 0, false};
  Range grain{0, 0, false};
  // And how alike the channels' noise is: its correlation. 1: that of a grey picture, the same in all.
  Range common{0, 0, false};
  // The quality, from 1 to 100, of the JPEG file that the corrupted picture was: all that its rounding
  // leaves, clipped and in 8 bits, colours at full resolution. It comes last.
  Range jpeg{0, 0, false};
  Order order = Order::classic;
  bool clip = true;      // to [0, 1], last
  bool quantize = true;  // to the nearest k/255 (ties to even), as a file would. Without clip, k is
                         // not held to 0..255: the grid simply goes on in both directions.

  bool operator==(const CorruptSpec&) const = default;
};

inline constexpr float kMaxNoise = 255;  // of CorruptSpec::noise and shot
inline constexpr float kMaxGrain = 1;    // of CorruptSpec::grain
inline constexpr float kMaxBlur = 4;     // of CorruptSpec::blur
inline constexpr float kMaxFactor = 4;   // of CorruptSpec::brightness and channel

// Which draws: picture i of a batch is picture number `first + i` of step `step` of the run `seed`.
struct Replay {
  uint64_t seed = 1;
  int64_t step = 0;   // below 2^28
  int64_t first = 0;  // first + batch at most 2^32
};

// Not for two threads at once.
class Corruption {
 public:
  // Throws FieldError when a range is not finite, runs backwards, or lies outside its limits.
  explicit Corruption(const CorruptSpec& spec = {});
  ~Corruption();
  Corruption(Corruption&&) noexcept;
  Corruption& operator=(Corruption&&) noexcept;

  // pictures   u8  {batch, height, width, 3}  RGB, host memory
  // corrupted  f32 {batch, height, width, 3}  written, nominally in [0, 1], host memory
  // Throws FieldError when a size or a number of `replay` is out of range.
  void apply(const uint8_t* pictures, int64_t batch, int64_t height, int64_t width,
             float* corrupted, const Replay& replay);

  // The same in device memory, enqueued on the caller's stream (a cudaStream_t) after what it has.
  // Returns before it has run; the next call first waits for all that the stream had until then.
  // The first call, and a later one for a larger batch than any before it, allocate memory and wait
  // for the whole GPU, which is device 0. Throws Error when there is no GPU.
  void apply_on_gpu(const uint8_t* pictures, int64_t batch, int64_t height, int64_t width,
                    float* corrupted, const Replay& replay, void* stream);

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace dae
