#include "data/pack.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>

#include "data/hash.h"
#include "data/part_pictures.h"
#include "data/text.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace dae {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr size_t kDecodeBatch = 64;  // images in memory at once
constexpr char kMagic[8] = {'d', 'a', 'e', 'p', 'a', 'c', 'k', '5'};
constexpr uint64_t kThumbnail = sizeof(Likeness::thumbnail);

struct Record {
  uint64_t offset, content,
      name;  // of the pixels; their hash; where its name begins among the names
  uint32_t height, width, name_bytes, unused = 0;
};

struct Trailer {  // the last bytes
  uint64_t pixel_bytes, count, names_bytes, skipped_bytes;
  uint64_t index_hash;  // of records, names, what was skipped, and the four numbers before
  uint64_t thumbnails_hash, fingerprint;
  char magic[8];
};

uint64_t index_hash(const Trailer& trailer, std::span<const uint8_t> index) {
  Hash hash;
  for (const uint64_t number :
       {trailer.pixel_bytes, trailer.count, trailer.names_bytes, trailer.skipped_bytes})
    hash.add_number(number);
  hash.add(index.data(), index.size());
  return hash.value();
}

uint64_t hash_of(std::span<const uint8_t> bytes) {
  Hash hash;
  hash.add(bytes.data(), bytes.size());
  return hash.value();
}

template <class T>
T object_at(std::span<const uint8_t> bytes, uint64_t offset) {
  T object;
  std::memcpy(&object, bytes.subspan(offset, sizeof(T)).data(), sizeof(T));
  return object;
}

uint64_t record_place(uint64_t pixel_bytes, int64_t count, int64_t i) {
  return pixel_bytes + static_cast<uint64_t>(count) * kThumbnail +
         static_cast<uint64_t>(i) * sizeof(Record);
}

bool is_within(const Record& record, uint64_t pixel_bytes, uint64_t names_bytes) {
  if (record.height < 1 || record.width < 1 || record.height > INT32_MAX ||
      record.width > INT32_MAX)
    return false;
  const uint64_t pixels = uint64_t{record.height} * record.width;
  if (record.offset > pixel_bytes || pixels > (pixel_bytes - record.offset) / 3) return false;
  return record.name <= names_bytes && record.name_bytes <= names_bytes - record.name;
}

void append_all(const Append& append, std::span<const uint8_t> bytes) {
  append(bytes.data(), bytes.size());
}

std::span<const uint8_t> bytes_of(const std::vector<Record>& records) {
  return {reinterpret_cast<const uint8_t*>(records.data()), records.size() * sizeof(Record)};
}

// What follows the pixels.
struct Index {
  std::vector<uint8_t> thumbnails;
  std::vector<Record> records;
  std::vector<uint8_t> names;
  json skipped = json::array();  // {name, reason, whether another time it may be read}

  void add(const std::string& name, const Image& image, uint64_t offset) {
    const Likeness likeness = likeness_of(image.view());
    thumbnails.insert(thumbnails.end(), likeness.thumbnail.begin(), likeness.thumbnail.end());
    records.push_back({offset, likeness.content, names.size(), static_cast<uint32_t>(image.height),
                       static_cast<uint32_t>(image.width), static_cast<uint32_t>(name.size())});
    names.insert(names.end(), name.begin(), name.end());
  }

  void append_to(const Append& append, uint64_t pixel_bytes, uint64_t fingerprint) const {
    // Names need not be UTF-8, and must survive as they are.
    const std::vector<uint8_t> left_out = json::to_msgpack(skipped);
    Trailer trailer{.pixel_bytes = pixel_bytes,
                    .count = records.size(),
                    .names_bytes = names.size(),
                    .skipped_bytes = left_out.size(),
                    .index_hash = 0,
                    .thumbnails_hash = hash_of(thumbnails),
                    .fingerprint = fingerprint,
                    .magic = {}};
    std::memcpy(trailer.magic, kMagic, sizeof(kMagic));
    std::vector<uint8_t> index;
    for (const std::span<const uint8_t> part :
         {bytes_of(records), std::span<const uint8_t>(names), std::span<const uint8_t>(left_out)})
      index.insert(index.end(), part.begin(), part.end());
    trailer.index_hash = index_hash(trailer, index);
    append_all(append, thumbnails);
    append_all(append, index);
    append(&trailer, sizeof(trailer));
  }
};

}  // namespace

