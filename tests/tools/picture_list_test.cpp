// Which pictures somebody means who names files and folders.
#include "tools/picture_list.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/somebody.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

class PictureListTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return temporary_.file(name); }
  // What is in a file is not looked at.
  void add(const std::string& name) {
    fs::create_directories(fs::path(path(name)).parent_path());
    std::ofstream(path(name)) << "x";
  }
  // "PATH as NAME", the path without the test's folder.
  Lines listed(const Lines& inputs, const std::string& out = "results") {
    list_ = list_pictures(inputs, path(out));
    Lines lines;
    for (const ListedPicture& picture : list_.pictures)
      lines.push_back(picture.path.lexically_relative(temporary_.path()).string() + " as " +
                      picture.name.string());
    return lines;
  }

  TemporaryFolder temporary_;
  PictureList list_;
};

// A file whatever its name, be it not there: who reads it says what is wrong. The pictures of a
// folder are sorted by name.
TEST_F(PictureListTest, FilesStandForThemselvesFoldersForTheirPictures) {
  for (const char* const name : {"z/b.png", "z/a.JPG", "z/sub/deep/c.tif", "z/notes.txt", "y/d.ppm",
                                 "notes.txt", "x/empty.txt"})
    add(name);
  EXPECT_EQ(listed({path("z"), path("notes.txt"), path("nowhere.png"), path("x"), path("y/")}),
            (Lines{"z/a.JPG as a.JPG", "z/b.png as b.png", "z/sub/deep/c.tif as sub/deep/c.tif",
                   "notes.txt as notes.txt", "nowhere.png as nowhere.png", "y/d.ppm as d.ppm"}));
  EXPECT_EQ(list_.left_out, Lines());
}

TEST_F(PictureListTest, FormatsThatCannotBeReadAreNamed) {
  for (const char* const name : {"in/a.png", "in/b.HEIC", "in/sub/c.nef"}) add(name);
  EXPECT_EQ(listed({path("in")}), Lines{"in/a.png as a.png"});
  const std::string why = " files cannot be read; save it as PNG, TIFF or JPEG";
  EXPECT_EQ(list_.left_out,
            (Lines{path("in/b.HEIC") + ": .HEIC" + why, path("in/sub/c.nef") + ": .nef" + why}));
}

TEST_F(PictureListTest, AFolderThatCannotBeReadIsNamed) {
  for (const char* const name : {"in/a.png", "in/closed/b.png", "in/open/c.png"}) add(name);
  fs::permissions(temporary_.path(), fs::perms::all);
  fs::permissions(path("in/closed"), fs::perms::none);
  const Lines lines = [&] {
    const Somebody somebody;
    return listed({path("in")});
  }();
  fs::permissions(path("in/closed"), fs::perms::all);
  EXPECT_EQ(lines, (Lines{"in/a.png as a.png", "in/open/c.png as open/c.png"}));
  EXPECT_EQ(list_.left_out, Lines{path("in/closed") + ": cannot be read: Permission denied"});
}

// Nor is there a word of those that cannot be read. A folder whose name begins alike is another,
// and a file that is named is meant.
TEST_F(PictureListTest, ResultsAreNoPicturesToRestore) {
  for (const char* const name :
       {"in/a.png", "in/out/r.png", "in/out/sub/s.png", "in/out/t.heic", "in/outer/b.png"})
    add(name);
  const Lines without = {"in/a.png as a.png", "in/outer/b.png as outer/b.png"};
  for (const char* const out : {"in/out", "in/out/", "in/../in/outer/../out"}) {
    EXPECT_EQ(listed({path("in")}, out), without) << out;
    EXPECT_EQ(list_.left_out, Lines()) << out;
  }
  fs::create_directory_symlink(path("in"), path("link"));
  EXPECT_EQ(listed({path("in")}, "link/out"), without);
  EXPECT_EQ(listed({path("in/out/r.png")}, "in/out"), Lines{"in/out/r.png as r.png"});
  EXPECT_EQ(listed({path("in")}, "in/new").size(), 4u);
}

}  // namespace
}  // namespace dae::test
