// Losses and ranges as they stand in options and in configurations: what is read says in words what it is.
#include "corrupt/spec.h"
#include "model/loss_spec.h"
#include "tests/fuzz/all.h"

namespace dae::fuzz {

void loss(View input) {
  const LossSpec read = parse_loss(std::string(text_of(input)));
  check(read, 64);
  expect(parse_loss(to_string(read)) == read, "a loss changes on its way through words");
}
std::vector<Bytes> loss_seeds() {
  return {bytes_of("mse"), bytes_of("mse+0.1*ssim"), bytes_of("1e-3*dct + 2*perceptual+l1"),
          bytes_of("ms_ssim")};
}

// The first line is the order, the others are the ranges.
void ranges(View input) {
  CorruptSpec spec;
  std::string_view rest = text_of(input);
  const auto line = [&] {
    const std::string_view text = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), text.size() + 1));
    return text;
  };
  spec.order = parse_order(line());
  for (const RangeField& field : range_fields())
    spec.*field.range = parse_range(field.name, line());
  validate(spec);
  for (const RangeField& field : range_fields()) {
    const Range& range = spec.*field.range;
    expect(parse_range(field.name, to_string(range)) == range, "a range changes on its way");
    expect(!range.present || (range.low >= field.least && range.high <= field.most),
           "a range beyond its limits");
  }
}
std::vector<Bytes> ranges_seeds() {
  return {bytes_of("classic\n0:50\n0.2:1.5@0.5\n0.5:1.5\n1\noff\noff\noff\n20:90@0.3"),
          bytes_of("camera\n0:50\noff\n1\n1\n0:30\n0:2\n0:1\noff")};
}

}  // namespace dae::fuzz
