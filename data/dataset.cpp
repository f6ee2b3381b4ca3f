#include "data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "data/files.h"
#include "data/hash.h"
#include "data/pack_folder.h"
#include "data/synthetic.h"
#include "data/text.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace dae {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kDrawn = 48, kDrawnSide = 256;  // `synthetic`

// Of a dataset among others.
std::string packs_name(const fs::path& folder, int64_t max_side) {
  std::error_code ignored;
  const fs::path canonical = fs::canonical(folder, ignored);
  Hash hash;
  hash.add((canonical.empty() ? fs::absolute(folder) : canonical).string());
  hash.add_number(max_side);
  return hash.digits();
}

std::vector<Pack> packs_of(const std::string& path, const Listing& listing,
                           const DatasetOptions& options) {
  const std::string name = packs_name(path, options.max_side);
  const std::vector<fs::path> folders = cache_folders();
  for (const fs::path& folder : folders)
    if (auto packs = open_packs(folder / name, listing, options.checked_at_once))
      return std::move(*packs);
  const auto progress = [&](size_t done, size_t total) {
    if (options.progress) options.progress(done, total);
  };
  std::string reason;
  for (const fs::path& folder : folders) {
    try {
      fs::create_directories(folder / name);
      fill_packs(folder / name, listing, options.checked_at_once, progress);
      if (auto packs = open_packs(folder / name, listing, options.checked_at_once))
        return std::move(*packs);
      reason = fmt::format("{}: what was written is not what is read", (folder / name).string());
    } catch (const DatasetChanged&) {
      throw;
    } catch (const std::exception& error) {
      reason = error.what();
    }
  }
  fail(
      "{}: no place for the decoded images ({}); set XDG_CACHE_HOME to a folder that "
      "can be written",
      path, reason);
}

}  // namespace

class DatasetBuilder {
 public:
  static Dataset of_packs(std::vector<Pack> packs, uint64_t checked_at_once) {
    Dataset dataset;
    uint64_t pixels = 0;
    size_t count = 0;
    for (const Pack& pack : packs) count += static_cast<size_t>(pack.size());
    dataset.entries_.reserve(count);
    for (const Pack& pack : packs) {
      for (int64_t i = 0; i < pack.size(); i++) {
        const Pack::Picture picture = pack[i];
        dataset.entries_.push_back({picture.name, picture.view, picture.likeness});
      }
      dataset.add_skipped(pack.skipped());
      pixels += pack.pixel_bytes();
    }
    dataset.checked_ = pixels <= checked_at_once;
    dataset.packs_ = std::move(packs);
    return dataset;
  }

  static Dataset draw_synthetic() {
    Dataset dataset;
    dataset.drawn_.resize(kDrawn);
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < kDrawn; i++) {
      Dataset::Drawn& drawn = dataset.drawn_[static_cast<size_t>(i)];
      drawn.name = fmt::format("synthetic/{:02}", i);
      drawn.image = draw_dead_leaves(1, static_cast<uint64_t>(i), kDrawnSide, kDrawnSide);
      drawn.likeness = likeness_of(drawn.image.view());
    }
    for (const Dataset::Drawn& drawn : dataset.drawn_)
      dataset.entries_.push_back({drawn.name, drawn.image.view(), drawn.likeness});
    return dataset;
  }
};

Dataset open_dataset(const std::string& path, const DatasetOptions& options) {
  if (path == "synthetic") return DatasetBuilder::draw_synthetic();
  const Listing listing = list_dataset(path, options.max_side);
  Dataset dataset =
      DatasetBuilder::of_packs(packs_of(path, listing, options), options.checked_at_once);
  dataset.add_skipped(listing.left_out);
  if (dataset.size() == 0)
    fail("{}: none of its {} image files can be read; the first: {}", path,
         dataset.skipped().size(),
         dataset.skipped().empty() ? "no picture is in its archives"
                                   : dataset.skipped().front().reason);
  return dataset;
}

void Dataset::check(int64_t i) const {
  const Entry& entry = (*this)[i];
  if (content_of(entry.view) == entry.likeness.content) return;
  const auto pack = std::find_if(packs_.begin(), packs_.end(),
                                 [&](const Pack& p) { return p.has(entry.view.data); });
  std::error_code ignored;
  if (pack != packs_.end()) fs::remove(pack->path(), ignored);
  fail("{}: its pixels in the cache were damaged{}", printable_line(std::string(entry.name)),
       pack == packs_.end() ? ""
                            : fmt::format("; {} is removed, and made again by the next start",
                                          pack->path().string()));
}

