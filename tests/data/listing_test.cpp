// What a dataset is read from, in which order, and what is said of what is not.
#include "data/listing.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/said.h"
#include "tests/support/somebody.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

class ListingTest : public testing::Test {
 protected:
  fs::path root() const { return temporary_.path() / "photos"; }
  // What is in a file is not looked at.
  void add(const std::string& name) {
    fs::create_directories((root() / name).parent_path());
    std::ofstream(root() / name) << "x";
  }
  // The names of a part's files.
  static std::vector<std::string> names(const DatasetPart& part) {
    std::vector<std::string> out;
    for (const ListedFile& file : part.files) out.push_back(file.name);
    return out;
  }

  TemporaryFolder temporary_;
};

TEST_F(ListingTest, AFolderThatCannotBeReadIsNamed) {
  add("a.png");
  add("closed/b.png");
  for (const fs::path& path : {temporary_.path(), root()}) fs::permissions(path, fs::perms::all);
  fs::permissions(root() / "closed", fs::perms::none);
  const Listing listing = [&] {
    const Somebody somebody;
    return list_dataset(root(), 0);
  }();
  fs::permissions(root() / "closed", fs::perms::all);
  ASSERT_EQ(listing.parts.size(), 1u);
  EXPECT_EQ(names(listing.parts[0]), std::vector<std::string>{"a.png"});
  ASSERT_EQ(listing.left_out.size(), 1u);
  EXPECT_EQ(listing.left_out[0].name, "closed");
  EXPECT_EQ(listing.left_out[0].reason,
            (root() / "closed").string() + ": cannot be read: Permission denied");
}

// Their pictures are named ARCHIVE/MEMBER: "-" and "." come before "/", digits after it.
TEST_F(ListingTest, AnArchiveStandsWhereItsPicturesDo) {
  for (const char* const name :
       {"a.tar0.png", "a.tar", "a.tar.png", "a.tar-b.png", "a.png", "a.tar-b.tar"})
    add(name);
  const Listing listing = list_dataset(root(), 0);
  std::vector<std::vector<std::string>> parts;
  for (const DatasetPart& part : listing.parts) parts.push_back(names(part));
  EXPECT_EQ(
      parts,
      (std::vector<std::vector<std::string>>{
          {"a.png", "a.tar-b.png"}, {"a.tar-b.tar"}, {"a.tar.png"}, {"a.tar"}, {"a.tar0.png"}}));
}

TEST_F(ListingTest, EveryCompressedArchiveIsNamed) {
  add("a.png");
  for (const std::string ending : {".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".TAR.GZ",
                                   ".TGZ", ".Tar.Bz2", ".tar.XZ", ".TAR.zst"}) {
    const std::string name = "in/b" + ending;
    add(name);
    const Listing listing = list_dataset(root(), 0);
    fs::remove(root() / name);
    ASSERT_EQ(listing.left_out.size(), 1u) << ending;
    EXPECT_EQ(listing.left_out[0].name, name);
    EXPECT_EQ(listing.left_out[0].reason,
              (root() / name).string() + ": a compressed archive, in which no picture can be " +
                  "looked up; unpack it to a .tar");
  }
}

TEST_F(ListingTest, APartThatChangesIsNamedByItsFirstFile) {
  const std::string first = (root() / "1.png").string();
  for (const auto& [name, others] : {std::pair{"1.png", ""},
                                     {"2.png", ", or the file after it"},
                                     {"3.png", ", or one of the 2 files after it"}}) {
    add(name);
    const Listing listing = list_dataset(root(), 0);
    ASSERT_EQ(listing.parts.size(), 1u);
    const auto check = [&] { check_unchanged(listing.parts[0]); };
    EXPECT_EQ(said<DatasetChanged>(check), "accepted");
    std::ofstream(root() / name, std::ios::app) << "more";
    EXPECT_EQ(said<DatasetChanged>(check), first + ": it changed while it was read" + others +
                                               "; open it again once it is whole");
  }
}

}  // namespace
}  // namespace dae::test
