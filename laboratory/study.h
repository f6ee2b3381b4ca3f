// A study: trainings that differ in what is varied and in their seeds, in one folder. Any number of
// processes train it together, on any machines that see the folder: each takes the next run that is
// neither over nor another's, and none of them has to live for the others to go on.
//
//   STUDY/RUN/            the run folders, RUN as in "loss-mse_lr-1e-3_seed-1"
//   STUDY/records/RUN/    lock: whoever trains the run has it locked; arguments.json, what the run is;
//                         result.json once it is trained to its end, failure.json once it failed
//   STUDY/study.*         the tables of laboratory/study_table.h
#pragma once

#include <dae/training.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "data/files.h"

namespace dae {

struct Varied {
  std::string option;  // "lr"
  std::vector<std::string> values;
};
using Setting = std::vector<std::pair<std::string, std::string>>;  // options and their values

// Every combination, the last option's values changing first. Of nothing varied one, which is empty.
std::vector<Setting> product_of(const std::vector<Varied>& varied);

// "loss-mse_lr-1e-3", of letters, digits and +-._ alone; of an empty one "all".
std::string name_of(const Setting& setting);

struct StudyRun {
  Setting setting;
  TrainingOptions options;  // all but `out`, which the study decides
  std::string command;      // its options as train_cuda takes them, for people

  std::string name() const;  // of its folder
};

// The figures that runs are compared by.
struct StudyFigure {
  const char *key, *title, *brief;  // the last on a terminal
  int digits;
};
inline constexpr StudyFigure kStudyFigures[] = {
    {"psnr", "PSNR, dB", "PSNR", 2},
    {"aligned_psnr", "gain-aligned PSNR, dB", "aligned", 2},
    {"ssim", "SSIM", "SSIM", 4},
    {"brightness_error", "brightness error, %", "bright %", 2},
    {"colour_error", "colour error, %", "colour %", 2},
    {"seconds", "seconds", "seconds", 1},
};
inline constexpr size_t kStudyFigureCount = std::size(kStudyFigures);
using StudyFigures = std::array<double, kStudyFigureCount>;  // NaN: there is none

// How far a run is.
struct StudyState {
  enum class Kind { missing, begun, failed, finished };
  Kind kind = Kind::missing;
  std::string failure = {};                   // why
  StudyFigures restored{}, corrupted{};       // of a finished one; `corrupted` is doing nothing
  std::string held_out = {};                  // a hash of the pictures that it is measured on
  std::vector<double> steps = {}, psnr = {};  // its validations
};

// Is told what every run tells, and where it begins and ends. Numbers of runs are from 1.
class StudyObserver : public TrainingObserver {
 public:
  virtual void begins(const StudyRun&, size_t /*number*/) {}
  virtual void ended(const TrainingOutcome&) {}
  virtual void failed(const std::string& /*why*/) {}
};

class Study {
 public:
  // `runs` in the order in which they are wanted: all of a seed before the next. Before anything is made
  // throws UsageError where two runs are the same or would have one folder, where a run's folder holds
  // another run than is wanted there, naming it and what differs, and whatever configured() throws of
  // options; Error where pictures are not there.
  Study(const std::filesystem::path& folder, std::vector<StudyRun> runs);

  enum class End {
    stopped,    // by `stop`
    elsewhere,  // nothing is left to take, but others are training
    over        // every run is finished or has failed
  };
  // Trains what is missing, and goes on with what was cut off. Tables are written after every run. A run
  // that fails is recorded and passed over; whoever calls this later tries it again.
  End train_missing(StudyObserver& observer, const std::stop_token& stop);

  const std::vector<StudyRun>& runs() const { return runs_; }
  const std::filesystem::path& folder() const { return folder_; }
  StudyState state(const StudyRun& run) const;

 private:
  struct Taken {
    size_t number;  // from 0
    FileLock lock;
  };
  std::filesystem::path record(const StudyRun& run, const char* name) const;
  void check_same(const StudyRun& run) const;
  bool is_over(const StudyRun& run) const;
  std::optional<Taken> take_next(bool& others);
  bool train_one(const StudyRun& run, StudyObserver& observer, const std::stop_token& stop);

  std::filesystem::path folder_;
  std::vector<StudyRun> runs_;
  std::map<std::string, std::string> arguments_;  // of each run by name, as they are recorded
  int64_t begin_ = 0;                             // failures before it are tried again
  std::set<std::string> failed_;                  // here
};

}  // namespace dae
