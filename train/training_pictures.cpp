#include "train/training_pictures.h"

#include <fmt/format.h>

#include <numeric>
#include <set>

#include "data/hash.h"
#include "record/dataset_images.h"
#include "runtime/error.h"

namespace dae {
namespace {

Dataset open(const std::string& path, const std::string& given, int64_t max_side,
             TrainingObserver& observer) {
  const auto progress = [&](size_t done, size_t total) {
    observer.preparing("reading " + path, done, total);
  };
  Dataset dataset = given.empty() ? open_dataset(path, {.max_side = max_side, .progress = progress})
                                  : open_pairs(path, given, progress);
  if (!dataset.skipped().empty()) observer.warned(describe_skipped(dataset, path));
  return dataset;
}

std::vector<int64_t> all_of(const Dataset& dataset) {
  std::vector<int64_t> images(static_cast<size_t>(dataset.size()));
  std::iota(images.begin(), images.end(), 0);
  return images;
}

// What a run holds out, as it holds it out already.
Split split_by_name(const Dataset& dataset, const std::vector<std::string>& held_out,
                    const std::string& path) {
  const std::vector<std::string> names = names_of(dataset, all_of(dataset));
  const std::set<std::string> wanted(held_out.begin(), held_out.end());
  Split split;
  for (int64_t i = 0; i < dataset.size(); i++)
    (wanted.contains(names[static_cast<size_t>(i)]) ? split.held_out : split.train).push_back(i);
  if (split.held_out.size() != held_out.size())
    fail(
        "{}: {} of the {} images that the run holds out are not there, or not readable; is it "
        "another dataset?",
        path, held_out.size() - split.held_out.size(), held_out.size());
  if (split.train.empty()) fail("{}: holds no image but those that are held out", path);
  return split;
}

}  // namespace

TrainingPictures::TrainingPictures(const std::string& dataset, const std::string& given,
                                   const std::string& validation, int64_t max_side,
                                   const std::vector<std::string>& held_out,
                                   TrainingObserver& observer)
    : own_validation_(validation.empty()), dataset_(open(dataset, given, max_side, observer)) {
  if (!own_validation_) {
    validation_ = open(validation, "", max_side, observer);
    split_ = {.train = all_of(dataset_), .held_out = all_of(validation_)};
  } else if (!held_out.empty()) {
    split_ = split_by_name(dataset_, held_out, dataset);
  } else {
    if (dataset_.size() < 2)
      fail("{}: holds one image; add images, or name a folder to validate on", dataset);
    split_ = hold_out(dataset_, kHeldOut);
    return;  // by which copies lie on one side
  }
  leave_out_copies(dataset, observer);
}

void TrainingPictures::leave_out_copies(const std::string& dataset, TrainingObserver& observer) {
  std::vector<LikenessView> validated;
  for (const int64_t i : split_.held_out) validated.push_back(validation()[i].likeness);
  std::vector<int64_t> left = without_copies(dataset_, split_.train, validated);
  const size_t copies = split_.train.size() - left.size();
  if (left.empty())
    fail("{}: every image is a copy of one that is validated on, and none is left to train on",
         dataset);
  if (copies > 0)
    observer.warned(
        fmt::format("{}: {} of {} images are copies of some that are validated on, and "
                    "are not trained on\n",
                    dataset, copies, split_.train.size()));
  split_.train = std::move(left);
}

std::vector<Source> TrainingPictures::training() const {
  return sources_of(dataset_, split_.train);
}

std::function<void(int64_t)> TrainingPictures::check_of_training() const {
  if (dataset_.is_checked()) return {};
  return [this](int64_t source) { dataset_.check(split_.train[static_cast<size_t>(source)]); };
}

std::vector<Source> TrainingPictures::held_out() const {
  return sources_of(validation(), split_.held_out);
}

std::vector<std::string> TrainingPictures::held_out_names() const {
  return names_of(validation(), split_.held_out);
}

std::string TrainingPictures::hash() const {
  Hash hash;
  const auto add = [&](const Dataset& dataset, const std::vector<int64_t>& images) {
    hash.add_number(images.size());
    for (const int64_t i : images) {
      hash.add_number(dataset[i].likeness.content);
      if (dataset[i].given.data) hash.add_number(dataset[i].given_content);
    }
  };
  add(dataset_, split_.train);
  add(validation(), split_.held_out);
  return hash.digits();
}

std::vector<std::string> TrainingPictures::left_out() const {
  std::vector<std::string> reasons;
  for (const Dataset* dataset : {&dataset_, &validation_})
    for (const Dataset::Skipped& skipped : dataset->skipped()) reasons.push_back(skipped.reason);
  return reasons;
}

}  // namespace dae
