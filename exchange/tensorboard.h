// A run's progress for TensorBoard: `tensorboard --logdir runs/` shows several side by side while they
// train. RUN/tensorboard/ gets one event file a session. A resumed run's next file makes void what those
// before it say of steps that are made again.
//
//   train/COLUMN                               each row of metrics.csv
//   validation/psnr, validation/samples        each validation, with its sheet
//
// Two groups, since TensorBoard shows the first two and folds the others.
#pragma once

#include <dae/training.h>

#include <filesystem>
#include <string>
#include <vector>

namespace dae {

// A record of an event file: TFRecord, with two CRC-32C of its length and bytes.
std::string tensorboard_record(const std::string& bytes);

// Hands everything on to `next`. Records are appended whole and reach the disk at once, so that who is
// killed leaves at most one that is cut off, at the end, which readers pass over. Throws Error naming the
// file when it cannot be written.
class TensorBoard : public TrainingObserver {
 public:
  explicit TensorBoard(TrainingObserver& next) : next_(next) {}

  void preparing(const std::string& what, size_t done, size_t total) override;
  void noted(const std::string& line) override;
  void warned(const std::string& text) override;
  void started(const TrainingStart& start) override;
  void progressed(const TrainingProgress& progress) override;
  void measured(const MetricsRow& row) override;
  void sampled(const std::filesystem::path& picture) override;
  void saved(uint64_t step, const std::filesystem::path& checkpoint) override;

 private:
  void add_picture(const std::filesystem::path& picture) const;

  TrainingObserver& next_;
  std::filesystem::path file_;
  std::vector<std::string> terms_;  // their names, in the rows' order
  uint64_t step_ = 0,
           pictured_ = 0;  // of the last row, whose sheet comes after it; of the last sheet
};

}  // namespace dae
