// Files, read and written whole. Errors name the path and the system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/error.h"

namespace dae {

// What the system refused: another time it may not.
class SystemError : public Error {
 public:
  using Error::Error;
};

// Writes a file beside its place, syncs and renames it, so that readers see the old file or the
// whole new one. On failure, and when the process is killed, nothing is left behind (a file
// that ends in .part after a kill on file systems that know no nameless files); Error says why.
// `write` is called with a function that appends bytes.
using Append = std::function<void(const void* data, size_t bytes)>;
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(const Append&)>& write);
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);
void write_file_atomically(const std::filesystem::path& path, std::span<const uint8_t> bytes);

// Throws Error, with the system's reason, when a file could not be written there.
void check_writable(const std::filesystem::path& path);

// What tells that a file is no longer the one it was: its size and when its bytes and anything else of it
// were last changed, in ns. Nobody can set the second time, so that it gives away a file that took
// another's place with its size and its time. Zeros where there is none.
struct FileStamp {
  uint64_t bytes = 0;
  int64_t written = 0, changed = 0;
};
FileStamp stamp_of(const std::filesystem::path& path);

// Adds a line, which ends in a newline, to a file that need not be there, by one write: several processes
// may do so at once. It is on the disk when this returns. Throws Error when the system will not.
void append_line(const std::filesystem::path& path, const std::string& line);

// Makes what was made, renamed and removed in a folder last, where its file system can.
void sync_folder(const std::filesystem::path& path);

// A folder taken for as long as this lives, and no longer than the process, however that ends.
class FolderLock {
 public:
  FolderLock() = default;
  FolderLock(FolderLock&& other) noexcept : folder_(std::exchange(other.folder_, -1)) {}
  FolderLock& operator=(FolderLock&& other) noexcept {
    std::swap(folder_, other.folder_);
    return *this;
  }
  ~FolderLock();

  // False when somebody else has it. Where the file system knows no locks nobody is kept out.
  bool take(const std::filesystem::path& path);

 private:
  int folder_ = -1;
};

// Work that several processes could do, taken for as long as this lives and no longer than the process: a file
// that is locked, and removed in the end. It saves work and keeps nobody out: where it cannot be made, or the
// file system knows no locks, everybody has it.
class Claim {
 public:
  explicit Claim(const std::filesystem::path& path);
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim();
  bool is_ours() const { return ours_; }  // else somebody is at it

 private:
  std::filesystem::path path_;
  int file_;
  bool ours_ = true;
};

// A file taken in the same way, which is made where it is missing. It is opened to be written, without which
// network file systems lock nothing. Throws SystemError where the file system knows no locks.
class FileLock {
 public:
  static std::optional<FileLock> take(const std::filesystem::path& path);  // none: somebody has it
  static FileLock wait(const std::filesystem::path& path);                 // until nobody has it
  FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

// Folders for what may be deleted at any time, best first: $XDG_CACHE_HOME/dae, ~/.cache/dae, one
// in the system's temporary folder. They may not exist yet.
std::vector<std::filesystem::path> cache_folders();

// The regular files in a folder and below it, sorted; links are followed to files, not to folders.
struct FolderContents {
  std::vector<std::filesystem::path> files;
  struct Unreadable {
    std::filesystem::path path;
    std::string reason;
  };
  std::vector<Unreadable> unreadable;  // folders, and files that cannot be looked at
};
FolderContents files_below(const std::filesystem::path& folder);

std::vector<uint8_t> read_file(const std::filesystem::path& path);

// A file read in places. Not for several threads at once.
class FileReader {
 public:
  explicit FileReader(const std::filesystem::path& path);
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;
  ~FileReader();
  uint64_t size() const { return size_; }
  // Fills `to` from byte `offset` on; returns how much the file had. Throws SystemError.
  size_t read(uint64_t offset, std::span<uint8_t> to) const;

 private:
  std::filesystem::path path_;
  int file_;
  uint64_t size_;
};

// A file mapped for reading. Move-only; an empty file maps to no bytes. For files of our own alone, which
// nobody makes shorter: what is missing then ends the process with SIGBUS when it is read.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  bool is_own() const { return own_; }  // it belongs to the user of this process

 private:
  bool own_ = false;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace dae
