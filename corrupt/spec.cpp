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

constexpr RangeField kRangeFields[] = {
    {"noise", &CorruptSpec::noise, 0, kMaxNoise, false},
    {"blur", &CorruptSpec::blur, 0, kMaxBlur, false},
    {"brightness", &CorruptSpec::brightness, 0, kMaxFactor, false},
    {"channel", &CorruptSpec::channel, 0, kMaxFactor, false},
    {"shot", &CorruptSpec::shot, 0, kMaxNoise, true},
    {"grain", &CorruptSpec::grain, 0, kMaxGrain, true},
    {"common", &CorruptSpec::common, 0, 1, true},
    {"jpeg", &CorruptSpec::jpeg, 1, 100, false}};

void validate(const RangeField& limits, const CorruptSpec& spec) {
  const char* const field = limits.name;
  const Range& range = spec.*limits.range;
  if (!range.present) return;
  if (!std::isfinite(range.low) || !std::isfinite(range.high))
    fail_field(field, "{}: both ends must be finite numbers", to_string(range));
  if (range.low > range.high)
    fail_field(field, "{}: the range runs backwards; give the smaller value first",
               to_string(range));
  if (range.low < limits.least || range.high > limits.most)
    fail_field(field, "{}: values must lie between {} and {}", to_string(range), limits.least,
               limits.most);
  if (!(range.share > 0 && range.share <= 1))
    fail_field(field, "{}: the share of pictures after @ must lie above 0 and not above 1",
               to_string(range));
  if (limits.camera_alone && spec.order != Order::camera)
    fail_field(field, "{}: it is for the order camera", to_string(range));
}

}  // namespace

Range parse_range(const std::string& field, std::string_view text) {
  if (text == "off") return {0, 0, false};
  const size_t at = text.find('@');
  const std::string_view ends = text.substr(0, at);
  const size_t colon = ends.find(':');
  const std::string_view low = ends.substr(0, colon);
  const std::string_view high = colon == ends.npos ? low : ends.substr(colon + 1);
  Range range;
  if (!parse_number(low, range.low) || !parse_number(high, range.high) ||
      (at != text.npos && !parse_number(text.substr(at + 1), range.share)))
    fail_field(field,
               "{}: expected a range such as 0.5:1.5, one number, or off; 0.5:1.5@0.3 is for three "
               "pictures of ten",
               text);
  return range;
}

std::string to_string(const Range& range) {
  if (!range.present) return "off";
  const std::string ends = fmt::format("{}:{}", range.low, range.high);
  return range.share == 1 ? ends : fmt::format("{}@{}", ends, range.share);
}

Order parse_order(std::string_view text) {
  if (text == "classic") return Order::classic;
  if (text == "camera") return Order::camera;
  fail_field("order", "{}: expected classic or camera", text);
}

const char* name_of(Order order) {
  return order == Order::classic ? "classic" : "camera";
}

std::span<const RangeField> range_fields() {
  return kRangeFields;
}

CorruptSpec no_corruption(CorruptSpec spec) {
  for (const RangeField& field : kRangeFields) spec.*field.range = {0, 0, false};
  return spec;
}

void validate(const CorruptSpec& spec) {
  for (const RangeField& field : kRangeFields) validate(field, spec);
}

}  // namespace dae
