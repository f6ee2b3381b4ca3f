// The laboratory's runs: trained where they are missing, and measured under the corruption that a
// question asks about. Whatever is asked of a run is answered for every seed that it was trained
// with.
#pragma once

#include <dae/training.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "laboratory/measured_run.h"
#include "laboratory/measures/pca.h"
#include "laboratory/setting.h"

namespace dae {

struct LabOptions {
  LabSetting setting;
  std::string dataset;           // its path: trained on but for a tenth, which is measured on
  std::filesystem::path folder;  // of all runs
  Device device = Device::cpu;
};

// Is told what every run tells, and where it begins and ends.
class LabObserver : public TrainingObserver {
 public:
  virtual void begins(int64_t /*number*/, int64_t /*wanted*/) {}  // from 1
  virtual void ended(const TrainingOutcome&) {}
};

class Laboratory {
 public:
  // `dataset` is what lies at the options' path. Throws Error when no held-out picture is as large
  // as a view.
  Laboratory(const LabOptions& options, Dataset dataset);

  // Trains what is missing, one seed of all runs before the next, and goes on with what was cut
  // off. False when `late`, which is asked between runs, or `stop` came first: the next call goes
  // on from there. A run that fails is a line in failures() and as good as missing. Throws
  // UsageError naming the folder when one holds another run than is wanted there.
  bool train_missing(LabObserver& observer, const std::function<bool()>& late,
                     const std::stop_token& stop = {});
  const std::vector<std::string>& failures() const { return failures_; }

  const LabSetting& setting() const { return options_.setting; }
  int64_t trained() const;  // of wanted() runs of one seed each
  int64_t wanted() const;
  std::vector<std::string> trained_for(const CorruptSpec& corruption) const;  // their names
  bool knows(const std::string& run) const;              // whether this setting has such a run
  std::vector<int> seeds(const std::string& run) const;  // with which it was trained to its end

  // The same draws for all runs.
  const BlurMaterial& material(const CorruptSpec& corruption);
  const BlurMeasures& corrupted(const CorruptSpec& corruption);  // doing nothing
  // Of seeds(run).
  const BlurMeasures& measures(const std::string& run, int seed, const CorruptSpec& corruption);
  const Pictures& views(const std::string& run, int seed, const CorruptSpec& corruption);
  const std::string& dataset_path() const { return options_.dataset; }
  const Split& split() const { return split_; }
  std::filesystem::path path_of(const std::string& run, int seed) const;

  // Over seeds, in the unit that differences are made in (blur: pixels squared), with 95% by
  // Student's t. Count 0 where nothing was measured or something is beyond the scale.
  Interval value(const std::string& run, const CorruptSpec& corruption, Measure m);
  // Infinite where a seed's value is beyond the scale, 0 where none is.
  double beyond(const std::string& run, const CorruptSpec& corruption, Measure m);
  // a - b over the seeds of both.
  Interval difference(const std::string& a, const std::string& b, const CorruptSpec& corruption,
                      Measure m);
  // What is missing where a cell has no number: "full setting only", "not trained yet" or "-".
  std::string why_none(const std::string& run) const;

 private:
  struct Condition {  // all that is measured under one corruption
    BlurMaterial material;
    std::optional<BlurMeasures> corrupted;
    std::map<std::pair<std::string, int>, MeasuredRun> runs;
  };
  Condition& condition(const CorruptSpec& corruption);
  const MeasuredRun& measured(const std::string& run, int seed, const CorruptSpec& corruption);
  bool is_finished(const LabRun& run, int seed) const;
  RunConfig config_of(const LabRun& run, int seed) const;
  int64_t pca_rank(const std::string& run) const;  // 0: it is not PCA
  MeasuredRun measure_pca(int64_t rank, int seed, const BlurMaterial& material);

  LabOptions options_;
  std::vector<LabRun> runs_;
  Dataset dataset_;
  Split split_;
  std::vector<std::string> held_out_;                 // names, as runs record them
  FeatureNetwork judge_;                              // trained when something is measured
  std::map<std::string, std::vector<int>> finished_;  // seeds
  std::vector<std::string> failures_;
  std::vector<std::pair<CorruptSpec, std::unique_ptr<Condition>>> conditions_;
  std::map<int, Pca> pca_;  // by seed
};

}  // namespace dae
