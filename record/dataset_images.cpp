#include "record/dataset_images.h"

#include "data/text.h"

namespace dae {

std::vector<Source> sources_of(const Dataset& dataset, const std::vector<int64_t>& images) {
  std::vector<Source> sources;
  for (const int64_t i : images) {
    const Dataset::Entry& entry = dataset[i];
    sources.push_back({entry.pixels, 3 * entry.width, static_cast<int32_t>(entry.height),
                       static_cast<int32_t>(entry.width)});
  }
  return sources;
}

std::vector<std::string> names_of(const Dataset& dataset, const std::vector<int64_t>& images) {
  std::vector<std::string> names;
  for (const int64_t i : images) names.push_back(valid_utf8(dataset[i].name));
  return names;
}

}  // namespace dae
