#include "data/dataset.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "data/hash.h"
#include "data/photo.h"
#include "data/synthetic.h"
#include "data/tar.h"
#include "data/text.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace dae {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int64_t kDrawn = 48, kDrawnSide = 256;  // `synthetic`
constexpr size_t kDecodeBatch = 64;               // images in memory at once while packing
constexpr int64_t kCifarSide = 32, kCifarRecord = 1 + 3 * kCifarSide * kCifarSide;
constexpr char kMagic[8] = {'d', 'a', 'e', 'p', 'a', 'c', 'k', '4'};

struct Trailer {  // the last bytes of a cache
  uint64_t index_offset, index_bytes, index_hash, fingerprint;
  char magic[8];
};

// In any case of letters.
bool ends_with(const fs::path& path, std::initializer_list<std::string_view> endings) {
  const std::string name = in_lower_case(path.filename().string());
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

// A file to read images from: a picture, an archive of them, pictures of CIFAR-10, or what is in an archive.
struct Listed {
  std::string name;
  fs::path path;
  std::optional<TarMember> member = {};

  bool is_archive() const { return !member && ends_with(path, {".tar"}); }
};

struct Listing {
  std::vector<Listed> files;
  std::vector<Dataset::Skipped> left_out;  // folders and formats that cannot be read
  bool cifar = false;
  uint64_t fingerprint = 0;
};

void sort_by_name(std::vector<Listed>& files) {
  std::sort(files.begin(), files.end(),
            [](const Listed& a, const Listed& b) { return a.name < b.name; });
}

Listing list_files(const fs::path& given, int64_t max_side) {
  std::error_code error;
  if (!fs::exists(given, error)) fail("{}: there is no such folder", given.string());
  const bool one = !fs::is_directory(given, error);
  if (one && !ends_with(given, {".tar"}))
    fail("{}: not a folder; give the folder that holds the images, or a tar archive of them",
         given.string());
  const fs::path folder = one ? given.parent_path() : given;
  const FolderContents contents = one ? FolderContents{{given}, {}} : files_below(folder);
  std::vector<Listed> images, cifar_train, cifar_test;
  std::vector<Dataset::Skipped> unread;
  Listing listing;
  for (const fs::path& path : contents.files) {
    const Listed file{path.lexically_relative(folder).generic_string(), path};
    const std::string name = path.filename().string();
    if (name.starts_with("data_batch_") && name.ends_with(".bin"))
      cifar_train.push_back(file);
    else if (name == "test_batch.bin")
      cifar_test.push_back(file);
    else if (has_photo_extension(path) || file.is_archive())
      images.push_back(file);
    else if (ends_with(path, {".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst"}))
      unread.push_back({file.name, fmt::format("{}: a compressed archive, in which no picture can "
                                               "be looked up; unpack it to a .tar",
                                               path.string())});
    else if (const std::string reason = why_unread(path); !reason.empty())
      unread.push_back({file.name, reason});
  }
  for (const auto& [path, reason] : contents.unreadable)
    listing.left_out.push_back({path.lexically_relative(folder).generic_string(),
                                fmt::format("{}: {}", path.string(), reason)});
  if (cifar_train.empty() && cifar_test.empty())
    listing.left_out.insert(listing.left_out.end(), unread.begin(), unread.end());
  listing.files = !cifar_train.empty() ? cifar_train : !cifar_test.empty() ? cifar_test : images;
  listing.cifar = !cifar_train.empty() || !cifar_test.empty();
  if (listing.files.empty())
    fail("{}: no images in it (jpg, png, bmp, ...), nor tar archives, nor CIFAR-10's binary files",
         folder.string());
  sort_by_name(listing.files);
  Hash hash;
  hash.add(kMagic, sizeof(kMagic));
  hash.add_number(max_side);
  for (const Listed& file : listing.files) {
    std::error_code ignored;
    hash.add(file.name);
    hash.add_number(static_cast<uint64_t>(fs::file_size(file.path, ignored)));
    hash.add_number(fs::last_write_time(file.path, ignored).time_since_epoch().count());
  }
  listing.fingerprint = hash.value();
  return listing;
}

std::string cache_name(const fs::path& folder, int64_t max_side) {
  std::error_code ignored;
  const fs::path canonical = fs::canonical(folder, ignored);
  Hash hash;
  hash.add((canonical.empty() ? fs::absolute(folder) : canonical).string());
  hash.add_number(max_side);
  return hash.digits() + ".pack";
}

struct Decoded {
  std::vector<std::pair<std::string, Image>> images;
  std::string problem;   // why the file gave none
  bool passing = false;  // which another time it may: memory or the system was short of something
};

Decoded decode_cifar(const Listed& file) {
  Decoded out;
  const std::vector<uint8_t> bytes = read_file(file.path);
  if (bytes.empty() || bytes.size() % kCifarRecord != 0)
    fail("{}: not a CIFAR-10 file: its size is not a multiple of {} bytes", file.path.string(),
         kCifarRecord);
  constexpr int64_t kPixels = kCifarSide * kCifarSide;
  for (size_t record = 0; record < bytes.size() / kCifarRecord; record++) {
    const uint8_t* const planes = &bytes[record * kCifarRecord + 1];
    Image image{kCifarSide, kCifarSide, std::vector<uint8_t>(3 * kPixels)};
    for (int64_t i = 0; i < 3 * kPixels; i++)
      image.pixels[static_cast<size_t>(i)] = planes[i % 3 * kPixels + i / 3];
    out.images.emplace_back(fmt::format("{}#{:05}", file.name, record), std::move(image));
  }
  return out;
}

Image load(const Listed& file) {
  if (!file.member) return load_image(file.path);
  std::vector<uint8_t> bytes(file.member->size);
  bytes.resize(FileReader(file.path).read(file.member->offset, bytes));
  return decode_image(bytes, (file.path / file.member->name).string());
}

Decoded decode(const Listed& file, bool cifar, int64_t max_side) {
  Decoded out;
  try {
    if (cifar) return decode_cifar(file);
    out.images.emplace_back(file.name, area_downscale(load(file), max_side));
  } catch (const OutOfMemory& error) {
    out = {.images = {}, .problem = error.what(), .passing = true};
  } catch (const std::bad_alloc&) {
    out = {.images = {},
           .problem = fmt::format("{}: not enough memory", file.path.string()),
           .passing = true};
  } catch (const SystemError& error) {
    out = {.images = {}, .problem = error.what(), .passing = true};
  } catch (const std::exception& error) {
    out.problem = error.what();
  }
  return out;
}

uint64_t hash_of(std::span<const uint8_t> bytes) {
  Hash hash;
  hash.add(bytes.data(), bytes.size());
  return hash.value();
}

// The pictures of an archive, and what of it cannot be read: {name, reason, whether another time it may}.
struct Unpacked {
  std::vector<Listed> pictures;
  json skipped = json::array();
};

Unpacked unpack(const Listed& archive) {
  Unpacked out;
  try {
    const TarContents contents = read_tar(archive.path);
    if (!contents.problem.empty())
      out.skipped.push_back({archive.name, contents.problem, false});
    else if (contents.members.empty())
      out.skipped.push_back({archive.name, archive.path.string() + ": no files in it", false});
    for (const TarMember& member : contents.members) {
      const std::string name = archive.name + "/" + member.name;
      if (has_photo_extension(member.name))
        out.pictures.push_back({name, archive.path, member});
      else if (const std::string reason = why_unread(archive.path / member.name); !reason.empty())
        out.skipped.push_back({name, reason, false});
    }
  } catch (const SystemError& error) {
    out.skipped.push_back({archive.name, error.what(), true});
  }
  return out;
}

// With archives unpacked, sorted by name. What cannot be read is added to `skipped`.
std::vector<Listed> pictures_in(const Listing& listing, json& skipped) {
  std::vector<Listed> pictures;
  for (const Listed& file : listing.files) {
    if (!file.is_archive()) {
      pictures.push_back(file);
      continue;
    }
    Unpacked unpacked = unpack(file);
    pictures.insert(pictures.end(), unpacked.pictures.begin(), unpacked.pictures.end());
    skipped.insert(skipped.end(), unpacked.skipped.begin(), unpacked.skipped.end());
  }
  sort_by_name(pictures);
  return pictures;
}

void pack(const Listing& listing, const DatasetOptions& options, const fs::path& to) {
  write_file_atomically(to, [&](const Append& append) {
    json images = json::array(), skipped = json::array();
    const std::vector<Listed> pictures = pictures_in(listing, skipped);
    uint64_t offset = 0;
    for (size_t first = 0; first < pictures.size(); first += kDecodeBatch) {
      const size_t count = std::min(kDecodeBatch, pictures.size() - first);
      std::vector<Decoded> batch(count);
#pragma omp parallel for schedule(dynamic)
      for (size_t i = 0; i < count; i++)
        batch[i] = decode(pictures[first + i], listing.cifar, options.max_side);
      for (size_t i = 0; i < count; i++) {
        if (!batch[i].problem.empty())
          skipped.push_back({pictures[first + i].name, batch[i].problem, batch[i].passing});
        for (const auto& [name, image] : batch[i].images) {
          append(image.pixels.data(), image.pixels.size());
          const Likeness likeness = likeness_of(image.view());
          images.push_back({name, image.height, image.width, offset, likeness.content,
                            json::binary({likeness.thumbnail.begin(), likeness.thumbnail.end()})});
          offset += image.pixels.size();
        }
      }
      if (options.progress) options.progress(first + count, pictures.size());
    }
    // Names need not be UTF-8, and must survive as they are.
    const std::vector<uint8_t> index =
        json::to_msgpack(json{{"images", images}, {"skipped", skipped}});
    Trailer trailer{offset, index.size(), hash_of(index), listing.fingerprint, {}};
    std::memcpy(trailer.magic, kMagic, sizeof(kMagic));
    append(index.data(), index.size());
    append(&trailer, sizeof(trailer));
  });
}

}  // namespace