Dataset open_pairs(const std::string& clean, const std::string& given,
                   const std::function<void(size_t done, size_t total)>& progress) {
  std::error_code ignored;
  if (fs::equivalent(clean, given, ignored))
    fail("{}: the clean pictures cannot be their own noisy partners; give two folders", given);
  const DatasetOptions whole = {.max_side = 0, .progress = progress};
  Dataset pairs = open_dataset(clean, whole);
  auto others = std::make_shared<const Dataset>(open_dataset(given, whole));
  std::multimap<std::string, int64_t> by_name;
  const auto key = [](const std::string& name) {
    return fs::path(name).replace_extension().generic_string();
  };
  for (int64_t i = 0; i < others->size(); i++)
    by_name.emplace(key(std::string((*others)[i].name)), i);
  std::vector<Dataset::Entry> matched;
  for (Dataset::Entry& entry : pairs.entries_) {
    const std::string path = (fs::path(clean) / entry.name).string(),
                      name = key(std::string(entry.name));
    const auto found = by_name.find(name);
    const auto skip = [&](const std::string& reason) {
      pairs.skipped_.push_back({std::string(entry.name), fmt::format("{}: {}", path, reason)});
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
      entry.given_content = (*others)[found->second].likeness.content;
      matched.push_back(entry);
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

// The number of each picture's group of copies; `exact`, of those that are equal alone.
std::vector<int64_t> groups_in(const Dataset& dataset, bool exact) {
  std::vector<LikenessView> pictures;
  pictures.reserve(static_cast<size_t>(dataset.size()));
  for (int64_t i = 0; i < dataset.size(); i++) pictures.push_back(dataset[i].likeness);
  return exact ? groups_of_equal(pictures) : groups_of_copies(pictures);
}

bool is_one_group(const std::vector<int64_t>& groups) {
  return std::all_of(groups.begin(), groups.end(), [](int64_t group) { return group == 0; });
}

}  // namespace

Split hold_out(const Dataset& dataset, double fraction) {
  if (dataset.size() < 2)
    fail("the dataset holds one image, and none could be held out: add images");
  std::vector<int64_t> group = groups_in(dataset, false);
  if (is_one_group(group)) group = groups_in(dataset, true);  // one scene alone: a clip's frames
  if (is_one_group(group))
    fail("all {} images are the same, and none could be held out: add other images",
         dataset.size());
  // A group is known by the least content of its pictures.
  std::vector<uint64_t> key(group.size(), ~uint64_t{0});
  for (size_t i = 0; i < group.size(); i++) {
    uint64_t& least = key[static_cast<size_t>(group[i])];
    least = std::min(least, dataset[static_cast<int64_t>(i)].likeness.content);
  }
  const auto key_of = [&](int64_t i) {
    return key[static_cast<size_t>(group[static_cast<size_t>(i)])];
  };
  std::vector<int64_t> order(group.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return key_of(a) < key_of(b); });
  const auto wanted = static_cast<size_t>(
      std::max<int64_t>(1, std::lround(fraction * static_cast<double>(dataset.size()))));
  // Whole groups, until there are as many as were wanted; never the last.
  size_t out = 0;
  while (out < wanted && key_of(order[out]) != key_of(order.back()))
    out = static_cast<size_t>(
        std::find_if(order.begin() + static_cast<ptrdiff_t>(out), order.end(),
                     [&](int64_t i) { return key_of(i) != key_of(order[out]); }) -
        order.begin());
  const auto middle = order.begin() + static_cast<ptrdiff_t>(out);
  Split split{.train = {middle, order.end()}, .held_out = {order.begin(), middle}};
  std::sort(split.train.begin(), split.train.end());
  std::sort(split.held_out.begin(), split.held_out.end());
  return split;
}

std::vector<int64_t> without_copies(const Dataset& dataset, const std::vector<int64_t>& images,
                                    std::span<const LikenessView> others) {
  std::vector<LikenessView> all(others.begin(), others.end());
  for (const int64_t i : images) all.push_back(dataset[i].likeness);
  const std::vector<int64_t> group = groups_of_copies(all);
  std::vector<int64_t> left;
  for (size_t i = 0; i < images.size(); i++)
    if (group[others.size() + i] >= std::ssize(others)) left.push_back(images[i]);
  return left;
}

}  // namespace dae
