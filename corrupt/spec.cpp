#include "corrupt/spec.h"

#include <charconv>
#include <cmath>

#include "runtime/error.h"

namespace dae {
namespace {

// The whole of `text` as a number; false when it is anything else.
bool parse_number(std::string_view text, float& number) {
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stopped == end;
}

void validate(const std::string& field, const Range& range, float maximum) {
  if (!range.present) return;
  if (!std::isfinite(range.low) || !std::isfinite(range.high))
    fail_field(field, "{}: both ends must be finite numbers", to_string(range));
  if (range.low > range.high)
    fail_field(field, "{}: the range runs backwards; give the smaller value first",
               to_string(range));
  if (range.low < 0 || range.high > maximum)
    fail_field(field, "{}: values must lie between 0 and {}", to_string(range), maximum);
}

}  // namespace

Range parse_range(const std::string& field, std::string_view text) {
  if (text == "off") return {0, 0, false};
  const size_t colon = text.find(':');
  const std::string_view low = text.substr(0, colon);
  const std::string_view high = colon == text.npos ? low : text.substr(colon + 1);
  Range range;
  if (!parse_number(low, range.low) || !parse_number(high, range.high))
    fail_field(field, "{}: expected a range such as 0.5:1.5, one number, or off", text);
  return range;
}

std::string to_string(const Range& range) {
  return range.present ? fmt::format("{}:{}", range.low, range.high) : "off";
}

Order parse_order(std::string_view text) {
  if (text == "classic") return Order::classic;
  if (text == "camera") return Order::camera;
  fail_field("order", "{}: expected classic or camera", text);
}

const char* name_of(Order order) {
  return order == Order::classic ? "classic" : "camera";
}

void validate(const CorruptSpec& spec) {
  validate("noise", spec.noise, kMaxNoise);
  validate("shot", spec.shot, kMaxNoise);
  validate("grain", spec.grain, kMaxGrain);
  validate("common", spec.common, 1);
  for (const auto& [field, range] :
       {std::pair("shot", &spec.shot), {"grain", &spec.grain}, {"common", &spec.common}})
    if (range->present && spec.order != Order::camera)
      fail_field(field, "{}: it is for the order camera", to_string(*range));
  validate("blur", spec.blur, kMaxBlur);
  validate("brightness", spec.brightness, kMaxFactor);
  validate("channel", spec.channel, kMaxFactor);
}

}  // namespace dae