class DatasetBuilder {
 public:
  // False when there is no sound cache of this listing at `path`: of this user's, so that nobody plants
  // pictures in a folder that all may write to, without a flipped bit, and without a picture that could
  // not be read then and can be now.
  static bool read_cache(const fs::path& path, const Listing& listing, int64_t max_side,
                         Dataset& dataset) {
    try {
      MappedFile file(path);
      if (!file.is_own()) return false;
      const std::span<const uint8_t> bytes = file.bytes();
      Trailer trailer;
      if (bytes.size() < sizeof(trailer)) return false;
      std::memcpy(&trailer, bytes.data() + bytes.size() - sizeof(trailer), sizeof(trailer));
      const size_t body = bytes.size() - sizeof(trailer);
      if (std::memcmp(trailer.magic, kMagic, sizeof(kMagic)) != 0 ||
          trailer.fingerprint != listing.fingerprint || trailer.index_offset > body ||
          trailer.index_bytes != body - trailer.index_offset)
        return false;
      const auto text = bytes.subspan(trailer.index_offset, trailer.index_bytes);
      if (hash_of(text) != trailer.index_hash) return false;
      const json index = json_from_msgpack(text);
      for (const json& image : index.at("images")) {
        const auto height = image.at(1).get<int64_t>(), width = image.at(2).get<int64_t>();
        const auto offset = image.at(3).get<uint64_t>();
        if (height < 1 || width < 1 || height > INT32_MAX || width > INT32_MAX) return false;
        const auto size = static_cast<uint64_t>(height) * static_cast<uint64_t>(width) * 3;
        if (offset > trailer.index_offset || size > trailer.index_offset - offset) return false;
        Likeness likeness{image.at(4).get<uint64_t>(), {}};
        const std::vector<uint8_t>& thumbnail = image.at(5).get_binary();
        if (thumbnail.size() != likeness.thumbnail.size()) return false;
        std::copy(thumbnail.begin(), thumbnail.end(), likeness.thumbnail.begin());
        dataset.entries_.push_back({image.at(0), {bytes.data() + offset, height, width}, likeness});
      }
      for (const json& skipped : index.at("skipped")) {
        dataset.skipped_.push_back({skipped.at(0), skipped.at(1)});
        if (skipped.at(2).get<bool>() &&
            can_be_read(dataset.skipped_.back().name, listing, max_side)) {
          dataset = {};
          return false;
        }
      }
      dataset.cache_ = std::move(file);
      if (are_undamaged(dataset.entries_)) return true;
      dataset = {};
      return false;
    } catch (const std::exception&) {  // missing or damaged: it is made again
      dataset = {};
      return false;
    }
  }

