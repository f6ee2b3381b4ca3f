// The files in which decoded pictures are kept: one a part of a dataset, each made again by itself.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "data/dataset.h"
#include "data/files.h"
#include "data/pack_folder.h"
#include "data/synthetic.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

class PacksTest : public testing::Test {
 protected:
  PacksTest() {
    setenv("XDG_CACHE_HOME", temporary_.file("cache").c_str(), 1);
    fs::create_directories(temporary_.path() / "shards");
    fs::create_directories(temporary_.path() / "members");
  }

  fs::path shards() { return temporary_.path() / "shards"; }
  // An archive of `count` pictures, which the system's tar writes.
  void add_shard(const std::string& name, uint64_t first, int count) {
    std::string line =
        "tar cf " + (shards() / name).string() + " -C " + (temporary_.path() / "members").string();
    for (int i = 0; i < count; i++) {
      const std::string picture = std::to_string(first + static_cast<uint64_t>(i)) + ".png";
      save_png(temporary_.path() / "members" / picture,
               draw_dead_leaves(5, first + static_cast<uint64_t>(i), 20, 30));
      line += " " + picture;
    }
    ASSERT_EQ(std::system(line.c_str()), 0);
  }
  Dataset open(uint64_t checked_at_once = 1 << 30) {
    decoded_ = 0;
    return open_dataset(shards().string(), {.progress = [&](size_t, size_t) { decoded_++; },
                                            .checked_at_once = checked_at_once});
  }
  fs::path pack(int part) {
    const fs::path folder = fs::directory_iterator(temporary_.path() / "cache/dae")->path();
    return folder / ("0000" + std::to_string(part) + ".pack");
  }
  static void flip_a_bit(const fs::path& path, size_t at) {
    std::vector<uint8_t> bytes = read_file(path);
    bytes[at] ^= 4;
    write_file_atomically(path, std::span<const uint8_t>(bytes));
  }
  static ino_t inode(const fs::path& path) {
    struct stat status {};
    stat(path.c_str(), &status);
    return status.st_ino;
  }
  static bool equal(ByteView view, const Image& image) {
    return view.height == image.height && view.width == image.width &&
           std::equal(image.pixels.begin(), image.pixels.end(), view.data);
  }

  TemporaryFolder temporary_;
  int decoded_ = 0;  // parts of a few pictures
};

TEST_F(PacksTest, AShardThatChangesIsDecodedAlone) {
  for (int i = 0; i < 3; i++)
    add_shard(std::to_string(i) + ".tar", static_cast<uint64_t>(10 * i), 2 + i);
  EXPECT_EQ(open().size(), 2 + 3 + 4);
  EXPECT_EQ(decoded_, 3);
  const ino_t first = inode(pack(0)), third = inode(pack(2));
  add_shard("1.tar", 50, 5);
  const Dataset dataset = open();
  EXPECT_EQ(decoded_, 1);
  ASSERT_EQ(dataset.size(), 2 + 5 + 4);
  EXPECT_EQ(dataset[2].name, "1.tar/50.png");
  EXPECT_TRUE(equal(dataset[2].view, draw_dead_leaves(5, 50, 20, 30)));
  EXPECT_TRUE(equal(dataset[7].view, draw_dead_leaves(5, 20, 20, 30)));
  EXPECT_TRUE(inode(pack(0)) == first && inode(pack(2)) == third);
  fs::remove(shards() / "2.tar");
  add_shard("1.tar", 60, 2);
  EXPECT_EQ(open().size(), 4);
  EXPECT_FALSE(fs::exists(pack(2))) << "of a shard that is gone";
}

// How many there will be is guessed until every archive was opened; how many there are is not.
TEST_F(PacksTest, WhatIsDecodedIsCountedOverAllShards) {
  add_shard("0.tar", 0, 2);
  add_shard("1.tar", 10, 3);
  std::vector<size_t> done;
  size_t last = 0;
  const DatasetOptions watched = {.progress = [&](size_t now, size_t total) {
    done.push_back(now);
    last = total;
    EXPECT_LE(now, total);
  }};
  EXPECT_EQ(open_dataset(shards().string(), watched).size(), 5);
  EXPECT_EQ(done, (std::vector<size_t>{2, 5}));
  EXPECT_EQ(last, 5u);
}

