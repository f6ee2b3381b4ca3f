#include "train/training_pictures.h"

#include <numeric>

#include "record/dataset_images.h"
#include "runtime/error.h"

namespace dae {
namespace {

Dataset open(const std::string& path, int64_t max_side, TrainingObserver& observer) {
  Dataset dataset =
      open_dataset(path, {.max_side = max_side, .progress = [&](size_t done, size_t total) {
                            observer.preparing("reading " + path, done, total);
                          }});
  if (!dataset.skipped().empty()) observer.warned(describe_skipped(dataset, path));
  return dataset;
}

std::vector<int64_t> all_of(const Dataset& dataset) {
  std::vector<int64_t> images(static_cast<size_t>(dataset.size()));
  std::iota(images.begin(), images.end(), 0);
  return images;
}

}  // namespace

TrainingPictures::TrainingPictures(const std::string& dataset, const std::string& validation,
                                   int64_t max_side, TrainingObserver& observer)
    : own_validation_(validation.empty()), dataset_(open(dataset, max_side, observer)) {
  if (own_validation_) {
    if (dataset_.size() < 2)
      fail("{}: holds one image; add images, or name a folder to validate on", dataset);
    split_ = hold_out(dataset_, kHeldOut);
  } else {
    validation_ = open(validation, max_side, observer);
    split_ = {.train = all_of(dataset_), .held_out = all_of(validation_)};
  }
}

std::vector<Source> TrainingPictures::training() const {
  return sources_of(dataset_, split_.train);
}

std::vector<Source> TrainingPictures::held_out() const {
  return sources_of(validation(), split_.held_out);
}

std::vector<std::string> TrainingPictures::held_out_names() const {
  return names_of(validation(), split_.held_out);
}

std::vector<std::string> TrainingPictures::left_out() const {
  std::vector<std::string> reasons;
  for (const Dataset* dataset : {&dataset_, &validation_})
    for (const Dataset::Skipped& skipped : dataset->skipped()) reasons.push_back(skipped.reason);
  return reasons;
}

}  // namespace dae
