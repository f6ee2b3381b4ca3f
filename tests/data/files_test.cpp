#include "data/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "runtime/error.h"
#include "tests/support/said.h"
#include "tests/support/somebody.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  return {bytes.begin(), bytes.end()};
}

int64_t entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(Files, AWrittenFileIsWhole) {
  const TemporaryFolder folder;
  const fs::path path = folder.file("a");
  write_file_atomically(path, std::string_view("first"));
  EXPECT_EQ(text_of(path), "first");
  write_file_atomically(path, [](const Append& append) {
    append("sec", 3);
    append("", 0);
    append("ond", 3);
  });
  EXPECT_EQ(text_of(path), "second");
  EXPECT_EQ(entries(folder.path()), 1);
}

// File systems give a name 255 bytes; what is written beside it has no fewer.
TEST(Files, ALongNameIsWritten) {
  const TemporaryFolder folder;
  const std::string begin(254, 'n');
  for (const char* end : {"1", "2"})
    write_file_atomically(folder.file(begin + end), std::string_view(end));
  EXPECT_EQ(text_of(folder.file(begin + "1")), "1");
  EXPECT_EQ(text_of(folder.file(begin + "2")), "2");
  EXPECT_EQ(entries(folder.path()), 2);
}

// Two at once: the names of both begin alike.
TEST(Files, LongNamesThatBeginAlikeAreKeptApart) {
  const TemporaryFolder folder;
  const std::string begin(254, 'n');
  write_file_atomically(folder.file(begin + "1"), [&](const Append& append) {
    append("1", 1);
    write_file_atomically(folder.file(begin + "2"), std::string_view("2"));
  });
  EXPECT_EQ(text_of(folder.file(begin + "1")), "1");
  EXPECT_EQ(text_of(folder.file(begin + "2")), "2");
}

// A time is the system's, in ns; what changes the file's rights alone leaves when it was written.
TEST(Files, AStampTellsThatAFileIsAnother) {
  const TemporaryFolder folder;
  const fs::path path = folder.file("a");
  std::ofstream(path) << "abc";
  const FileStamp first = stamp_of(path);
  EXPECT_EQ(first.bytes, 3u);
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(first.written, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec);
  EXPECT_EQ(first.changed, status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec);
  std::this_thread::sleep_for(
      std::chrono::milliseconds(20));  // the system's clock has ticked since
  fs::permissions(path, fs::perms::owner_read);
  EXPECT_EQ(stamp_of(path).written, first.written);
  EXPECT_GT(stamp_of(path).changed, first.changed);
  const FileStamp none = stamp_of(folder.file("none"));
  EXPECT_EQ(none.bytes, 0u);
  EXPECT_EQ(none.written, 0);
  EXPECT_EQ(none.changed, 0);
}

TEST(Files, AFailureLeavesTheOldFileAndNothingElse) {
  const TemporaryFolder folder;
  const fs::path path = folder.file("a");
  write_file_atomically(path, std::string_view("kept"));
  EXPECT_THROW(write_file_atomically(path,
                                     [](const Append& append) {
                                       append("half", 4);
                                       throw Error("stop");
                                     }),
               Error);
  EXPECT_EQ(text_of(path), "kept");
  EXPECT_EQ(entries(folder.path()), 1);
}

// All is written by then but the name.
TEST(Files, WhatCannotTakeItsPlaceIsRemoved) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "a/full");
  EXPECT_EQ(
      said<SystemError>([&] { write_file_atomically(folder.file("a"), std::string_view("x")); }),
      "cannot write " + folder.file("a") + ": Is a directory");
  EXPECT_EQ(entries(folder.path()), 1);
  EXPECT_TRUE(fs::exists(folder.path() / "a/full"));
}

// A process that was killed may have had the same id, as the first of every container has.
TEST(Files, WhatAnEarlierProcessLeftIsInNobodysWay) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("a." + std::to_string(getpid()) + ".part")) << "of an earlier one";
  write_file_atomically(folder.file("a"), std::string_view("new"));
  EXPECT_EQ(text_of(folder.file("a")), "new");
  EXPECT_EQ(entries(folder.path()), 1);
}

TEST(Files, AKilledProcessLeavesNothing) {
  const TemporaryFolder folder;
  const int nameless = open(folder.path().c_str(), O_WRONLY | O_TMPFILE, 0600);
  if (nameless < 0) GTEST_SKIP() << "this file system knows no nameless files";
  close(nameless);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0)
    write_file_atomically(folder.file("a"), [](const Append& append) {
      append("half", 4);
      raise(SIGKILL);
    });
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(entries(folder.path()), 0);
}