// As many a byte as in the archives before, and every other file.
TEST_F(PacksTest, WhatIsLeftIsGuessedFromWhatWasOpened) {
  add_shard("0.tar", 0, 2);
  add_shard("1.tar", 10, 2);
  ASSERT_EQ(fs::file_size(shards() / "0.tar"), fs::file_size(shards() / "1.tar"));
  std::vector<size_t> totals;
  const DatasetOptions watched = {
      .progress = [&](size_t, size_t total) { totals.push_back(total); }};
  open_dataset(shards().string(), watched);
  EXPECT_EQ(totals, (std::vector<size_t>{4, 4}));
  fs::remove_all(temporary_.path() / "cache");
  for (const char* const name : {"2.ppm", "3.ppm", "4.ppm"})
    std::ofstream(shards() / name) << "P6 1 1 255\nabc";
  totals.clear();
  open_dataset(shards().string(), watched);
  EXPECT_EQ(totals, (std::vector<size_t>{7, 7, 7}));
}

TEST_F(PacksTest, ADamagedPackIsMadeAgainAlone) {
  add_shard("0.tar", 0, 2);
  add_shard("1.tar", 10, 2);
  open();
  const ino_t second = inode(pack(1));
  flip_a_bit(pack(0), 1000);
  EXPECT_EQ(open().size(), 4);
  EXPECT_EQ(decoded_, 1);
  EXPECT_EQ(inode(pack(1)), second);
}

// Of more pixels than are looked at when it opens.
TEST_F(PacksTest, DamageOfALargeDatasetIsFoundWhereItIsUsed) {
  add_shard("0.tar", 0, 2);
  add_shard("1.tar", 10, 2);
  open();
  flip_a_bit(pack(1), 20 * 30 * 3 + 7);
  {
    const Dataset dataset = open(7199);
    EXPECT_EQ(decoded_, 0);
    EXPECT_FALSE(dataset.is_checked());
    for (const int64_t sound : {0, 1, 2}) dataset.check(sound);
    try {
      dataset.check(3);
      ADD_FAILURE() << "no damage";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()), "1.tar/11.png: its pixels in the cache were damaged; " +
                                               pack(1).string() +
                                               " is removed, and made again by the next start");
    }
  }
  const Dataset dataset = open(7199);
  EXPECT_EQ(decoded_, 1);
  dataset.check(3);
  EXPECT_TRUE(open(7200).is_checked());
}

TEST_F(PacksTest, FilesThatAreNoArchivesArePartsOfAThousand) {
  for (int i = 0; i < 1030; i++)
    std::ofstream(shards() / (std::to_string(i) + ".ppm")) << "P6 1 1 255\n"
                                                           << std::string(3, static_cast<char>(i));
  EXPECT_EQ(open().size(), 1030);
  EXPECT_TRUE(fs::exists(pack(1)) && !fs::exists(pack(2)));
  std::ofstream(shards() / "~last.ppm") << "P6 1 1 255\nabc";
  decoded_ = 0;
  EXPECT_EQ(open().size(), 1031);
  EXPECT_EQ(decoded_, 1) << "in the second part, a batch";
}

// Whatever an archive says in the middle of a read is not kept.
TEST_F(PacksTest, AShardThatChangesWhileItIsReadIsNamed) {
  add_shard("0.tar", 0, 2);
  const DatasetOptions growing = {.progress = [&](size_t, size_t) {
    std::ofstream(shards() / "0.tar", std::ios::app) << "more";
  }};
  try {
    open_dataset(shards().string(), growing);
    ADD_FAILURE() << "nothing changed";
  } catch (const DatasetChanged& error) {
    EXPECT_EQ(std::string(error.what()),
              (shards() / "0.tar").string() +
                  ": it changed while it was read; open it again once it is whole");
  }
  EXPECT_FALSE(fs::exists(pack(0)));
  add_shard("0.tar", 0, 2);
  EXPECT_EQ(open().size(), 2);
}

