// The members of a tar archive that is not compressed, as WebDataset's shards are: POSIX ustar, with the
// longer names and sizes of GNU tar and of pax (POSIX.1-2001), which Python's tarfile writes.
//
// Read here, and not by libarchive, since Debian's comes with XML, ICU and cryptography, 40 MB that every
// wheel would carry for headers of 512 bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dae {

struct TarMember {
  std::string name;  // as the archive has it, less "./": a label, not a path to write to
  uint64_t offset = 0, size = 0;  // of its bytes in the archive
};

struct TarContents {
  std::vector<TarMember>
      members;          // regular files in order; of several of one name the last, as tar has it
  std::string problem;  // where and why reading ended early, or empty; members before it are whole
};

// Reads headers alone. Throws SystemError when the file cannot be read.
TarContents read_tar(const std::filesystem::path& path);

}  // namespace dae
