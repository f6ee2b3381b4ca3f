#include "record/dataset_images.h"

#include "data/text.h"

namespace dae {

std::vector<Source> sources_of(const Dataset& dataset, const std::vector<int64_t>& images) {
  std::vector<Source> sources;
  for (const int64_t i : images) {
    sources.push_back(source_of(dataset[i].view));
    sources.back().given = dataset[i].given.data;
  }
  return sources;
}

std::vector<std::string> names_of(const Dataset& dataset, const std::vector<int64_t>& images) {
  std::vector<std::string> names;
  for (const int64_t i : images) names.push_back(valid_utf8(std::string(dataset[i].name)));
  return names;
}

}  // namespace dae
