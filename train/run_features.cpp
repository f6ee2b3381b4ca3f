#include "train/run_features.h"

#include <fmt/format.h>

#include <chrono>

#include "tools/progress.h"
#include "train/feature_trainer.h"

namespace dae {
namespace {

constexpr uint64_t kSeed = 0xfea7;  // no run's but by intent, so its crops are others than theirs

}  // namespace

FeatureNetwork train_run_features(const std::vector<Source>& sources, const std::string& brief) {
  ProgressLine line;
  FeatureTraining options;
  options.seed = kSeed;
  options.progress = [&](int64_t done) {
    line.show(fmt::format("{}feature network: step {}/{}", brief, done, options.steps));
  };
  const auto begin = std::chrono::steady_clock::now();
  TrainedFeatures trained = train_features(sources, CorruptSpec{}, options);
  if (!brief.empty()) return std::move(trained.network);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::string told;
  for (const ToldApart& t : trained.told_apart)
    told += fmt::format("{}{} {:.2f}", told.empty() ? "" : ", ", t.corruption, t.r2);
  line.print(
      fmt::format("feature network: {} steps in {:.1f} s; of the corruption's variance it tells {}",
                  options.steps, seconds, told));
  return std::move(trained.network);
}

}  // namespace dae