  static bool can_be_read(const std::string& name, const Listing& listing, int64_t max_side) {
    for (const Listed& file : listing.files) {
      if (!file.is_archive()) {
        if (file.name == name) return !decode(file, listing.cifar, max_side).passing;
      } else if (name == file.name || name.starts_with(file.name + "/")) {
        const Unpacked unpacked = unpack(file);
        for (const Listed& picture : unpacked.pictures)
          if (picture.name == name) return !decode(picture, false, max_side).passing;
        return std::none_of(unpacked.skipped.begin(), unpacked.skipped.end(),
                            [](const json& entry) { return entry.at(2).get<bool>(); });
      }
    }
    return false;
  }

  static bool are_undamaged(const std::vector<Dataset::Entry>& entries) {
    bool sound = true;
#pragma omp parallel for schedule(dynamic) reduction(&& : sound)
    for (size_t i = 0; i < entries.size(); i++)
      sound = sound && content_of(entries[i].view) == entries[i].likeness.content;
    return sound;
  }

  static Dataset draw_synthetic() {
    Dataset dataset;
    dataset.drawn_.resize(kDrawn);
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < kDrawn; i++)
      dataset.drawn_[static_cast<size_t>(i)] =
          draw_dead_leaves(1, static_cast<uint64_t>(i), kDrawnSide, kDrawnSide);
    for (int64_t i = 0; i < kDrawn; i++) {
      const ByteView view = dataset.drawn_[static_cast<size_t>(i)].view();
      dataset.entries_.push_back({fmt::format("synthetic/{:02}", i), view, likeness_of(view)});
    }
    return dataset;
  }
};

