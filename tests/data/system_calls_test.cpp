// What reaches the disk, and in which order: this program's own write, pread, fsync, fdatasync,
// linkat, rename and flock stand before the system's, note what is asked and may give less.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "data/files.h"
#include "record/run_folder.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace {

std::vector<std::string>* noted = nullptr;  // while there is one
size_t at_once = 0;                         // bytes that a call moves; 0: all
bool interrupted = false;                   // every other call is, before it has done anything
int calls = 0;
bool knows_locks = true;  // the file system

std::string name_of(int fd) {
  char target[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(link.c_str(), target, sizeof(target));
  const std::string path(target, length > 0 ? static_cast<size_t>(length) : 0);
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.ends_with(" (deleted)") ? "nameless" : name;
}
std::string last_part(const char* path) {
  const std::string name = std::string(path).substr(std::string(path).rfind('/') + 1);
  return name.ends_with(".part") ? name.substr(0, name.find('.')) + ".part" : name;
}
void note(const std::string& what) {
  if (noted && (noted->empty() || noted->back() != what)) noted->push_back(what);
}
bool is_regular(int fd) {
  return lseek(fd, 0, SEEK_CUR) >= 0;
}
// Whether the call is to fail by EINTR; `count` becomes what it may move.
bool fault(int fd, size_t& count) {
  if ((at_once == 0 && !interrupted) || !is_regular(fd)) return false;
  if (interrupted && calls++ % 2 == 0) {
    errno = EINTR;
    return true;
  }
  if (at_once > 0 && count > at_once) count = at_once;
  return false;
}

}  // namespace

extern "C" {
ssize_t write(int fd, const void* data, size_t count) {
  if (noted && is_regular(fd)) note("write " + name_of(fd));
  return fault(fd, count) ? -1 : syscall(SYS_write, fd, data, count);
}
ssize_t pread(int fd, void* data, size_t count, off_t offset) {
  return fault(fd, count) ? -1 : syscall(SYS_pread64, fd, data, count, offset);
}
int fsync(int fd) {
  note("fsync " + name_of(fd));
  return static_cast<int>(syscall(SYS_fsync, fd));
}
int fdatasync(int fd) {
  note("fsync " + name_of(fd));
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}
int linkat(int from, const char* old_path, int to, const char* new_path, int flags) noexcept {
  note("link " + last_part(new_path));
  return static_cast<int>(syscall(SYS_linkat, from, old_path, to, new_path, flags));
}
int rename(const char* from, const char* to) noexcept {
  note("rename " + last_part(from) + " " + last_part(to));
  return static_cast<int>(syscall(SYS_rename, from, to));
}
int flock(int fd, int operation) noexcept {
  if (knows_locks) return static_cast<int>(syscall(SYS_flock, fd, operation));
  errno = ENOLCK;
  return -1;
}
}

