#include "quality/ciede2000.h"

#include <gtest/gtest.h>

#include "tests/support/quality_pairs.h"

namespace dae::test {
namespace {

struct Published {
  Lab x, y;
  double difference;
};

// Table 1 of Sharma, Wu & Dalal (2005), printed to four decimals. Its pairs sit on the formula's
// discontinuities: hues across 0 and 360 degrees, means of opposite hues, colours without chroma.
const Published kTable1[] = {
    {{50, 2.6772, -79.7751}, {50, 0, -82.7485}, 2.0425},
    {{50, 3.1571, -77.2803}, {50, 0, -82.7485}, 2.8615},
    {{50, 2.8361, -74.0200}, {50, 0, -82.7485}, 3.4412},
    {{50, -1.3802, -84.2814}, {50, 0, -82.7485}, 1.0000},
    {{50, -1.1848, -84.8006}, {50, 0, -82.7485}, 1.0000},
    {{50, -0.9009, -85.5211}, {50, 0, -82.7485}, 1.0000},
    {{50, 0, 0}, {50, -1, 2}, 2.3669},
    {{50, -1, 2}, {50, 0, 0}, 2.3669},
    {{50, 2.4900, -0.0010}, {50, -2.4900, 0.0009}, 7.1792},
    {{50, 2.4900, -0.0010}, {50, -2.4900, 0.0010}, 7.1792},
    {{50, 2.4900, -0.0010}, {50, -2.4900, 0.0011}, 7.2195},
    {{50, 2.4900, -0.0010}, {50, -2.4900, 0.0012}, 7.2195},
    {{50, -0.0010, 2.4900}, {50, 0.0009, -2.4900}, 4.8045},
    {{50, -0.0010, 2.4900}, {50, 0.0010, -2.4900}, 4.8045},
    {{50, -0.0010, 2.4900}, {50, 0.0011, -2.4900}, 4.7461},
    {{50, 2.5, 0}, {50, 0, -2.5}, 4.3065},
    {{50, 2.5, 0}, {73, 25, -18}, 27.1492},
    {{50, 2.5, 0}, {61, -5, 29}, 22.8977},
    {{50, 2.5, 0}, {56, -27, -3}, 31.9030},
    {{50, 2.5, 0}, {58, 24, 15}, 19.4535},
    {{50, 2.5, 0}, {50, 3.1736, 0.5854}, 1.0000},
    {{50, 2.5, 0}, {50, 3.2972, 0}, 1.0000},
    {{50, 2.5, 0}, {50, 1.8634, 0.5757}, 1.0000},
    {{50, 2.5, 0}, {50, 3.2592, 0.3350}, 1.0000},
    {{60.2574, -34.0099, 36.2677}, {60.4626, -34.1751, 39.4387}, 1.2644},
    {{63.0109, -31.0961, -5.8663}, {62.8187, -29.7946, -4.0864}, 1.2630},
    {{61.2901, 3.7196, -5.3901}, {61.4292, 2.2480, -4.9620}, 1.8731},
    {{35.0831, -44.1164, 3.7933}, {35.0232, -40.0716, 1.5901}, 1.8645},
    {{22.7233, 20.0904, -46.6940}, {23.0331, 14.9730, -42.5619}, 2.0373},
    {{36.4612, 47.8580, 18.3852}, {36.2715, 50.5065, 21.2231}, 1.4146},
    {{90.8027, -2.0831, 1.4410}, {91.1528, -1.6435, 0.0447}, 1.4441},
    {{90.9257, -0.5406, -0.9208}, {88.6381, -0.8985, -0.7239}, 1.5381},
    {{6.7747, -0.2908, -2.4247}, {5.8714, -0.0985, -2.2286}, 0.6377},
    {{2.0776, 0.0795, -1.1350}, {0.9033, -0.0636, -0.5514}, 0.9082},
};

TEST(Ciede2000, GivesThePublishedDifferences) {
  static_assert(std::size(kTable1) == 34);
  for (size_t i = 0; i < std::size(kTable1); i++) {
    const auto& [x, y, difference] = kTable1[i];
    EXPECT_NEAR(ciede2000(x, y), difference, 0.5001e-4) << "pair " << i + 1;
    EXPECT_NEAR(ciede2000(y, x), difference, 0.5001e-4) << "pair " << i + 1 << " swapped";
    EXPECT_EQ(ciede2000(x, x), 0) << "pair " << i + 1;
  }
}

// To more digits than the table has, which cannot tell on which side of 0 degrees a mean hue lies.
TEST(Ciede2000, AgreesWithScikitImage) {
  const auto colours = quality_fixture("srgb_to_lab");
  const auto lab_of = [&](size_t i) {
    const std::vector<double> lab = colours.at(i % colours.size()).at("lab");
    return Lab{lab[0], lab[1], lab[2]};
  };
  for (size_t i = 0; i < colours.size(); i++)
    EXPECT_NEAR(ciede2000(lab_of(i), lab_of(i + 1)), colours[i].at("ciede2000_to_next"), 1e-10)
        << "from colour " << i;
}

TEST(Ciede2000, LabAgreesWithScikitImage) {
  for (const auto& colour : quality_fixture("srgb_to_lab")) {
    const std::vector<double> rgb = colour.at("rgb"), want = colour.at("lab");
    const Lab lab = srgb_to_lab(rgb[0] / 255, rgb[1] / 255, rgb[2] / 255);
    // scikit-image writes the curve's constants to four digits (7.787, 0.008856).
    EXPECT_NEAR(lab.l, want[0], 1e-3) << colour;
    EXPECT_NEAR(lab.a, want[1], 1e-3) << colour;
    EXPECT_NEAR(lab.b, want[2], 1e-3) << colour;
  }
}

TEST(Ciede2000, OfMeanColoursAgreesWithScikitImage) {
  for (const auto& pair : quality_fixture("pairs")) {
    const Picture clean = picture_of(pair, "clean"), other = picture_of(pair, "other");
    EXPECT_NEAR(aggregate_ciede2000(clean.view(), other.view()), pair.at("ciede2000"), 1e-3)
        << pair.at("name");
  }
}

TEST(Ciede2000, OfMeanColoursIsBlindToWherePixelsAre) {
  const Picture a = make_picture(4, 4, texture);
  const Picture b = make_picture(4, 4, [](int64_t i, int64_t c) { return texture(15 - i, c); });
  EXPECT_NEAR(aggregate_ciede2000(a.view(), b.view()), 0, 1e-9);
}

}  // namespace
}  // namespace dae::test