Dataset open_dataset(const std::string& path, const DatasetOptions& options) {
  if (path == "synthetic") return DatasetBuilder::draw_synthetic();
  const Listing listing = list_files(path, options.max_side);
  const std::string name = cache_name(path, options.max_side);
  Dataset dataset;
  const auto read = [&](const fs::path& folder) {
    return DatasetBuilder::read_cache(folder / name, listing, options.max_side, dataset);
  };
  const std::vector<fs::path> folders = cache_folders();
  if (!std::any_of(folders.begin(), folders.end(), read)) {
    std::string reason;
    bool packed = false;
    for (const fs::path& folder : folders) {
      try {
        fs::create_directories(folder);
        pack(listing, options, folder / name);
        packed = read(folder);
      } catch (const std::exception& error) {
        reason = error.what();
      }
      if (packed) break;
    }
    if (!packed)
      fail(
          "{}: no place for the decoded images ({}); set XDG_CACHE_HOME to a folder that "
          "can be written",
          path, reason);
  }
  dataset.add_skipped(listing.left_out);
  if (dataset.size() == 0)
    fail("{}: none of its {} image files can be read; the first: {}", path,
         dataset.skipped().size(),
         dataset.skipped().empty() ? "no picture is in its archives"
                                   : dataset.skipped().front().reason);
  return dataset;
}

Dataset open_pairs(const std::string& clean, const std::string& given,
                   const std::function<void(size_t done, size_t total)>& progress) {
  const DatasetOptions whole = {.max_side = 0, .progress = progress};
  Dataset pairs = open_dataset(clean, whole);
  auto others = std::make_shared<const Dataset>(open_dataset(given, whole));
  std::multimap<std::string, int64_t> by_name;
  const auto key = [](const std::string& name) {
    return fs::path(name).replace_extension().generic_string();
  };
  for (int64_t i = 0; i < others->size(); i++) by_name.emplace(key((*others)[i].name), i);
  std::vector<Dataset::Entry> matched;
  for (Dataset::Entry& entry : pairs.entries_) {
    const std::string path = (fs::path(clean) / entry.name).string(), name = key(entry.name);
    const auto found = by_name.find(name);
    const auto skip = [&](const std::string& reason) {
      pairs.skipped_.push_back({entry.name, fmt::format("{}: {}", path, reason)});
    };
    if (found == by_name.end()) {
      skip(fmt::format("it has no partner in {}", given));
    } else if (by_name.count(name) > 1) {
      skip(fmt::format("it has {} partners in {}", by_name.count(name), given));
    } else if (const ByteView& other = (*others)[found->second].view;
               other.height != entry.view.height || other.width != entry.view.width) {
      skip(fmt::format("{}x{} pixels, but {}x{} of its partner", entry.view.width,
                       entry.view.height, other.width, other.height));
    } else {
      entry.given = other;
      matched.push_back(std::move(entry));
    }
  }
  if (matched.empty())
    fail("no picture in {} has a partner of the same name and size in {}{}", clean, given,
         pairs.skipped_.empty() ? "" : "; the first: " + pairs.skipped_[0].reason);
  pairs.entries_ = std::move(matched);
  pairs.skipped_.insert(pairs.skipped_.end(), others->skipped_.begin(), others->skipped_.end());
  pairs.given_ = std::move(others);
  return pairs;
}