// Names that somebody made up: what leads out is left out, the others stay as they are.
TEST_F(PacksTest, StrangeNamesInAnArchive) {
  save_png(temporary_.path() / "members/a.png", draw_dead_leaves(5, 1, 20, 30));
  const std::string members = (temporary_.path() / "members").string();
  const auto add = [&](const std::string& name) {
    const std::string line = "tar rPf " + (shards() / "0.tar").string() + " -C " + members +
                             " --transform='s,a.png," + name + ",' a.png";
    ASSERT_EQ(std::system(line.c_str()), 0) << line;
  };
  for (const char* const name :
       {"../../etc/out.png", "in/../../out.png", "/etc/in.png", "line\nbreak.png",
        "<b>mark\\&up</b>.png", "\xff\xfe.png", "twice.png", "twice.png", "..dots.png"})
    add(name);
  const Dataset dataset = open();
  std::vector<std::string> names;
  for (int64_t i = 0; i < dataset.size(); i++) names.emplace_back(dataset[i].name);
  EXPECT_EQ(names, (std::vector<std::string>{"0.tar/..dots.png", "0.tar//etc/in.png",
                                             "0.tar/<b>mark&up</b>.png", "0.tar/line\nbreak.png",
                                             "0.tar/twice.png", "0.tar/\xff\xfe.png"}));
  ASSERT_EQ(dataset.skipped().size(), 2u);
  for (const Dataset::Skipped& skipped : dataset.skipped())
    EXPECT_NE(skipped.reason.find("out.png: a name that leads out of its archive"),
              std::string::npos)
        << skipped.reason;
  const std::string said = describe_skipped(dataset, "shards");
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 3) << said;
}

// Shards need not be alike: one of no pictures, one that was cut off, one of other sizes.
TEST_F(PacksTest, UnequalShards) {
  add_shard("0.tar", 0, 3);
  add_shard("1.tar", 10, 1);
  fs::resize_file(shards() / "1.tar", 700);
  std::ofstream(temporary_.path() / "members/note.txt") << "no picture";
  const std::string line = "tar cf " + (shards() / "2.tar").string() + " -C " +
                           (temporary_.path() / "members").string() + " note.txt";
  ASSERT_EQ(std::system(line.c_str()), 0);
  std::ofstream(shards() / "3.tar") << "";
  const Dataset dataset = open();
  EXPECT_EQ(dataset.size(), 3);
  ASSERT_EQ(dataset.skipped().size(), 2u);
  EXPECT_NE(dataset.skipped()[0].reason.find("1.tar: it was cut off at byte 0"), std::string::npos)
      << dataset.skipped()[0].reason;
  EXPECT_NE(dataset.skipped()[1].reason.find("3.tar: it has no end"), std::string::npos)
      << dataset.skipped()[1].reason;
  open();
  EXPECT_EQ(decoded_, 0);
}

TEST_F(PacksTest, AnArchiveWithoutPicturesIsNothing) {
  std::ofstream(temporary_.path() / "members/note.txt") << "no picture";
  const std::string line = "tar cf " + (shards() / "0.tar").string() + " -C " +
                           (temporary_.path() / "members").string() + " note.txt";
  ASSERT_EQ(std::system(line.c_str()), 0);
  EXPECT_EQ(
      said([&] { open(); }),
      shards().string() +
          ": none of its 0 image files can be read; the first: no picture is in its archives");
}

TEST(Claim, IsOnesAlone) {
  const TemporaryFolder folder;
  const fs::path path = folder.file("claim");
  {
    const Claim first(path);
    EXPECT_TRUE(first.is_ours());
    EXPECT_FALSE(Claim(path).is_ours());
    EXPECT_FALSE(Claim(path).is_ours()) << "who had no part in it leaves it as it is";
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(Claim(path).is_ours());
  EXPECT_TRUE(Claim(folder.file("nowhere") + "/claim").is_ours()) << "which keeps nobody out";
}

// Where all may write, somebody's link would have a file made anywhere.
TEST(Claim, FollowsNoLink) {
  const TemporaryFolder folder;
  fs::create_symlink(folder.file("target"), folder.file("claim"));
  EXPECT_TRUE(Claim(folder.file("claim")).is_ours()) << "it cannot be made";
  EXPECT_FALSE(fs::exists(folder.file("target")));
}

}  // namespace
}  // namespace dae::test
