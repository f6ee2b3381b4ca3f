// The pictures of one part of a dataset, decoded.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/image.h"
#include "data/listing.h"
#include "data/tar.h"

namespace dae {

// What one picture is read from, or several of CIFAR-10.
struct PartPicture {
  std::string name;
  const ListedFile* file;  // of the part
  std::optional<TarMember> member = {};
};

struct UnreadPicture {
  std::string name, reason;
  bool passing = false;  // another time it may be read: memory or the system was short of something
};

struct PartPictures {
  std::vector<PartPicture> pictures;  // sorted by name
  std::vector<UnreadPicture> unread;  // of an archive
};

PartPictures pictures_in(const DatasetPart& part);

struct DecodedPictures {
  std::vector<std::pair<std::string, Image>> images;
  std::string problem;   // why there are none
  bool passing = false;  // which another time may not be
};

DecodedPictures decode(const PartPicture& picture, const DatasetPart& part);

// Whether what was unread for a passing reason can be read now.
bool can_be_read(const std::string& name, const DatasetPart& part);

}  // namespace dae
