// A run folder: config.json, metrics.csv, checkpoint.safetensors (and the previous one),
// features.safetensors, samples/*.png, report.html. Every file but metrics.csv, which grows by whole
// lines that are on the disk before the next is made, is written beside its place and renamed, so a
// run that is cut off leaves nothing half-written.
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
  // Whether a run may begin there: the folder does not exist, or is empty, or holds nothing but what a
  // run that was cut off while it was created left there.
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
  std::vector<MetricsRow> metrics(std::string& note) const;  // see read_metrics()
  // Forgets rows after `step`, which are about to be made again, and lines that are none; returns the
  // rows that are left.
  std::vector<MetricsRow> truncate_metrics(uint64_t step, const LossSpec& loss, std::string& note);

  // The previous checkpoint is kept beside it.
  void save_checkpoint(const ParameterSet& parameters, const Checkpoint& checkpoint) const;
  // These read the newest checkpoint, or where that is damaged the previous one, which `note` then says
  // for people; else `note` is empty. They throw Error naming the files when all there are are damaged
  // or hold another network.

  // To train on: a damaged file is renamed, so that the next checkpoint does not push the sound one
  // out. None when the run ended before its first checkpoint.
  std::optional<Checkpoint> load_checkpoint(const ParameterSet& parameters,
                                            std::string& note) const;
  // None before the first checkpoint.
  std::optional<uint64_t> saved_step() const;
  // The EMA weights alone, laid out as `parameters` says. Throws Error when there is no checkpoint.
  std::vector<float> load_weights(const ParameterSet& parameters, std::string& note) const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  explicit RunFolder(const std::filesystem::path& path)  // "runs/a/" is named a, too
      : path_(path.has_filename() ? path : path.parent_path()) {}
  void lock();
  template <class Read>  // read(path), of the newest of the checkpoints that can be read
  auto from_newest(const Read& read, std::string& note) const
      -> std::optional<decltype(read(std::filesystem::path()))>;

  std::filesystem::path path_;
  FolderLock lock_;
};

}  // namespace dae
