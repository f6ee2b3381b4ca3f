// A run folder: config.json, metrics.csv, checkpoint.safetensors (and the previous one),
// features.safetensors, samples/*.png, report.html. Every file but metrics.csv,
// which grows by whole lines, is written beside its place and renamed, so a run that is cut off
// leaves nothing half-written.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "data/files.h"
#include "data/image.h"
#include "model/feature_network.h"
#include "model/loss_spec.h"
#include "record/checkpoint.h"
#include "record/metrics.h"

namespace dae {

// Where a run folder keeps the network that its perceptual loss compares with.
inline constexpr const char* kFeatureFile = "features.safetensors";

class RunFolder {
 public:
  // Whether a run may begin there: the folder does not exist, or is empty.
  static bool is_free(const std::filesystem::path& path);
  // Makes the folder, which must be free, with a metrics.csv for runs with this loss, the features
  // that it compares with, if any, and last the configuration: from then on it can be resumed. An
  // empty path: runs/DATE-TIME-MODEL. Throws Error when it cannot be made, and leaves nothing.
  static RunFolder create(const std::filesystem::path& wanted, const nlohmann::json& config,
                          const LossSpec& loss, const FeatureNetwork& features);
  // Opens one that train_cuda made, to read it.
  static RunFolder open(const std::filesystem::path& path);
  // To train on. Throws Error when another process is doing that.
  static RunFolder open_to_train(const std::filesystem::path& path);

  void write_config(const nlohmann::json& config) const;
  void write_sample(const std::string& name, const Image& sheet) const;
  void write_report(const std::string& html) const;

  void append(const MetricsRow& row);
  std::vector<MetricsRow> metrics() const;
  // Forgets rows after `step`: they are about to be made again.
  void truncate_metrics(uint64_t step, const LossSpec& loss);

  // The previous checkpoint is kept beside it.
  void save_checkpoint(const ParameterSet& parameters, const Checkpoint& checkpoint) const;
  // None when the run ended before its first checkpoint. Throws Error naming the file when it is
  // damaged or holds another network.
  std::optional<Checkpoint> load_checkpoint(const ParameterSet& parameters) const;
  // Of the newest checkpoint; none before the first. Throws Error when it is damaged.
  std::optional<uint64_t> saved_step() const;
  // The EMA weights alone, laid out as `parameters` says.
  std::vector<float> load_weights(const ParameterSet& parameters) const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  explicit RunFolder(const std::filesystem::path& path)  // "runs/a/" is named a, too
      : path_(path.has_filename() ? path : path.parent_path()) {}
  void lock();
  std::optional<std::filesystem::path> newest_checkpoint() const;

  std::filesystem::path path_;
  FolderLock lock_;
};

}  // namespace dae