namespace dae::test {
namespace {

class SystemCalls : public testing::Test {
 protected:
  ~SystemCalls() override {
    noted = nullptr;
    at_once = 0;
    interrupted = false;
    knows_locks = true;
  }
  template <class F>
  std::vector<std::string> calls_of(const F& act) {
    std::vector<std::string> list;
    noted = &list;
    act();
    noted = nullptr;
    return list;
  }
  std::string folder_name() const { return folder_.path().filename().string(); }
  TemporaryFolder folder_;
};

// Until they have their names, also where a file system knows no nameless files.
TEST_F(SystemCalls, LongNamesThatBeginAlikeHavePlacesOfTheirOwn) {
  const std::string begin(254, 'n');
  std::set<std::string> places;
  for (const char* const end : {"1", "2"})
    for (const std::string& call :
         calls_of([&] { write_file_atomically(folder_.file(begin + end), std::string_view("x")); }))
      if (call.starts_with("rename ")) places.insert(call.substr(0, call.find(".part")));
  EXPECT_EQ(places.size(), 2u);
}

// A name stands for bytes that are on the disk, and the folder knows the name when the call returns.
TEST_F(SystemCalls, AFileIsSyncedBeforeItIsNamedAndItsFolderAfterwards) {
  const auto calls = calls_of([&] {
    write_file_atomically(folder_.file("a"), [](const Append& append) {
      append("one", 3);
      append("two", 3);
    });
  });
  if (calls[0] == "write nameless") {
    EXPECT_EQ(calls, (std::vector<std::string>{"write nameless", "fsync nameless", "link a.part",
                                               "rename a.part a", "fsync " + folder_name()}));
  } else {
    EXPECT_EQ(calls.size(), 4u) << "a file system that knows no nameless files";
  }
}

TEST_F(SystemCalls, ALineIsSynced) {
  EXPECT_EQ(calls_of([&] { append_line(folder_.file("m"), "1,2\n"); }),
            (std::vector<std::string>{"write m", "fsync m"}));
}

// The checkpoint there is becomes the previous one only when the new one is on the disk.
TEST_F(SystemCalls, ACheckpointIsOnTheDiskBeforeTheOneThereIsMoves) {
  const RunFolder run = RunFolder::create(
      folder_.file("run"), nlohmann::json{{"model", {{"kind", "conv"}}}}, parse_loss("mse"), {});
  ParameterSet parameters;
  parameters.declare("w", {2}, 1);
  const std::vector<float> values(static_cast<size_t>(parameters.count()));
  const Checkpoint checkpoint{.weights = values,
                              .ema = values,
                              .moment1 = values,
                              .moment2 = values,
                              .state = {},
                              .loss_sums = {0}};
  run.save_checkpoint(parameters, checkpoint);
  const auto calls = calls_of([&] { run.save_checkpoint(parameters, checkpoint); });
  const auto place = [&](const std::string& what) {
    return std::find(calls.begin(), calls.end(), what) - calls.begin();
  };
  const auto moved = place("rename checkpoint.safetensors checkpoint.previous.safetensors"),
             named = place("rename checkpoint.next.safetensors checkpoint.safetensors");
  ASSERT_LT(named, std::ssize(calls));
  EXPECT_LT(place("fsync nameless"), moved);
  EXPECT_LT(place("fsync run"), moved) << "the new one's name, beside its place";
  EXPECT_LT(moved, named);
  EXPECT_EQ(calls.back(), "fsync run");
}

// The system may take or give less than it is asked for, or be interrupted.
TEST_F(SystemCalls, ShortAndInterruptedCallsLoseNothing) {
  std::string text;
  for (int i = 0; i < 5000; i++) text += std::to_string(i) + " ";
  for (const size_t bytes : {size_t{0}, size_t{1000}, size_t{7}})
    for (const bool interrupts : {false, true}) {
      at_once = bytes;
      interrupted = interrupts;
      write_file_atomically(folder_.file("a"), std::string_view(text));
      append_line(folder_.file("a"), "the end\n");
      const std::vector<uint8_t> found = read_file(folder_.file("a"));
      at_once = 0;
      interrupted = false;
      EXPECT_EQ(std::string(found.begin(), found.end()), text + "the end\n") << bytes;
    }
}

// As some of a network: a folder and work are everybody's then, and a file that must be one's alone
// is nobody's.
TEST_F(SystemCalls, WithoutLocksNobodyIsKeptOut) {
  for (const bool known : {true, false}) {
    knows_locks = known;
    FolderLock first, second;
    EXPECT_TRUE(first.take(folder_.path()));
    EXPECT_EQ(second.take(folder_.path()), !known);
    const Claim one(folder_.file("claim")), another(folder_.file("claim"));
    EXPECT_TRUE(one.is_ours());
    EXPECT_EQ(another.is_ours(), !known);
    const std::string lock = folder_.file("lock"),
                      refusal = known ? "accepted" : "cannot lock " + lock + ": No locks available";
    EXPECT_EQ(said<SystemError>([&] { FileLock::take(lock); }), refusal);
    EXPECT_EQ(said<SystemError>([&] { FileLock::wait(lock); }), refusal);
  }
}

}  // namespace
}  // namespace dae::test