std::string absolute_dataset(const std::string& path) {
  return path.empty() || path == "synthetic" ? path
                                             : fs::absolute(path).lexically_normal().string();
}

std::string describe_skipped(const Dataset& dataset, const std::string& path) {
  constexpr size_t kNamed = 10;
  const std::vector<Dataset::Skipped>& skipped = dataset.skipped();
  std::string text =
      fmt::format("{}: {} of {} images cannot be read and are left out\n", path, skipped.size(),
                  skipped.size() + static_cast<size_t>(dataset.size()));
  for (size_t i = 0; i < std::min(kNamed, skipped.size()); i++)
    text += fmt::format("  {}\n", printable_line(skipped[i].reason));
  if (skipped.size() > kNamed) text += fmt::format("  and {} more\n", skipped.size() - kNamed);
  return text;
}

namespace {

struct Copies {
  uint64_t key = ~uint64_t{0};  // the least content hash of the group
  std::vector<int64_t> images;
};

// By their group's number, or, `exact`, by their content.
std::map<uint64_t, Copies> copies_in(const Dataset& dataset, bool exact) {
  std::vector<Likeness> pictures;
  for (int64_t i = 0; i < dataset.size(); i++) pictures.push_back(dataset[i].likeness);
  std::vector<int64_t> group;
  if (!exact) group = groups_of_copies(pictures);
  std::map<uint64_t, Copies> groups;
  for (size_t i = 0; i < pictures.size(); i++) {
    Copies& copies = groups[exact ? pictures[i].content : static_cast<uint64_t>(group[i])];
    copies.key = std::min(copies.key, pictures[i].content);
    copies.images.push_back(static_cast<int64_t>(i));
  }
  return groups;
}

}  // namespace

Split hold_out(const Dataset& dataset, double fraction) {
  if (dataset.size() < 2)
    fail("the dataset holds one image, and none could be held out: add images");
  std::map<uint64_t, Copies> groups = copies_in(dataset, false);
  if (groups.size() < 2) groups = copies_in(dataset, true);  // one scene alone: a clip's frames
  if (groups.size() < 2)
    fail("all {} images are the same, and none could be held out: add other images",
         dataset.size());
  std::vector<const Copies*> order;
  for (const auto& [number, copies] : groups) order.push_back(&copies);
  std::sort(order.begin(), order.end(),
            [](const auto* a, const auto* b) { return a->key < b->key; });
  const int64_t wanted =
      std::max<int64_t>(1, std::lround(fraction * static_cast<double>(dataset.size())));
  Split split;
  for (const Copies* copies : order) {
    const bool out = std::ssize(split.held_out) < wanted && copies != order.back();
    std::vector<int64_t>& side = out ? split.held_out : split.train;
    side.insert(side.end(), copies->images.begin(), copies->images.end());
  }
  std::sort(split.train.begin(), split.train.end());
  std::sort(split.held_out.begin(), split.held_out.end());
  return split;
}

std::vector<int64_t> without_copies(const Dataset& dataset, const std::vector<int64_t>& images,
                                    std::span<const Likeness> others) {
  std::vector<Likeness> all(others.begin(), others.end());
  for (const int64_t i : images) all.push_back(dataset[i].likeness);
  const std::vector<int64_t> group = groups_of_copies(all);
  std::vector<int64_t> left;
  for (size_t i = 0; i < images.size(); i++)
    if (group[others.size() + i] >= std::ssize(others)) left.push_back(images[i]);
  return left;
}

}  // namespace dae
