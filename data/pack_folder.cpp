#include "data/pack_folder.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files.h"

namespace dae {

namespace fs = std::filesystem;

namespace {

fs::path place_of(const fs::path& folder, size_t part, const char* ending = "pack") {
  return folder / fmt::format("{:05}.{}", part, ending);
}

using Packs = std::vector<std::optional<Pack>>;

bool is_sound(const Pack& pack) {
  return pack.has_sound_thumbnails() && pack.has_sound_pixels();
}

// Those that are there and sound.
Packs look(const fs::path& folder, const Listing& listing, uint64_t checked_at_once) {
  Packs packs(listing.parts.size());
  uint64_t pixels = 0, pictures = 0;
  for (size_t i = 0; i < packs.size(); i++) {
    packs[i] = Pack::open(place_of(folder, i), listing.parts[i]);
    if (!packs[i]) continue;
    pixels += packs[i]->pixel_bytes();
    pictures += static_cast<uint64_t>(packs[i]->size());
  }
  for (std::optional<Pack>& pack : packs) {
    if (!pack) continue;
    const bool sound = (pictures > kMostCompared || pack->has_sound_thumbnails()) &&
                       (pixels > checked_at_once || pack->has_sound_pixels());
    if (!sound) pack.reset();
  }
  return packs;
}

// How many pictures there will be: of archives that were not opened yet, as many a byte as in those that were.
class Count {
 public:
  Count(const Listing& listing, const std::vector<size_t>& missing) {
    for (const size_t i : missing) add(listing.parts[i], left_files_, left_bytes_, 1);
  }

  void begin(const DatasetPart& part) {
    add(part, left_files_, left_bytes_, -1);
    before_ += now_;
    now_ = 0;
    if (part.files[0].is_archive) archive_bytes_ += static_cast<double>(part.bytes);
    archive_ = part.files[0].is_archive;
  }
  // Of the part that was begun.
  void set(size_t pictures) {
    if (archive_) archive_pictures_ += static_cast<double>(pictures) - static_cast<double>(now_);
    now_ = pictures;
  }
  size_t before() const { return before_; }
  size_t total() const {
    const double a_byte = archive_bytes_ > 0 ? archive_pictures_ / archive_bytes_ : 0;
    return before_ + now_ + static_cast<size_t>(left_files_ + left_bytes_ * a_byte);
  }

 private:
  static void add(const DatasetPart& part, double& files, double& bytes, int sign) {
    if (part.files[0].is_archive)
      bytes += sign * static_cast<double>(part.bytes);
    else
      files += sign * static_cast<double>(part.files.size());
  }

  double left_files_ = 0, left_bytes_ = 0, archive_bytes_ = 0, archive_pictures_ = 0;
  size_t before_ = 0, now_ = 0;
  bool archive_ = false;
};

}  // namespace

std::optional<std::vector<Pack>> open_packs(const fs::path& folder, const Listing& listing,
                                            uint64_t checked_at_once) {
  std::vector<Pack> all;
  for (std::optional<Pack>& pack : look(folder, listing, checked_at_once)) {
    if (!pack) return {};
    all.push_back(std::move(*pack));
  }
  return all;
}

void fill_packs(const fs::path& folder, const Listing& listing, uint64_t checked_at_once,
                const std::function<void(size_t done, size_t total)>& progress) {
  std::vector<size_t> missing;
  {
    const Packs packs = look(folder, listing, checked_at_once);
    for (size_t i = 0; i < packs.size(); i++)
      if (!packs[i]) missing.push_back(i);
  }
  Count count(listing, missing);
  const auto make = [&](size_t i) {
    count.begin(listing.parts[i]);
    write_pack(listing.parts[i], place_of(folder, i), [&](size_t done, size_t total) {
      count.set(total);
      progress(count.before() + done, count.total());
    });
  };
  const auto is_made = [&](size_t i) {
    const std::optional<Pack> pack = Pack::open(place_of(folder, i), listing.parts[i]);
    return pack && is_sound(*pack);
  };
  std::vector<size_t> claimed_by_others;
  for (const size_t i : missing) {
    const Claim claim(place_of(folder, i, "lock"));
    if (!claim.is_ours())
      claimed_by_others.push_back(i);
    else if (!is_made(i))
      make(i);
  }
  for (const size_t i : claimed_by_others)
    if (!is_made(i)) make(i);
  // Those of a dataset that had more parts.
  std::error_code ignored;
  for (size_t i = listing.parts.size(); fs::remove(place_of(folder, i), ignored);) i++;
}

}  // namespace dae
