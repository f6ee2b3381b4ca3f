#include "train/run_features.h"

#include <fmt/format.h>

#include <chrono>

#include "runtime/error.h"
#include "train/feature_trainer.h"

namespace dae {
namespace {

constexpr uint64_t kSeed = 0xfea7;  // no run's but by intent: its crops are others than theirs

}  // namespace

FeatureNetwork train_run_features(const std::vector<Source>& sources, TrainingObserver& observer,
                                  const std::stop_token& stop) {
  FeatureTraining training;
  training.seed = kSeed;
  training.progress = [&](int64_t done) {
    observer.preparing("feature network", static_cast<size_t>(done),
                       static_cast<size_t>(training.steps));
    if (stop.stop_requested()) throw Cancelled("the training was stopped before its first step");
  };
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Source> clean = sources;  // of pairs, too: the corruption is what is told apart
  for (Source& source : clean) source.given = nullptr;
  TrainedFeatures trained = train_features(clean, CorruptSpec{}, training);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::string told;
  for (const ToldApart& t : trained.told_apart)
    told += fmt::format("{}{} {:.2f}", told.empty() ? "" : ", ", t.corruption, t.r2);
  observer.noted(
      fmt::format("feature network: {} steps in {:.1f} s; of the corruption's variance it tells {}",
                  training.steps, seconds.count(), told));
  return std::move(trained.network);
}

}  // namespace dae