std::optional<Pack> Pack::open(const fs::path& path, const DatasetPart& part) {
  try {
    Pack pack;
    pack.path_ = path;
    pack.file_ = MappedFile(path);
    if (!pack.file_.is_own()) return {};
    std::span<const uint8_t> bytes = pack.file_.bytes();
    if (bytes.size() < sizeof(Trailer)) return {};
    const auto trailer = object_at<Trailer>(bytes, bytes.size() - sizeof(Trailer));
    bytes = bytes.first(bytes.size() - sizeof(Trailer));
    if (std::memcmp(trailer.magic, kMagic, sizeof(kMagic)) != 0 ||
        trailer.fingerprint != part.fingerprint)
      return {};
    uint64_t left = bytes.size();
    for (const uint64_t section :
         {trailer.pixel_bytes, trailer.names_bytes, trailer.skipped_bytes}) {
      if (section > left) return {};
      left -= section;
    }
    if (left % (kThumbnail + sizeof(Record)) != 0 ||
        trailer.count != left / (kThumbnail + sizeof(Record)))
      return {};
    pack.count_ = static_cast<int64_t>(trailer.count);
    pack.pixel_bytes_ = trailer.pixel_bytes;
    pack.thumbnails_hash_ = trailer.thumbnails_hash;
    const uint64_t index = record_place(trailer.pixel_bytes, pack.count_, 0);
    if (index_hash(trailer, bytes.subspan(index)) != trailer.index_hash) return {};
    pack.names_ = record_place(trailer.pixel_bytes, pack.count_, pack.count_);
    for (int64_t i = 0; i < pack.count_; i++)
      if (!is_within(object_at<Record>(bytes, record_place(trailer.pixel_bytes, pack.count_, i)),
                     trailer.pixel_bytes, trailer.names_bytes))
        return {};
    const json skipped = json_from_msgpack(bytes.last(trailer.skipped_bytes));
    for (const json& one : skipped) {
      pack.skipped_.push_back({one.at(0), one.at(1)});
      if (one.at(2).get<bool>() && can_be_read(pack.skipped_.back().name, part)) return {};
    }
    return pack;
  } catch (const std::exception&) {  // missing or damaged: it is made again
    return {};
  }
}

Pack::Picture Pack::operator[](int64_t i) const {
  const std::span<const uint8_t> bytes = file_.bytes();
  const auto record = object_at<Record>(bytes, record_place(pixel_bytes_, count_, i));
  return {{reinterpret_cast<const char*>(bytes.data()) + names_ + record.name, record.name_bytes},
          {bytes.data() + record.offset, int64_t{record.height}, int64_t{record.width}},
          {record.content, bytes.data() + pixel_bytes_ + static_cast<uint64_t>(i) * kThumbnail}};
}

bool Pack::has(const uint8_t* pixels) const {
  const uint8_t* const first = file_.bytes().data();
  return pixels >= first && pixels < first + pixel_bytes_;
}

bool Pack::has_sound_thumbnails() const {
  return hash_of(file_.bytes().subspan(pixel_bytes_, static_cast<uint64_t>(count_) * kThumbnail)) ==
         thumbnails_hash_;
}

bool Pack::has_sound_pixels() const {
  bool sound = true;
#pragma omp parallel for schedule(dynamic) reduction(&& : sound)
  for (int64_t i = 0; i < count_; i++) {
    const Picture picture = (*this)[i];
    sound = sound && content_of(picture.view) == picture.likeness.content;
  }
  return sound;
}

void write_pack(const DatasetPart& part, const fs::path& path,
                const std::function<void(size_t done, size_t total)>& progress) {
  write_file_atomically(path, [&](const Append& append) {
    const PartPictures contents = pictures_in(part);
    const std::vector<PartPicture>& pictures = contents.pictures;
    Index index;
    for (const UnreadPicture& unread : contents.unread)
      index.skipped.push_back({unread.name, unread.reason, unread.passing});
    uint64_t offset = 0;
    for (size_t first = 0; first < pictures.size(); first += kDecodeBatch) {
      const size_t count = std::min(kDecodeBatch, pictures.size() - first);
      std::vector<DecodedPictures> batch(count);
#pragma omp parallel for schedule(dynamic)
      for (size_t i = 0; i < count; i++) batch[i] = decode(pictures[first + i], part);
      for (size_t i = 0; i < count; i++) {
        if (!batch[i].problem.empty())
          index.skipped.push_back({pictures[first + i].name, batch[i].problem, batch[i].passing});
        for (const auto& [name, image] : batch[i].images) {
          append(image.pixels.data(), image.pixels.size());
          index.add(name, image, offset);
          offset += image.pixels.size();
        }
      }
      progress(first + count, pictures.size());
    }
    check_unchanged(part);
    index.append_to(append, offset, part.fingerprint);
  });
}

}  // namespace dae
