// The pictures of a run: those that it trains on and those that are held out to validate on.
#pragma once

#include <dae/training.h>

#include <functional>
#include <string>
#include <vector>

#include "corrupt/draw.h"
#include "data/dataset.h"

namespace dae {

inline constexpr double kHeldOut = 0.1;  // of the pictures, where no others are given to validate

class TrainingPictures {
 public:
  // `given`: a folder of pictures that make pairs with the dataset's (open_pairs()), or empty.
  // `held_out`: the names that a run which is resumed holds out already; empty: it is new. Copies of
  // what is validated on (data/likeness.h) are not trained on. Throws Error when there is nothing to
  // train or validate on, and when not all of `held_out` are there. The observer is told of what
  // cannot be read and of the copies.
  TrainingPictures(const std::string& dataset, const std::string& given,
                   const std::string& validation, int64_t max_side,
                   const std::vector<std::string>& held_out, TrainingObserver& observer);

  // Their pixels lie in host memory and are this object's.
  std::vector<Source> training() const;
  std::vector<Source> held_out() const;
  std::vector<std::string> held_out_names() const;

  // The held-out ones as places in a dataset.
  const Dataset& validation() const { return own_validation_ ? dataset_ : validation_; }
  const std::vector<int64_t>& validation_images() const { return split_.held_out; }
  int64_t training_count() const { return static_cast<int64_t>(split_.train.size()); }
  int64_t held_out_count() const { return static_cast<int64_t>(split_.held_out.size()); }

  // What TrainerConfig::check_source is, while this lives: nothing where all pixels were checked already.
  std::function<void(int64_t)> check_of_training() const;

  // Of all pixels, of the split, and of pairs on both sides: other pictures have another one.
  std::string hash() const;

  // Files that could not be read and why, a line each.
  std::vector<std::string> left_out() const;

 private:
  void leave_out_copies(const std::string& dataset, TrainingObserver& observer);

  bool own_validation_;
  Dataset dataset_, validation_;
  Split split_;
};

}  // namespace dae
