// What a picture file tells beside its pixels: Exif, XMP and IPTC, carried from one file to another by
// Exiv2; colour profiles are the picture's own (data/photo.h). And the signature by which these
// programs know pictures that they may write over: Exif's ProcessingSoftware.
//
// Exiv2 is under the GPL, which concerns whoever distributes programs that carry metadata: so it is here
// and not in the library. libexif, which is not, knows Exif alone and writes no files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace dae {

// The file `made`, signed, with what `original` tells (empty: nothing), in any of the formats that are
// written. How to turn the picture and the small preview are left out, since `made` is upright and
// looks different; what describes the file itself (sizes, compression) stays `made`'s. Metadata that
// cannot be read is left behind, and `problem` says why.
std::vector<uint8_t> with_metadata(std::vector<uint8_t> made, std::span<const uint8_t> original,
                                   std::string& problem);

// Writes that to `to`, atomically, with the folders that it needs. Returns the problem.
std::string write_picture(const std::filesystem::path& to, std::vector<uint8_t> made,
                          std::span<const uint8_t> original = {});

// Whether a file is a picture with that signature.
bool made_here(std::span<const uint8_t> file);

}  // namespace dae
