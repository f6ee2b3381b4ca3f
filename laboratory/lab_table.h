// Tables, curves and sentences of the laboratory's runs, with intervals over seeds.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "laboratory/laboratory.h"
#include "report/html.h"

namespace dae {

struct LabRow {
  std::string label, run;
};

// A row a run: its `values`, then its `changes` against the run `against`, if any. A cell without a
// number says why. The same goes into `figures`, a JSON array.
struct LabTable {
  std::vector<LabRow> rows;
  std::vector<Measure> values = {};
  std::string against = {};
  std::vector<Measure> changes = {};
};
std::string lab_table(Laboratory& lab, const CorruptSpec& corruption, const LabTable& table,
                      nlohmann::json& figures);

// The mean over seeds of a figure by frequency; nothing of runs that were not trained.
std::vector<html::Curve> lab_curves(Laboratory& lab, const CorruptSpec& corruption,
                                    const std::vector<LabRow>& rows, double RadialBand::*value);

// The mean with its interval, "not trained yet" or what else there is to say, for a sentence.
std::string lab_value(Laboratory& lab, const std::string& run, const CorruptSpec& corruption,
                      Measure m);
// "+0.17 [+0.15, +0.19]", "-0.02 [-0.05, +0.01] undecided"; for a sentence, with a unit, "+0.36 dB
// [+0.30, +0.42]", "-0.02 dB [-0.05, +0.01] (undecided)".
std::string lab_change(Laboratory& lab, const std::string& a, const std::string& b,
                       const CorruptSpec& corruption, Measure m);
std::string lab_sentence(Laboratory& lab, const std::string& a, const std::string& b,
                         const CorruptSpec& corruption, Measure m, const std::string& unit);

}  // namespace dae
