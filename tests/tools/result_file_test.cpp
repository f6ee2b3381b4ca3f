// What check_result() lets a result be written over, and what it says of all else.
#include "tools/result_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/error.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

class ResultFile : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_.file(name), std::ios::binary) << bytes;
    return folder_.file(name);
  }
  template <class E = Error>
  static std::string checked(const std::string& path, ResultKind kind) {
    return said<E>([&] { check_result("--json", path, kind); });
  }

  TemporaryFolder folder_;
};

TEST_F(ResultFile, IsWrittenOverOneOfItsKindAndOverNothing) {
  for (const char* const bytes :
       {"", "<!doctype html>", "<!DOCTYPE html>\n<p>of yesterday", "<!DocType HTML>"})
    EXPECT_EQ(checked(file("page.html", bytes), ResultKind::page), "accepted") << bytes;
  for (const char* const bytes : {"", "{", "{\"psnr\": 30}\n"})
    EXPECT_EQ(checked(file("figures.json", bytes), ResultKind::figures), "accepted") << bytes;
  for (const ResultKind kind : {ResultKind::page, ResultKind::figures}) {
    EXPECT_EQ(checked(folder_.file("new"), kind), "accepted");
    EXPECT_FALSE(std::filesystem::exists(folder_.file("new"))) << "it is asked, not made";
  }
}

TEST_F(ResultFile, IsNotWrittenOverAnythingElse) {
  const std::string end = " is there already, and no such result; give another name";
  for (const char* const bytes :
       {"buy milk", " {", "[{}]", "<", "<!DOCTYPE htm", "<!DOCTYPE xml>", "{\"runs\": 1}"}) {
    const std::string path = file("page.html", bytes);
    EXPECT_EQ(checked(path, ResultKind::page), path + end) << bytes;
  }
  for (const char* const bytes : {"buy milk", " {", "[{}]", "<!DOCTYPE html>"}) {
    const std::string path = file("figures.json", bytes);
    EXPECT_EQ(checked(path, ResultKind::figures), path + end) << bytes;
  }
  EXPECT_NE(checked(folder_.path(), ResultKind::page), "accepted") << "a folder";
}

TEST_F(ResultFile, NeedsAFolderThatIsThere) {
  const std::string there = folder_.file("nowhere");
  EXPECT_EQ(checked<UsageError>(there + "/figures.json", ResultKind::figures),
            "--json " + there + "/figures.json: there is no folder " + there + "; make it first");
  // Without a folder in its name it lies in the one where the program runs.
  EXPECT_EQ(checked("no-such-figures.json", ResultKind::figures), "accepted");
}

}  // namespace
}  // namespace dae::test
