// What a corruption may draw from: the options --noise, --blur, --brightness, --channel, --order,
// --clip and --quantize of every program.
#pragma once

#include <string>
#include <string_view>

namespace dae {

// A parameter is drawn uniformly from [low, high]; low == high fixes it. A range that is not
// present leaves its corruption out.
struct Range {
  float low = 0, high = 0;
  bool present = true;

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
  Order order = Order::classic;
  bool clip = true;      // to [0, 1], last
  bool quantize = true;  // to the nearest k/255 (ties to even), as a file would. Without clip, k is
                         // not held to 0..255: the grid simply goes on in both directions.

  bool operator==(const CorruptSpec&) const = default;
};

inline constexpr float kMaxNoise = 255;  // --noise, in units of 1/255
inline constexpr float kMaxBlur = 4;     // --blur, in pixels; ceil(3 * 4) taps a side (draw.h)
inline constexpr float kMaxFactor = 4;   // --brightness, --channel

// Reads "a:b", "a" (the same as a:a) or "off". `option` ("--noise") is named in the UsageError that
// anything else ends in. Checks the form only; validate() checks what the numbers mean.
Range parse_range(std::string_view option, std::string_view text);

// The text parse_range() reads back to the same range: "0:50" or "off".
std::string to_string(const Range& range);

// "classic" or "camera"; anything else is a UsageError naming --order.
Order parse_order(std::string_view text);
const char* name_of(Order order);

// Throws UsageError naming the option when a present range is not finite, runs backwards, or lies
// outside [0, its maximum above].
void validate(const CorruptSpec& spec);

}  // namespace dae
