// What a study found: its settings side by side, with intervals over seeds.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "laboratory/measures/interval.h"
#include "laboratory/study.h"

namespace dae {

struct StudyRow {
  std::string name;
  size_t wanted = 0, finished = 0;      // seeds
  std::vector<Interval> restored = {};  // of each figure over seeds; count 0: there is none
  std::vector<Interval> corrupted = {};
  // This setting's less the first's over the seeds of both; none of the first itself.
  std::vector<Interval> changes = {};
  std::vector<double> steps = {}, psnr = {};  // validations of its first finished run
};

struct StudyTable {
  std::vector<StudyRow> rows;      // settings in the study's order
  std::vector<StudyState> states;  // of its runs, in their order
  std::vector<std::string>
      missing;          // runs that are not finished, each with what there is to say of it
  std::string warning;  // of runs that cannot be compared, or empty
};

StudyTable tabulate(const Study& study);

// For programs: all there is, and a row a run.
nlohmann::json to_json(const Study& study, const StudyTable& table);
std::string to_csv(const Study& study, const StudyTable& table);

}  // namespace dae
