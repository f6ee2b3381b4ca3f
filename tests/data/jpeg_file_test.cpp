// The corruption's JPEG against the library that writes such files, which computes in whole numbers:
// where it rounds a colour or a coefficient otherwise, a block of it differs; the others are the same to
// two levels, and what is between the two is little beside what either loses.
#include <gtest/gtest.h>

#include <cmath>

#include "corrupt/corrupted_view.h"
#include "data/photo.h"
#include "data/synthetic.h"

namespace dae::test {
namespace {

TEST(JpegFile, LeavesWhatTheCorruptionLeaves) {
  const Image image = draw_dead_leaves(5, 1, 93, 131);
  const Source source = source_of({image.pixels.data(), image.height, image.width});
  for (const int quality : {10, 30, 50, 75, 90, 100}) {
    CorruptSpec spec = no_corruption();
    const auto fixed = static_cast<float>(quality);
    spec.jpeg = {fixed, fixed};
    const CorruptedPicture ours =
        corrupt_picture(source, draw_evaluation(spec, 1, 0, {}), flags_of(spec));
    const Photo photo{.height = image.height, .width = image.width, .samples = image.pixels};
    const Photo theirs =
        decode_photo(encode_photo(photo, PhotoFormat::jpeg, {.quality = quality}, "a"), "a");
    ASSERT_EQ(theirs.samples.size(), image.pixels.size());
    double apart = 0, lost = 0;
    size_t near = 0;
    for (size_t i = 0; i < image.pixels.size(); i++) {
      const double difference = std::abs(ours.corrupted_pixels[i] * 255 - theirs.samples[i]);
      near += difference < 2.5;
      apart += difference * difference;
      lost += std::pow(theirs.samples[i] - image.pixels[i], 2);
    }
    const auto count = static_cast<double>(image.pixels.size());
    EXPECT_GT(static_cast<double>(near), 0.96 * count) << quality;
    EXPECT_LT(apart / count, 0.02 * lost / count + 0.5) << quality;
  }
}

}  // namespace
}  // namespace dae::test
