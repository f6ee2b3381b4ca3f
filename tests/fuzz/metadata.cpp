// What a picture tells beside its pixels.
#include "tools/metadata.h"

#include "data/image.h"
#include "data/orientation.h"
#include "data/photo.h"
#include "tests/fuzz/all.h"

namespace dae::fuzz {

// Carried into a picture of each format that is written.
void metadata(View input) {
  static const std::vector<Bytes> made = [] {
    const Photo photo = {.height = 2, .width = 2, .samples = Bytes(12, 100)};
    std::vector<Bytes> files;
    for (const PhotoFormat format :
         {PhotoFormat::png, PhotoFormat::jpeg, PhotoFormat::tiff, PhotoFormat::webp})
      files.push_back(encode_photo(photo, format, {}, "made"));
    return files;
  }();
  made_here(input);
  for (const Bytes& file : made) {
    std::string problem;
    const Bytes with = with_metadata(file, input, problem);
    decode_photo(with, "made");
    expect(with == file || made_here(with), "a picture that is not signed");
  }
}
std::vector<Bytes> metadata_seeds() {
  std::vector<Bytes> seeds =
      fixtures({"orientation_6.jpg", "baseline.jpg", "photos/grey8.tif", "turned.tif", "turned.png",
                "turned.webp", "told.jpg", "told.png", "told.tif", "told.webp", "profile.png"});
  return seeds;
}

// The first byte chooses between a JPEG and a block.
void orientation(View input) {
  if (input.empty()) return;
  const View rest = input.subspan(1);
  const int found = input[0] % 2 ? exif_orientation(rest) : exif_block_orientation(rest);
  expect(found >= 1 && found <= 8, "an orientation that there is not");
  const Photo photo = {.height = 2, .width = 3, .channels = 1, .samples = Bytes(6)};
  expect(upright(photo, found).bytes() == 6, "turned to another size");
}
std::vector<Bytes> orientation_seeds() {
  std::vector<Bytes> seeds;
  for (Bytes jpeg : fixtures({"orientation_6.jpg", "told.jpg"})) {
    jpeg.insert(jpeg.begin(), 1);
    seeds.push_back(std::move(jpeg));
  }
  // Big-endian, one entry: Orientation (0x112), one SHORT, 6.
  const char block[] = "\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0\0\0\0\0\0";
  seeds.push_back(bytes_of({block, sizeof(block) - 1}));
  return seeds;
}

}  // namespace dae::fuzz
