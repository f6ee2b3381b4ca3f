// Ranges as text, and which of them are taken: every limit, and every refusal by its whole
// sentence.
#include "corrupt/spec.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/error.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

TEST(CorruptSpec, ReadsRanges) {
  EXPECT_EQ(parse_range("noise", "0:50"), (Range{0, 50, true}));
  EXPECT_EQ(parse_range("noise", "25"), (Range{25, 25, true}));
  EXPECT_FALSE(parse_range("noise", "off").present);
  EXPECT_EQ(parse_range("blur", to_string(Range{0.2f, 1.5f})), (Range{0.2f, 1.5f, true}));
  EXPECT_EQ(parse_range("noise", "0:50@0.25"), (Range{0, 50, true, 0.25f}));
  EXPECT_EQ(parse_range("noise", "25@1"), (Range{25, 25, true}));
  EXPECT_EQ(to_string(Range{0, 50, true, 0.25f}), "0:50@0.25");
  EXPECT_EQ(to_string(Range{0, 50, true}), "0:50");
  EXPECT_EQ(to_string(Range{0, 50, false}), "off");
  for (const char* bad : {"", "a", "1:", ":1", "1:2:3", "1 2", "0x", "1:2 ", "@0.5", "1:2@",
                          "1:2@a", "1:2@0.5@0.5", "off@0.5", "1@2:3"})
    EXPECT_EQ(said<FieldError>([&] { parse_range("noise", bad); }),
              std::string("noise ") + bad +
                  ": expected a range such as 0.5:1.5, one number, or off; 0.5:1.5@0.3 is for "
                  "three pictures of ten");
}

TEST(CorruptSpec, ReadsOrders) {
  for (const Order order : {Order::classic, Order::camera})
    EXPECT_EQ(parse_order(name_of(order)), order);
  EXPECT_STREQ(name_of(Order::camera), "camera");
  EXPECT_EQ(said<FieldError>([] { parse_order("Camera"); }),
            "order Camera: expected classic or camera");
}

// As dae/corruption.h has them; what is below and above is next to them, and written exactly.
struct Limits {
  std::string name, least, most, below, above;
};
const Limits kLimits[] = {
    {"noise", "0", "255", "-0.25", "255.25"},  {"blur", "0", "4", "-0.25", "4.25"},
    {"brightness", "0", "4", "-0.25", "4.25"}, {"channel", "0", "4", "-0.25", "4.25"},
    {"shot", "0", "255", "-0.25", "255.25"},   {"grain", "0", "1", "-0.25", "1.25"},
    {"common", "0", "1", "-0.25", "1.25"},     {"jpeg", "1", "100", "0.75", "100.25"}};

TEST(CorruptSpec, EveryRangeHasItsLimits) {
  const std::span<const RangeField> fields = range_fields();
  ASSERT_EQ(fields.size(), std::size(kLimits));
  for (size_t i = 0; i < fields.size(); i++) {
    const auto& [name, least, most, below, above] = kLimits[i];
    EXPECT_EQ(fields[i].name, name);
    const auto said_of = [&](const std::string& text) {
      CorruptSpec spec{.order = Order::camera};
      spec.*fields[i].range = parse_range(name, text);
      return said<FieldError>([&] { validate(spec); });
    };
    const std::string must = ": values must lie between " + least + " and " + most;
    for (const std::string& within : {least, most, least + ":" + most})
      EXPECT_EQ(said_of(within), "accepted") << name << ' ' << within;
    for (const std::string& beyond : {below + ":" + most, least + ":" + above})
      EXPECT_EQ(said_of(beyond), name + " " + beyond + must);
  }
}

TEST(CorruptSpec, RefusesRangesThatMakeNoSense) {
  using Spec = CorruptSpec;
  const auto said_of = [](RangeField::Member member, const Range& range) {
    Spec spec;
    spec.*member = range;
    return said<FieldError>([&] { validate(spec); });
  };
  const float nan = std::nanf("");
  const std::string finite = ": both ends must be finite numbers",
                    share = ": the share of pictures after @ must lie above 0 and not above 1",
                    camera = ": it is for the order camera";
  EXPECT_EQ(said_of(&Spec::brightness, {nan, 1}), "brightness nan:1" + finite);
  EXPECT_EQ(said_of(&Spec::channel, {0.5f, INFINITY}), "channel 0.5:inf" + finite);
  EXPECT_EQ(said_of(&Spec::noise, {5, 1}),
            "noise 5:1: the range runs backwards; give the smaller value first");
  EXPECT_EQ(said_of(&Spec::noise, {5, 5}), "accepted");
  EXPECT_EQ(said_of(&Spec::blur, {0, 99}), "blur 0:99: values must lie between 0 and 4");
  EXPECT_EQ(said_of(&Spec::blur, {0, 1, true, 0}), "blur 0:1@0" + share);
  EXPECT_EQ(said_of(&Spec::blur, {0, 1, true, 1.5f}), "blur 0:1@1.5" + share);
  EXPECT_EQ(said_of(&Spec::blur, {0, 1, true, nan}), "blur 0:1@nan" + share);
  EXPECT_EQ(said_of(&Spec::blur, {0, 1, true, 1e-6f}), "accepted");
  EXPECT_EQ(said_of(&Spec::shot, {1, 2}), "shot 1:2" + camera);
  EXPECT_EQ(said_of(&Spec::grain, {0, 1}), "grain 0:1" + camera);
  EXPECT_EQ(said_of(&Spec::common, {0, 1}), "common 0:1" + camera);
  EXPECT_EQ(said_of(&Spec::jpeg, {1, 100}), "accepted");
  for (const RangeField& field : range_fields())
    EXPECT_EQ(said_of(field.range, {5, nan, false, 7}), "accepted") << "there is none";
}

}  // namespace
}  // namespace dae::test
