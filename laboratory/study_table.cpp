#include "laboratory/study_table.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

namespace dae {
namespace {

using nlohmann::json;
using Kind = StudyState::Kind;

using BySeed = std::map<uint64_t, const StudyState*>;  // finished runs of a setting

std::vector<Interval> intervals_of(const BySeed& runs, StudyFigures StudyState::*figures) {
  std::vector<Interval> intervals;
  for (size_t i = 0; i < kStudyFigureCount; i++) {
    std::vector<double> values;
    for (const auto& [seed, state] : runs) values.push_back((state->*figures)[i]);
    intervals.push_back(interval_of_finite(values));
  }
  return intervals;
}

std::vector<Interval> changes_of(const BySeed& runs, const BySeed& first) {
  std::vector<Interval> intervals;
  for (size_t i = 0; i < kStudyFigureCount; i++) {
    std::vector<double> values;
    for (const auto& [seed, state] : runs)
      if (const auto pair = first.find(seed); pair != first.end())
        values.push_back(state->restored[i] - pair->second->restored[i]);
    intervals.push_back(interval_of_finite(values));
  }
  return intervals;
}

const char* word_of(Kind kind) {
  switch (kind) {
    case Kind::missing:
      return "not begun";
    case Kind::begun:
      return "not finished";
    case Kind::failed:
      return "failed";
    case Kind::finished:
      return "finished";
  }
  return "";
}

json figures_json(const std::vector<Interval>& intervals) {
  json out;
  for (size_t i = 0; i < intervals.size(); i++) out[kStudyFigures[i].key] = to_json(intervals[i]);
  return out;
}

}  // namespace

StudyTable tabulate(const Study& study) {
  StudyTable table;
  std::map<std::string, size_t> places;
  std::vector<BySeed> finished;
  std::map<std::string, std::string> held_out;  // by what is restored
  for (const StudyRun& run : study.runs()) table.states.push_back(study.state(run));
  for (size_t i = 0; i < study.runs().size(); i++) {
    const StudyRun& run = study.runs()[i];
    const StudyState& state = table.states[i];
    const auto [place, is_new] = places.emplace(name_of(run.setting), table.rows.size());
    if (is_new) {
      table.rows.push_back({.name = place->first});
      finished.emplace_back();
    }
    StudyRow& row = table.rows[place->second];
    row.wanted++;
    if (state.kind != Kind::finished) {
      table.missing.push_back(fmt::format("{}: {}{}", run.name(), word_of(state.kind),
                                          state.failure.empty() ? "" : ": " + state.failure));
      continue;
    }
    row.finished++;
    finished[place->second][run.options.seed] = &state;
    if (row.finished == 1) {
      row.steps = state.steps;
      row.psnr = state.psnr;
    }
    const std::string pictures =
        fmt::format("{}\n{}\n{}", run.options.dataset, run.options.validation, run.options.pairs);
    const auto [known, first] = held_out.emplace(pictures, state.held_out);
    if (!first && known->second != state.held_out)
      table.warning =
          "Pictures came or went between these runs: they are measured on different ones, and "
          "differences "
          "are not theirs alone. Train all of them again, in another folder.";
  }
  for (size_t i = 0; i < table.rows.size(); i++) {
    table.rows[i].restored = intervals_of(finished[i], &StudyState::restored);
    table.rows[i].corrupted = intervals_of(finished[i], &StudyState::corrupted);
    if (i > 0) table.rows[i].changes = changes_of(finished[i], finished[0]);
  }
  return table;
}

json to_json(const Study& study, const StudyTable& table) {
  json out = {{"settings", json::array()}, {"runs", json::array()}, {"missing", table.missing}};
  if (!table.warning.empty()) out["warning"] = table.warning;
  for (const StudyRow& row : table.rows) {
    json one = {{"name", row.name},
                {"seeds", row.wanted},
                {"finished", row.finished},
                {"restored", figures_json(row.restored)},
                {"corrupted", figures_json(row.corrupted)}};
    if (!row.changes.empty()) {
      one["against"] = table.rows.front().name;
      one["changes"] = figures_json(row.changes);
      for (size_t i = 0; i < kStudyFigureCount; i++)
        one["changes"][kStudyFigures[i].key]["decided"] = row.changes[i].decided();
    }
    out["settings"].push_back(one);
  }
  for (size_t i = 0; i < table.states.size(); i++) {
    const StudyRun& run = study.runs()[i];
    const StudyState& state = table.states[i];
    json one = {{"name", run.name()},
                {"command", run.command},
                {"setting", json::object()},
                {"seed", run.options.seed},
                {"state", word_of(state.kind)}};
    for (const auto& [option, value] : run.setting) one["setting"][option] = value;
    if (state.kind == Kind::failed) one["failure"] = state.failure;
    if (state.kind == Kind::finished)
      for (size_t f = 0; f < kStudyFigureCount; f++) {
        one["restored"][kStudyFigures[f].key] = state.restored[f];
        one["corrupted"][kStudyFigures[f].key] = state.corrupted[f];
      }
    out["runs"].push_back(one);
  }
  return out;
}

std::string to_csv(const Study& study, const StudyTable& table) {
  std::string text = "run,setting,seed,state";
  for (const StudyFigure& figure : kStudyFigures) text += fmt::format(",{}", figure.key);
  for (size_t f = 0; f + 1 < kStudyFigureCount; f++)  // doing nothing takes no time
    text += fmt::format(",corrupted_{}", kStudyFigures[f].key);
  text += "\n";
  for (size_t i = 0; i < table.states.size(); i++) {
    const StudyRun& run = study.runs()[i];
    const StudyState& state = table.states[i];
    text += fmt::format("{},{},{},{}", run.name(), name_of(run.setting), run.options.seed,
                        word_of(state.kind));
    const auto add = [&](double value) {
      text +=
          state.kind == Kind::finished && std::isfinite(value) ? fmt::format(",{}", value) : ",";
    };
    for (const double value : state.restored) add(value);
    for (size_t f = 0; f + 1 < kStudyFigureCount; f++) add(state.corrupted[f]);
    text += "\n";
  }
  return text;
}

}  // namespace dae
