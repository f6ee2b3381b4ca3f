#include "data/dataset.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "data/synthetic.h"
#include "runtime/error.h"
#include "tests/support/temporary_folder.h"

namespace {
const std::string* refused = nullptr;  // a file's path, while there is one
}

// This program's own open stands before the system's, and says of one file that too many are open.
extern "C" int open(const char* path, int flags, ...) {
  if (refused && *refused == path) {
    errno = EMFILE;
    return -1;
  }
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

namespace dae::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class DatasetTest : public testing::Test {
 protected:
  DatasetTest() { setenv("XDG_CACHE_HOME", temporary_.file("cache").c_str(), 1); }

  fs::path photos() { return temporary_.path() / "photos"; }
  Image add(const std::string& name, uint64_t index, int64_t height = 20, int64_t width = 30) {
    const fs::path path = photos() / name;
    fs::create_directories(path.parent_path());
    Image image = draw_dead_leaves(5, index, height, width);
    save_png(path, image);
    return image;
  }
  // Opens the folder; `decoded_` says whether the images were read for it or came from the cache.
  Dataset open(int64_t max_side = 1024) {
    decoded_ = false;
    return open_dataset(photos().string(), {.max_side = max_side,
                                            .progress = [&](size_t, size_t) { decoded_ = true; }});
  }
  std::vector<std::string> names(const Dataset& dataset) {
    std::vector<std::string> out;
    for (int64_t i = 0; i < dataset.size(); i++) out.emplace_back(dataset[i].name);
    return out;
  }
  fs::path cache_folder() {
    return fs::directory_iterator(temporary_.path() / "cache/dae")->path();
  }
  fs::path cache_file() { return cache_folder() / "00000.pack"; }
  static bool equal(ByteView view, const Image& image) {
    return view.height == image.height && view.width == image.width &&
           std::equal(image.pixels.begin(), image.pixels.end(), view.data);
  }
  static bool equal(const Dataset::Entry& entry, const Image& image) {
    return equal(entry.view, image);
  }
  template <class F>
  void expect_error(const F& act, const std::string& words) {
    try {
      act();
      ADD_FAILURE() << "no error: " << words;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  }

  TemporaryFolder temporary_;
  bool decoded_ = false;
};

TEST_F(DatasetTest, ReadsAFolderSortedWithItsFolders) {
  const Image b = add("b.png", 1), c = add("sub/\xc3\xa9t\xc3\xa9 1.PNG", 2, 1, 1),
              a = add("a \xff.png", 3, 7, 5);
  std::ofstream(photos() / "notes.txt") << "not an image";
  const Dataset dataset = open();
  EXPECT_EQ(names(dataset),
            (std::vector<std::string>{"a \xff.png", "b.png", "sub/\xc3\xa9t\xc3\xa9 1.PNG"}));
  EXPECT_TRUE(equal(dataset[0], a));
  EXPECT_TRUE(equal(dataset[1], b));
  EXPECT_TRUE(equal(dataset[2], c));
  EXPECT_TRUE(dataset.skipped().empty());
}

TEST_F(DatasetTest, DecodesOnceUntilTheFolderChanges) {
  add("a.png", 1);
  const Image b = add("b.png", 2);
  EXPECT_TRUE((open(), decoded_));
  EXPECT_FALSE((open(), decoded_)) << "nothing changed";
  EXPECT_TRUE((open(10), decoded_)) << "another size";
  EXPECT_FALSE((open(), decoded_)) << "which has a cache of its own";

  const Image c = add("c.png", 3);
  Dataset dataset = open();
  EXPECT_TRUE(decoded_) << "a new file";
  EXPECT_EQ(dataset.size(), 3);
  EXPECT_TRUE(equal(dataset[2], c));
  const auto written = fs::last_write_time(photos() / "b.png");
  for (const auto& later : {written + 1h, written + 1h + 1ms, written + 1h - 1ms}) {
    fs::last_write_time(photos() / "b.png", later);
    EXPECT_TRUE((open(), decoded_)) << "a new time, and be it by a millisecond";
  }
  fs::rename(photos() / "b.png", photos() / "z.png");
  dataset = open();
  EXPECT_TRUE(decoded_) << "a new name";
  EXPECT_EQ(dataset[2].name, "z.png");
  EXPECT_TRUE(equal(dataset[2], b));
  fs::remove(photos() / "z.png");
  EXPECT_EQ(open().size(), 2);
}

// A picture that takes another's place, of as many bytes.
TEST_F(DatasetTest, APictureOfTheSameSizeIsDecodedAnew) {
  add("a.png", 1);
  const auto write = [&](char value) {
    std::ofstream file(photos() / "b.ppm", std::ios::binary);
    file << "P6 2 1 255\n" << std::string(6, value);
  };
  write('a');
  const auto written = fs::last_write_time(photos() / "b.ppm");
  EXPECT_EQ(open()[1].view.data[0], 'a');
  write('b');
  fs::last_write_time(photos() / "b.ppm", written + 1ms);
  EXPECT_EQ(open()[1].view.data[0], 'b');
  std::this_thread::sleep_for(20ms);  // the system's clock has ticked since
  write('c');
  fs::last_write_time(photos() / "b.ppm", written + 1ms);
  EXPECT_EQ(open()[1].view.data[0], 'c') << "and of its time, as rsync --times leaves it";
}

TEST_F(DatasetTest, ADamagedCacheIsMadeAgain) {
  const Image a = add("a.png", 1);
  open();
  const std::vector<uint8_t> whole = read_file(cache_file());
  for (size_t at = 0; at <= whole.size(); at += 97) {  // cut off anywhere
    write_file_atomically(cache_file(), std::span(whole).first(at));
    const Dataset dataset = open();
    EXPECT_EQ(decoded_, at < whole.size()) << at;
    ASSERT_EQ(dataset.size(), 1);
    EXPECT_TRUE(equal(dataset[0], a));
  }
  for (size_t at = 0; at < whole.size(); at += at < 20 * 30 * 3 ? 23 : 1) {
    std::vector<uint8_t> bytes = whole;  // pixels, then the index and the trailer
    bytes[at] ^= static_cast<uint8_t>(1 << at % 8);
    write_file_atomically(cache_file(), std::span<const uint8_t>(bytes));
    const Dataset dataset = open();
    EXPECT_TRUE(decoded_) << at;
    ASSERT_EQ(dataset.size(), 1);
    EXPECT_TRUE(equal(dataset[0], a));
  }
}

// A pack in a folder that all may write to is believed when it is this user's.
TEST_F(DatasetTest, SomebodyElsesCacheIsNotBelieved) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const Image a = add("a.png", 1);
  open();
  open();
  EXPECT_FALSE(decoded_);
  ASSERT_EQ(chown(cache_file().c_str(), 12345, 12345), 0);
  EXPECT_TRUE(equal(open()[0], a));
  EXPECT_TRUE(decoded_);
}

// While it lives, the system does not open this file, which stays as it is: if only its rights
// changed, its pack would be made anew whatever is in it.
class Refused {
 public:
  explicit Refused(const fs::path& path) : path_(path.string()) { refused = &path_; }
  ~Refused() { refused = nullptr; }
  Refused(const Refused&) = delete;
  Refused& operator=(const Refused&) = delete;

 private:
  const std::string path_;
};

// What the system refused once is tried again, a picture or an archive, and nothing else is decoded
// for it.
TEST_F(DatasetTest, WhatCannotBeReadNowMayBeLater) {
  const Image a = add("a.png", 1), b = add("b.png", 2);
  const std::string line =
      "cd " + photos().string() + " && tar cf c.tar b.png && tar cf d.tar a.png b.png";
  ASSERT_EQ(std::system(line.c_str()), 0);
  for (const auto& [name, pictures] : {std::pair{"b.png", 1}, {"c.tar", 1}, {"d.tar", 2}}) {
    SCOPED_TRACE(name);
    fs::remove_all(temporary_.path() / "cache");
    {
      const Refused one(photos() / name);
      const Dataset dataset = open();
      ASSERT_EQ(dataset.size(), 5 - pictures);
      EXPECT_TRUE(equal(dataset[0], a));
      ASSERT_EQ(dataset.skipped().size(), 1u);
      EXPECT_EQ(dataset.skipped()[0].name, name);
      EXPECT_EQ(dataset.skipped()[0].reason,
                "cannot read " + (photos() / name).string() + ": Too many open files");
      EXPECT_EQ(open().size(), 5 - pictures);
      EXPECT_FALSE(decoded_);
    }
    const Dataset dataset = open();
    EXPECT_TRUE(decoded_);
    EXPECT_EQ(names(dataset), (std::vector<std::string>{"a.png", "b.png", "c.tar/b.png",
                                                        "d.tar/a.png", "d.tar/b.png"}));
    for (const int64_t i : {1, 2, 4}) EXPECT_TRUE(equal(dataset[i], b)) << i;
    EXPECT_TRUE(dataset.skipped().empty());
    EXPECT_EQ(open().size(), 5);
    EXPECT_FALSE(decoded_);
  }
}

TEST_F(DatasetTest, ACacheThatCannotBeWrittenGoesElsewhere) {
  const Image a = add("a.png", 1);
  std::ofstream(temporary_.file("cache")) << "a file where the folder should be";
  setenv("HOME", temporary_.file("home").c_str(), 1);
  const Dataset dataset = open();
  EXPECT_TRUE(equal(dataset[0], a));
  EXPECT_TRUE(fs::exists(temporary_.path() / "home/.cache/dae"));
}

TEST_F(DatasetTest, ShrinksToMaxSide) {
  const Image a = add("a.png", 1, 40, 60);
  EXPECT_TRUE(equal(open(30)[0], area_downscale(a, 30)));
  EXPECT_TRUE(equal(open(0)[0], a));
}

TEST_F(DatasetTest, BrokenImagesAreLeftOutAndNamed) {
  add("good.png", 1);
  std::ofstream(photos() / "empty.jpg");
  std::ofstream(photos() / "text.png") << "this is not a picture";
  fs::copy_file(fs::path(DAE_FIXTURES) / "data/baseline.jpg", photos() / "cut.jpg");
  fs::resize_file(photos() / "cut.jpg", 1200);
  for (int round = 0; round < 2; round++) {  // read, then from the cache
    const Dataset dataset = open();
    EXPECT_EQ(names(dataset), std::vector<std::string>{"good.png"});
    std::set<std::string> skipped;
    for (const Dataset::Skipped& s : dataset.skipped()) {
      skipped.insert(s.name);
      EXPECT_NE(s.reason.find(s.name), std::string::npos) << s.reason;
    }
    EXPECT_EQ(skipped, (std::set<std::string>{"cut.jpg", "empty.jpg", "text.png"}));
  }
}

TEST_F(DatasetTest, RefusesWhatHoldsNothing) {
  expect_error([&] { open(); }, "there is no such folder");
  fs::create_directories(photos());
  expect_error([&] { open(); }, "no images in it");
  std::ofstream(photos() / "a.png") << "broken";
  expect_error([&] { open(); }, "none of its 1 image files can be read; the first: ");
  expect_error([&] { open_dataset((photos() / "a.png").string()); }, "not a folder");
}

// The layout as https://www.cs.toronto.edu/~kriz/cifar.html gives it: a label, then 1024 red, 1024
// green and 1024 blue values, row by row.
TEST_F(DatasetTest, ReadsCifarPlanes) {
  fs::create_directories(photos());
  const auto value = [](int record, int channel, int pixel) {
    return static_cast<char>((record * 31 + channel * 77 + pixel * 3) & 0xff);
  };
  const auto write = [&](const std::string& name, int records) {
    std::ofstream file(photos() / name, std::ios::binary);
    for (int r = 0; r < records; r++) {
      file.put(9);
      for (int c = 0; c < 3; c++)
        for (int p = 0; p < 1024; p++) file.put(value(r, c, p));
    }
  };
  write("test_batch.bin", 1);
  EXPECT_EQ(open().size(), 1) << "the test images where there is nothing else";
  write("data_batch_2.bin", 2);
  write("data_batch_1.bin", 3);
  add("picture.png", 1);
  const Dataset dataset = open();
  ASSERT_EQ(dataset.size(), 5);
  EXPECT_EQ(dataset[1].name, "data_batch_1.bin#00001");
  EXPECT_EQ(dataset[4].name, "data_batch_2.bin#00001");
  EXPECT_EQ(dataset[1].view.height, 32);
  for (int p = 0; p < 1024; p++)
    for (int c = 0; c < 3; c++)
      ASSERT_EQ(dataset[1].view.data[p * 3 + c], static_cast<uint8_t>(value(1, c, p)));
  fs::resize_file(photos() / "data_batch_2.bin", 3073 + 5);
  EXPECT_EQ(open().size(), 3);
  EXPECT_NE(open().skipped().at(0).reason.find("not a multiple of 3073"), std::string::npos);
}

std::set<std::string> held_out_names(const Dataset& dataset, double fraction) {
  std::set<std::string> out;
  const Split split = hold_out(dataset, fraction);
  EXPECT_EQ(split.train.size() + split.held_out.size(), static_cast<size_t>(dataset.size()));
  EXPECT_TRUE(std::is_sorted(split.train.begin(), split.train.end()));
  for (const int64_t i : split.held_out) {
    out.emplace(dataset[i].name);
    EXPECT_FALSE(std::binary_search(split.train.begin(), split.train.end(), i));
  }
  return out;
}

// A folder and an archive of it, which the system's tar writes, are the same pictures.
TEST_F(DatasetTest, ArchivesAreFoldersOfTheirMembers) {
  const Image a = add("a.png", 1), b = add("sub/b.png", 2), c = add("c.png", 3);
  std::ofstream(photos() / "label.txt") << "no picture";
  const Dataset folder = open();
  const fs::path shards = temporary_.path() / "shards";
  fs::create_directory(shards);
  const auto tar = [&](const char* shard, const char* members) {
    const std::string line =
        "cd " + photos().string() + " && tar cf " + (shards / shard).string() + " " + members;
    ASSERT_EQ(std::system(line.c_str()), 0);
  };
  tar("0.tar", "./c.png label.txt");
  tar("1.TAR", "a.png sub");
  save_png(shards / "plain.png", a);
  Dataset dataset = open_dataset(shards.string());
  EXPECT_EQ(names(dataset), (std::vector<std::string>{"0.tar/c.png", "1.TAR/a.png",
                                                      "1.TAR/sub/b.png", "plain.png"}));
  EXPECT_TRUE(equal(dataset[0], c) && equal(dataset[1], a) && equal(dataset[2], b));
  EXPECT_TRUE(dataset.skipped().empty());
  dataset = open_dataset((shards / "1.TAR").string());
  EXPECT_EQ(names(dataset), (std::vector<std::string>{"1.TAR/a.png", "1.TAR/sub/b.png"}));
  EXPECT_TRUE(equal(dataset[1], b));

  bool decoded = false;
  const DatasetOptions watched = {.progress = [&](size_t, size_t) { decoded = true; }};
  open_dataset(shards.string(), watched);
  EXPECT_FALSE(decoded) << "packed already";
  tar("0.tar", "a.png c.png");
  EXPECT_EQ(names(open_dataset(shards.string(), watched)).front(), "0.tar/a.png");
  EXPECT_TRUE(decoded);
}

TEST_F(DatasetTest, WhatIsWrongWithAnArchiveIsNamed) {
  const fs::path shards = temporary_.path() / "shards";
  fs::create_directory(shards);
  add("a.png", 1);
  add("z.png", 2);
  std::ofstream(photos() / "broken.png") << "no picture";
  std::ofstream(photos() / "phone.heic") << "no picture";
  const std::string line = "cd " + photos().string() + " && tar cf " + (shards / "0.tar").string() +
                           " broken.png phone.heic a.png z.png && cd " + shards.string() +
                           " && tar cf none.tar --files-from /dev/null && gzip -k 0.tar";
  ASSERT_EQ(std::system(line.c_str()), 0);
  fs::resize_file(shards / "0.tar", fs::file_size(photos() / "a.png") + 512 * 6);
  const Dataset dataset = open_dataset(shards.string());
  EXPECT_EQ(names(dataset), std::vector<std::string>{"0.tar/a.png"});
  std::map<std::string, std::string> reasons;
  for (const Dataset::Skipped& skipped : dataset.skipped()) reasons[skipped.name] = skipped.reason;
  for (const auto& [name, words] : {std::pair{"0.tar", "cut off"},
                                    {"0.tar.gz", "compressed"},
                                    {"none.tar", "no files in it"},
                                    {"0.tar/broken.png", "0.tar/broken.png: "},
                                    {"0.tar/phone.heic", ".heic files cannot"}})
    EXPECT_NE(reasons[name].find(words), std::string::npos) << name << ": " << reasons[name];
  EXPECT_EQ(reasons.size(), 5u);

  fs::remove(shards / "0.tar");
  expect_error([&] { open_dataset(shards.string()); }, "none.tar: no files in it");
  std::ofstream(temporary_.path() / "text.tar") << "no archive";
  expect_error([&] { open_dataset((temporary_.path() / "text.tar").string()); },
               "cut off at byte 0");
}

TEST_F(DatasetTest, HoldsOutByContentAlone) {
  for (uint64_t i = 0; i < 40; i++) add("picture " + std::to_string(i) + ".png", i);
  const std::set<std::string> four = held_out_names(open(), 0.1);
  EXPECT_EQ(four.size(), 4u);
  EXPECT_EQ(held_out_names(open(), 0.001).size(), 1u) << "at least one";
  EXPECT_EQ(held_out_names(open(), 1.0).size(), 39u) << "never all";
  // Other images come and go, names change; the others' order is untouched.
  for (int i = 0; i < 40; i++) {
    const std::string name = "picture " + std::to_string(i) + ".png";
    if (four.contains(name)) continue;
    if (i % 2 == 0) fs::remove(photos() / name);
    if (i % 4 == 1) fs::rename(photos() / name, photos() / ("a " + name));
  }
  const Dataset fewer = open();
  EXPECT_EQ(held_out_names(fewer, 4.0 / static_cast<double>(fewer.size())), four);
  add("single/only.png", 1);
  expect_error([&] { hold_out(open_dataset((photos() / "single").string()), 0.1); },
               "none could be held out");
}

TEST_F(DatasetTest, CopiesLieOnOneSide) {
  for (uint64_t i = 0; i < 12; i++) {
    const std::string name = std::to_string(i) + ".png";
    const Image image = add(name, i, 60, 80);
    fs::copy_file(photos() / name, photos() / ("copy of " + name));
    save_png(photos() / ("small " + name), area_downscale(image, 50));
  }
  const std::set<std::string> out = held_out_names(open(), 0.25);
  EXPECT_EQ(out.size(), 9u);
  for (int i = 0; i < 12; i++) {
    const std::string name = std::to_string(i) + ".png";
    EXPECT_EQ(out.contains(name), out.contains("copy of " + name)) << name;
    EXPECT_EQ(out.contains(name), out.contains("small " + name)) << name;
  }
}

// The frames of a still clip are all alike, and are still trained on; one picture twice is not.
TEST_F(DatasetTest, OneSceneAloneIsSplitAllTheSame) {
  Image frame = add("0.png", 1);
  for (int i = 1; i < 10; i++) {
    frame.pixels[static_cast<size_t>(i)] ^= 1;
    save_png(photos() / (std::to_string(i) + ".png"), frame);
  }
  EXPECT_EQ(held_out_names(open(), 0.2).size(), 2u);
  fs::remove_all(photos());
  add("a.png", 1);
  add("b.png", 1);
  expect_error([&] { hold_out(open(), 0.1); }, "all 2 images are the same");
}

TEST_F(DatasetTest, WhatCannotBeReadIsNamed) {
  add("a.png", 1);
  for (const char* name : {"b.heic", "c.NEF", "notes.txt"}) std::ofstream(photos() / name) << "x";
  const Dataset dataset = open();
  EXPECT_EQ(dataset.size(), 1);
  ASSERT_EQ(dataset.skipped().size(), 2u);
  EXPECT_NE(dataset.skipped()[0].reason.find(".heic files cannot be read"), std::string::npos);
  EXPECT_EQ(dataset.skipped()[1].name, "c.NEF");
  EXPECT_EQ(open().skipped().size(), 2u) << "from the cache, too";
}

// By name but for the extension; what has no partner, two of them, or one of another size is named, and what cannot
// be read on either side.
TEST_F(DatasetTest, PairsAreFoundByName) {
  const fs::path noisy = temporary_.path() / "noisy";
  fs::create_directories(noisy / "in");
  const Image a = add("a.png", 1, 30, 40), b = add("in/b.png", 2, 30, 40);
  for (const char* const name : {"alone.png", "twice.png", "size.png"}) add(name, 3, 30, 40);
  save_png(noisy / "a.png", b);
  save_png(noisy / "in" / "b.png", a);
  for (const char* const name : {"twice.png", "size.png", "unasked.png"})
    save_png(noisy / name, draw_dead_leaves(1, 1, 20, 40));
  fs::copy_file(noisy / "twice.png", noisy / "twice.jpg");
  std::ofstream(noisy / "broken.png") << "";
  const Dataset pairs = open_pairs(photos().string(), noisy.string());
  ASSERT_EQ(pairs.size(), 2);
  EXPECT_TRUE(equal(pairs[0].view, a) && equal(pairs[0].given, b)) << pairs[0].name;
  EXPECT_TRUE(equal(pairs[1].view, b) && equal(pairs[1].given, a)) << pairs[1].name;
  std::string reasons;
  for (const Dataset::Skipped& skipped : pairs.skipped()) reasons += skipped.reason + "\n";
  for (const char* const words : {"alone.png: it has no partner", "twice.png: it has 2 partners",
                                  "size.png: 40x30 pixels, but 40x20 of its partner"})
    EXPECT_NE(reasons.find(words), std::string::npos) << reasons;
  EXPECT_EQ(pairs.skipped().size(), 4u);
  EXPECT_EQ(pairs.skipped().back().reason, (noisy / "broken.png").string() + ": the file is empty");
  expect_error([&] { open_pairs(photos().string(), (noisy / "in").string()); }, "no picture in");
  expect_error([&] { open_pairs(photos().string(), (photos() / ".").string()); },
               "the clean pictures cannot be their own noisy partners");
}

// As other datasets' pictures are where they are longer than 1024.
TEST_F(DatasetTest, PairsAreNeverShrunk) {
  const fs::path noisy = temporary_.path() / "noisy";
  fs::create_directory(noisy);
  const Image clean = add("long.png", 1, 8, 1100), given = draw_dead_leaves(5, 2, 8, 1100);
  save_png(noisy / "long.png", given);
  const Dataset pairs = open_pairs(photos().string(), noisy.string());
  ASSERT_EQ(pairs.size(), 1);
  EXPECT_TRUE(equal(pairs[0].view, clean));
  EXPECT_TRUE(equal(pairs[0].given, given));
}

TEST_F(DatasetTest, TenOfWhatCannotBeReadAreNamedAndTheOthersCounted) {
  add("good.png", 1);
  std::string said = "photos: 13 of 14 images cannot be read and are left out\n";
  for (int i = 10; i < 23; i++) {
    const fs::path path = photos() / (std::to_string(i) + ".png");
    std::ofstream(path) << "";
    if (i < 20) said += "  " + path.string() + ": the file is empty\n";
  }
  EXPECT_EQ(describe_skipped(open(), "photos"), said + "  and 3 more\n");
  for (int i = 20; i < 23; i++) fs::remove(photos() / (std::to_string(i) + ".png"));
  said.replace(said.find("13 of 14"), 8, "10 of 11");
  EXPECT_EQ(describe_skipped(open(), "photos"), said);
}

TEST_F(DatasetTest, SyntheticNeedsNothing) {
  const Dataset dataset = open_dataset("synthetic");
  EXPECT_EQ(dataset.size(), 48);
  for (const auto& [i, name] : {std::pair{0, "synthetic/00"}, {47, "synthetic/47"}}) {
    EXPECT_EQ(dataset[i].name, name);
    EXPECT_TRUE(equal(dataset[i], draw_dead_leaves(1, static_cast<uint64_t>(i), 256, 256))) << i;
  }
  EXPECT_FALSE(fs::exists(temporary_.path() / "cache"));
}

}  // namespace
}  // namespace dae::test
