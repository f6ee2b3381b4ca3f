#include "data/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "data/hash.h"
#include "runtime/error.h"

namespace dae {
namespace {

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

[[noreturn]] void fail_system(const char* what, const std::filesystem::path& path) {
  const int reason = errno;
  throw SystemError(fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(reason)));
}

// A regular file opened for reading, and what is known of it.
Descriptor open_to_read(const std::filesystem::path& path, struct stat& status) {
  // Without O_NONBLOCK a named pipe would be waited for, deaf to Ctrl-C; of a file it means nothing.
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0 || fstat(file.get(), &status) != 0) fail_system("read", path);
  if (!S_ISREG(status.st_mode)) fail("cannot read {}: not a file", path.string());
  return file;
}

void write_all(int fd, const void* data, size_t bytes, const std::filesystem::path& path) {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = write(fd, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_system("write", path);
    at += written;
    bytes -= static_cast<size_t>(written);
  }
}

constexpr size_t kLongName = 128;  // bytes: with what is added it stays under the system's 255

// Where a file is written before it has its name. The process id keeps two processes that write the same
// file apart, the hash two long names that begin alike.
std::filesystem::path place_beside(const std::filesystem::path& path) {
  std::string name = path.filename().string();
  if (name.size() > kLongName) {
    Hash hash;
    hash.add(name);
    name = hash.digits();
  }
  return path.parent_path() / fmt::format("{}.{}.part", name, getpid());
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(const Append&)>& write) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const std::filesystem::path beside = place_beside(path);
  try {
    {
      // Without a name until it is whole, where the file system can do that: a process that is
      // killed on the way leaves nothing.
      const Descriptor nameless(open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644));
      const Descriptor named(
          nameless.get() >= 0
              ? -1
              : open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
      const int file = std::max(nameless.get(), named.get());
      if (file < 0) fail_system("write", path);
      write([&](const void* data, size_t bytes) { write_all(file, data, bytes, path); });
      if (fsync(file) != 0) fail_system("write", path);
      if (file == nameless.get()) {
        unlink(beside.c_str());  // of an earlier process with this id, if at all
        const std::string link = fmt::format("/proc/self/fd/{}", file);
        if (linkat(AT_FDCWD, link.c_str(), AT_FDCWD, beside.c_str(), AT_SYMLINK_FOLLOW) != 0)
          fail_system("write", path);
      }
    }
    if (rename(beside.c_str(), path.c_str()) != 0) fail_system("write", path);
  } catch (...) {
    unlink(beside.c_str());
    throw;
  }
  sync_folder(folder);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  write_file_atomically(path, [&](const Append& append) { append(bytes.data(), bytes.size()); });
}

void write_file_atomically(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  write_file_atomically(path, [&](const Append& append) { append(bytes.data(), bytes.size()); });
}

void check_writable(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (access(folder.c_str(), W_OK | X_OK) != 0) fail_system("write", path);
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    fail("cannot write {}: it is a folder", path.string());
}

FileStamp stamp_of(const std::filesystem::path& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return {};
  const auto in_ns = [](const timespec& time) {
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
  };
  return {static_cast<uint64_t>(status.st_size), in_ns(status.st_mtim), in_ns(status.st_ctim)};
}

FolderLock::~FolderLock() {
  if (folder_ >= 0) close(folder_);  // and with it the lock
}

bool FolderLock::take(const std::filesystem::path& path) {
  folder_ = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_ < 0) fail_system("open", path);
  return flock(folder_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

Claim::Claim(const std::filesystem::path& path)
    : path_(path), file_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  if (file_ >= 0) ours_ = flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

// Whoever opened it before it is removed, and locks it after, finds the work done.
Claim::~Claim() {
  if (file_ < 0) return;
  if (ours_) unlink(path_.c_str());
  close(file_);
}

namespace {

Descriptor open_lock(const std::filesystem::path& path) {
  Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (file.get() < 0) fail_system("write", path);
  return file;
}

}  // namespace

std::optional<FileLock> FileLock::take(const std::filesystem::path& path) {
  Descriptor file = open_lock(path);
  if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) return FileLock(file.release());
  if (errno != EWOULDBLOCK) fail_system("lock", path);
  return std::nullopt;
}

FileLock FileLock::wait(const std::filesystem::path& path) {
  Descriptor file = open_lock(path);
  while (flock(file.get(), LOCK_EX) != 0)
    if (errno != EINTR) fail_system("lock", path);
  return FileLock(file.release());
}

FileLock::~FileLock() {
  if (file_ >= 0) close(file_);  // and with it the lock
}

void append_line(const std::filesystem::path& path, const std::string& line) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (file.get() < 0) fail_system("write", path);
  write_all(file.get(), line.data(), line.size(), path);
  if (fdatasync(file.get()) != 0 && errno != EINVAL) fail_system("write", path);  // EINVAL: a pipe
}

void sync_folder(const std::filesystem::path& path) {
  const Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) fsync(folder.get());  // some file systems cannot: nothing to do
}

std::vector<std::filesystem::path> cache_folders() {
  namespace fs = std::filesystem;
  std::vector<fs::path> folders;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
    folders.push_back(fs::path(cache) / "dae");
  if (const char* home = std::getenv("HOME"); home && *home)
    folders.push_back(fs::path(home) / ".cache" / "dae");
  std::error_code ignored;
  folders.push_back(fs::temp_directory_path(ignored) / fmt::format("dae-{}", getuid()));
  return folders;
}

namespace {

void list_below(const std::filesystem::path& folder, FolderContents& contents) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code unknown;
    if (it->is_directory(unknown) && !it->is_symlink(unknown))
      list_below(it->path(), contents);
    else if (it->is_regular_file(unknown))
      contents.files.push_back(it->path());
  }
  if (error)
    contents.unreadable.push_back({folder, fmt::format("cannot be read: {}", error.message())});
}

}  // namespace

FolderContents files_below(const std::filesystem::path& folder) {
  FolderContents contents;
  list_below(folder, contents);
  std::sort(contents.files.begin(), contents.files.end());
  return contents;
}

FileReader::FileReader(const std::filesystem::path& path) : path_(path) {
  struct stat status;
  file_ = open_to_read(path, status).release();
  size_ = static_cast<uint64_t>(status.st_size);
}

FileReader::~FileReader() {
  close(file_);
}

size_t FileReader::read(uint64_t offset, std::span<uint8_t> to) const {
  size_t done = 0;
  while (done < to.size()) {
    const ssize_t got =
        pread(file_, &to[done], to.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_system("read", path_);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

std::vector<uint8_t> read_file(const std::filesystem::path& path) {
  const FileReader file(path);
  std::vector<uint8_t> bytes(file.size());
  bytes.resize(file.read(0, bytes));  // it may have become shorter
  return bytes;
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  struct stat status;
  const Descriptor file = open_to_read(path, status);
  own_ = status.st_uid == geteuid();
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) return;
  void* const data = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) fail_system("read", path);
  data_ = static_cast<const uint8_t*>(data);
}

MappedFile::~MappedFile() {
  if (data_) munmap(const_cast<uint8_t*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : own_(other.own_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(own_, other.own_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace dae