TEST(Files, ErrorsNameThePathAndTheReason) {
  const TemporaryFolder folder;
  const auto expect_error = [](const std::function<void()>& act, const std::string& words) {
    try {
      act();
      ADD_FAILURE() << "no error: " << words;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  };
  const std::string nowhere = folder.file("no/file");
  expect_error([&] { write_file_atomically(nowhere, std::string_view("x")); },
               nowhere + ": No such file");
  expect_error([&] { read_file(nowhere); }, nowhere + ": No such file");
  expect_error([&] { read_file(folder.path()); }, "not a file");
}

// Every regular file, through links to files but not to folders, which may lead back; what is no file is
// passed over, and a folder that cannot be read is named.
TEST(Files, ListsWhatLiesBelowAFolder) {
  const TemporaryFolder folder;
  const fs::path root = folder.path();
  fs::create_directories(root / "sub/closed");
  for (const char* const name : {"b", "sub/a", "sub/closed/c"}) std::ofstream(root / name) << name;
  fs::create_symlink(root / "b", root / "link");
  fs::create_symlink(root / "nowhere", root / "broken");
  fs::create_directory_symlink(root, root / "sub/loop");
  fs::create_symlink(root / "self", root / "self");
  ASSERT_EQ(mkfifo((root / "pipe").c_str(), 0600), 0);
  const std::vector<fs::path> open = {root / "b", root / "link", root / "sub/a"};
  fs::permissions(root, fs::perms::all);
  fs::permissions(root / "sub/closed", fs::perms::none);
  const FolderContents found = [&] {
    const Somebody somebody;
    return files_below(root);
  }();
  fs::permissions(root / "sub/closed", fs::perms::all);
  EXPECT_EQ(found.files, open);
  ASSERT_EQ(found.unreadable.size(), 1u);
  EXPECT_EQ(found.unreadable[0].path, root / "sub/closed");
  EXPECT_NE(found.unreadable[0].reason.find("Permission denied"), std::string::npos);
}

TEST(Files, ALockIsOneHoldersUntilItEnds) {
  const TemporaryFolder folder;
  {
    const std::optional<FileLock> first = FileLock::take(folder.file("lock"));
    ASSERT_TRUE(first);
    EXPECT_FALSE(FileLock::take(folder.file("lock")));
    EXPECT_TRUE(FileLock::take(folder.file("other")));
  }
  std::optional<FileLock> second = FileLock::take(folder.file("lock"));
  ASSERT_TRUE(second);
  std::atomic<bool> released = false;
  std::thread waits([&] {
    const FileLock third = FileLock::wait(folder.file("lock"));
    EXPECT_TRUE(released);
  });
  std::this_thread::sleep_for(
      std::chrono::milliseconds(50));  // in which it should not come through
  released = true;
  second.reset();
  waits.join();
  EXPECT_THROW(FileLock::take(folder.file("no/lock")), SystemError);
}

// An empty variable is as good as none (XDG Base Directory Specification).
TEST(Files, WhereTheCacheMayBe) {
  using Folders = std::vector<fs::path>;
  const fs::path last = fs::temp_directory_path() / ("dae-" + std::to_string(getuid()));
  const auto folders = [](const char* cache, const char* home) {
    setenv("XDG_CACHE_HOME", cache, 1);
    setenv("HOME", home, 1);
    return cache_folders();
  };
  EXPECT_EQ(folders("/c", "/h"), (Folders{"/c/dae", "/h/.cache/dae", last}));
  EXPECT_EQ(folders("", "/h"), (Folders{"/h/.cache/dae", last}));
  EXPECT_EQ(folders("/c", ""), (Folders{"/c/dae", last}));
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  EXPECT_EQ(cache_folders(), Folders{last});
}

TEST(Files, MappingsMoveAndMayBeEmpty) {
  const TemporaryFolder folder;
  write_file_atomically(folder.file("a"), std::string_view("abc"));
  write_file_atomically(folder.file("empty"), std::string_view());
  MappedFile first(folder.file("a"));
  MappedFile second = std::move(first);
  EXPECT_EQ(first.bytes().size(), 0u);
  ASSERT_EQ(second.bytes().size(), 3u);
  EXPECT_EQ(second.bytes()[2], 'c');
  EXPECT_TRUE(MappedFile(folder.file("empty")).bytes().empty());
}

TEST(Files, AMappingEndsWithItsOwner) {
  const TemporaryFolder folder;
  write_file_atomically(folder.file("a"), std::string_view("abc"));
  const std::string path = fs::canonical(folder.file("a")).string();
  const auto is_mapped = [&] {
    std::ifstream maps("/proc/self/maps");
    const std::string text{std::istreambuf_iterator<char>(maps), {}};
    return text.find(path) != text.npos;
  };
  {
    MappedFile first(path);
    const MappedFile second = std::move(first);
    EXPECT_TRUE(is_mapped());
  }
  EXPECT_FALSE(is_mapped());
}

}  // namespace
}  // namespace dae::test
