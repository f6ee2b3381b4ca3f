// A collection of 8-bit RGB images of any sizes, read-only, in memory that is mapped.
//
// A folder is decoded once, in parallel, into files that are memory-mapped from then on, one for each archive
// and for every thousand or so other pictures (data/pack_folder.h): in $XDG_CACHE_HOME/dae, else ~/.cache/dae,
// else the system's temporary folder. Those of which names, sizes or times change are made again, and those that
// are damaged. What is not looked at is not read: there may be more pictures than memory.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/image.h"
#include "data/likeness.h"
#include "data/listing.h"
#include "data/pack.h"

namespace dae {

class Dataset {
 public:
  struct Entry {
    std::string_view name;  // path relative to the dataset's folder; lives as long as the dataset
    ByteView view;
    LikenessView likeness;
    ByteView given = {};  // of a pair: the other picture, of the same size; else without data
    uint64_t given_content = 0;  // its Likeness::content
  };
  using Skipped = SkippedPicture;

  int64_t size() const { return static_cast<int64_t>(entries_.size()); }
  const Entry& operator[](int64_t i) const { return entries_[static_cast<size_t>(i)]; }
  const std::vector<Skipped>& skipped() const { return skipped_; }  // images that cannot be read
  void add_skipped(const std::vector<Skipped>& more) {
    skipped_.insert(skipped_.end(), more.begin(), more.end());
  }

  // Whether all pixels were compared with their hashes when it was opened. Those of a large one are not.
  bool is_checked() const { return checked_; }
  // Compares a picture's now. Throws Error naming it when they are damaged, and removes the file that they are in, so
  // that it is made again.
  void check(int64_t i) const;

 private:
  friend class DatasetBuilder;
  friend Dataset open_pairs(const std::string&, const std::string&,
                            const std::function<void(size_t, size_t)>&);
  struct Drawn {
    std::string name;
    Image image;
    Likeness likeness;
  };
  std::vector<Entry> entries_;
  std::vector<Skipped> skipped_;
  std::vector<Pack> packs_;
  std::vector<Drawn> drawn_;              // of `synthetic`
  std::shared_ptr<const Dataset> given_;  // of pairs
  bool checked_ = true;
};

struct DatasetOptions {
  int64_t max_side = 1024;  // larger images are shrunk by area averaging; 0 keeps all as they are
  std::function<void(size_t done, size_t total)> progress = {};  // while decoding
  // Up to so many bytes of pixels are read and compared with their hashes when the dataset opens; of more, each
  // picture is before it is first trained on.
  uint64_t checked_at_once = uint64_t{256} << 20;
};

// `path` is a folder of images and of uncompressed tar archives of them, such as WebDataset's shards
// (searched recursively, sorted by name, in an archive ARCHIVE/MEMBER), one such archive, a folder
// with CIFAR-10's binary files (data_batch_*.bin; test_batch.bin only where there is nothing else),
// or the word `synthetic`: 48 dead-leaves pictures. What cannot be read of an archive is skipped and
// named. Throws Error when there is nothing to read, naming the path, the count of broken files and
// the first one's reason.
Dataset open_dataset(const std::string& path, const DatasetOptions& options = {});

// The pictures of folder `clean` with those of folder `given` that have the same name but for the
// extension, as they are, never shrunk. What has no partner there, or one of another size, or several,
// is skipped with that reason. Throws Error when no pair is left.
Dataset open_pairs(const std::string& clean, const std::string& given,
                   const std::function<void(size_t done, size_t total)>& progress = {});

// The same dataset from any working directory: an absolute path, or `synthetic` or nothing as they
// are.
std::string absolute_dataset(const std::string& path);

// What cannot be read, for people: how many, and the first ten by name with the reason, a line
// each.
std::string describe_skipped(const Dataset& dataset, const std::string& path);

// Splits a dataset by content: a `fraction` of the images, at least one, is held out. Which ones
// depends on their pixels alone, not on names or order, and copies and near-copies of a picture
// (likeness.h) lie on its side, unless all are like one another. Throws Error when nothing would be
// left to train on.
struct Split {
  std::vector<int64_t> train, held_out;  // indices, ascending
};
Split hold_out(const Dataset& dataset, double fraction);

// The images of `dataset` among `images` that are no copies or near-copies of any in `others`.
std::vector<int64_t> without_copies(const Dataset& dataset, const std::vector<int64_t>& images,
                                    std::span<const LikenessView> others);

}  // namespace dae
