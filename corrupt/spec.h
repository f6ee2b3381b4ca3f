// What a corruption may draw from (dae/corruption.h), as text and checked.
#pragma once

#include <dae/corruption.h>

#include <span>
#include <string>
#include <string_view>

namespace dae {

// A range by its name: as a field, an option without its dashes, and a key of config.json.
struct RangeField {
  using Member = Range CorruptSpec::*;
  const char* name;
  Member range;
  float least, most;
  bool camera_alone;  // for order camera
};
std::span<const RangeField> range_fields();

// `spec` without its ranges; by default, pictures in 8 bits as they are.
CorruptSpec no_corruption(CorruptSpec spec = {});

// Reads "a:b", "a" (the same as a:a) or "off"; "a:b@0.3" is for three pictures of ten. `field` ("noise")
// is named in the FieldError that anything else ends in. Checks the form only; validate() checks what
// the numbers mean.
Range parse_range(const std::string& field, std::string_view text);

// The text parse_range() reads back to the same range: "0:50", "0:50@0.3" or "off".
std::string to_string(const Range& range);

// "classic" or "camera"; anything else is a FieldError of `order`.
Order parse_order(std::string_view text);
const char* name_of(Order order);

// Throws FieldError when a present range is not finite, runs backwards, lies outside its limits or
// belongs to the other order.
void validate(const CorruptSpec& spec);

}  // namespace dae
