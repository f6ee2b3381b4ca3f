// What datasets are read from beside pictures: CIFAR-10's files, archives, and the cache of decoded
// pictures.
#include <algorithm>
#include <cstring>

#include "data/dataset.h"
#include "data/files.h"
#include "data/hash.h"
#include "tests/fuzz/all.h"

namespace dae::fuzz {

namespace fs = std::filesystem;

namespace {

// As training opens them.
void open(const fs::path& path) {
  const Dataset dataset = open_dataset(path.string());
  const Split split = hold_out(dataset, 0.1);
  without_copies(dataset, split.train, {});
  describe_skipped(dataset, path.string());
  uint64_t sum = 0;
  for (int64_t i = 0; i < dataset.size(); i++)
    for (int64_t k = 0; k < dataset[i].view.count(); k++) sum += dataset[i].view.data[k];
  expect(sum < ~uint64_t{0}, "a sum");  // every pixel is read
}

fs::path folder_of(const char* name) {
  const fs::path path = folder() / name;
  fs::create_directories(path);
  return path;
}

// A folder of two pictures, and its cache as it was packed.
struct Packed {
  fs::path pictures = folder_of("pictures"), file;
  Bytes bytes;

  Packed() {
    write("pictures/a.ppm", bytes_of("P6 2 1 255\nabcdef"));
    write("pictures/b.ppm", bytes_of("P6 1 2 255\nuvwxyz"));
    write("pictures/c.ppm", bytes_of("P6 1 2 255\nu"));
    for (const fs::path& old : files_below(folder_of("cache")).files) fs::remove(old);
    open(pictures);
    file = files_below(folder_of("cache")).files.at(0);
    bytes = read(file);
  }
};

const Packed& packed() {
  static const Packed once;
  return once;
}

}  // namespace

void cifar(View input) {
  const fs::path at = folder_of("cifar");
  write("cifar/data_batch_1.bin", input);
  for (const fs::path& old : files_below(folder_of("cache")).files) fs::remove(old);
  open(at);
}
std::vector<Bytes> cifar_seeds() {
  Bytes two(2 * 3073);
  for (size_t i = 0; i < two.size(); i++) two[i] = static_cast<uint8_t>(i * i % 251);
  return {two, Bytes(two.begin(), two.begin() + 3073)};
}

// With the checksum of every block right where it could be a header's.
void archive(View input) {
  Bytes bytes(input.begin(), input.end());
  for (size_t at = 0; at + 512 <= bytes.size(); at += 512) {
    uint8_t* const header = &bytes[at];
    if (std::memcmp(header + 257, "ustar", 5) != 0) continue;
    std::memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < 512; i++) sum += header[i];
    for (int digit = 5; digit >= 0; digit--, sum /= 8)
      header[148 + digit] = static_cast<uint8_t>('0' + sum % 8);
  }
  const fs::path at = folder_of("archive");
  write("archive/shard.tar", bytes);
  for (const fs::path& old : files_below(folder_of("cache")).files) fs::remove(old);
  open(at);
}
std::vector<Bytes> archive_seeds() {
  return fixtures({".tar"});
}

// With the end of the file right where it says what the file is: of this format, of these pictures, with a
// hash of its index.
void cache(View input) {
  // Bytes of pixels, pictures, bytes of names and of what was skipped; hash of the index, of the thumbnails;
  // fingerprint, magic.
  constexpr size_t kNumber = 8, kEnd = 8 * kNumber, kThumbnail = 256, kRecord = 40;
  Bytes bytes(input.begin(), input.end());
  if (bytes.size() >= kEnd) {
    const size_t body = bytes.size() - kEnd;
    uint8_t* const end = bytes.data() + body;
    std::memcpy(end + 6 * kNumber, packed().bytes.data() + packed().bytes.size() - 2 * kNumber,
                2 * kNumber);
    uint64_t numbers[4];
    std::memcpy(numbers, end, sizeof(numbers));
    const uint64_t pixels =
        numbers[0] % (body + 1);  // what is left is pictures and what was skipped
    const uint64_t count = std::min(numbers[1], (body - pixels) / (kThumbnail + kRecord));
    const uint64_t left = body - pixels - count * (kThumbnail + kRecord);
    const uint64_t names = std::min(numbers[2], left);
    const uint64_t made[4] = {pixels, count, names, left - names};
    std::memcpy(end, made, sizeof(made));
    Hash thumbnails, index;
    thumbnails.add(bytes.data() + pixels, count * kThumbnail);
    for (const uint64_t number : made) index.add_number(number);
    index.add(bytes.data() + pixels + count * kThumbnail, body - pixels - count * kThumbnail);
    const uint64_t hashes[2] = {index.value(), thumbnails.value()};
    std::memcpy(end + 4 * kNumber, hashes, sizeof(hashes));
  }
  write(packed().file.lexically_relative(folder()).c_str(), bytes);
  open(packed().pictures);
}
std::vector<Bytes> cache_seeds() {
  Bytes nested(200'000, 0x91);  // an index of arrays of one, to a depth that no stack has
  nested.resize(nested.size() + 64);
  return {packed().bytes, nested};
}

}  // namespace dae::fuzz
