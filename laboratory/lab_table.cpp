#include "laboratory/lab_table.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace dae {
namespace {

// Of a run's blur the variance is what intervals and differences are of.
std::string change_title(Measure m) {
  return std::string("&#916; ") + (m == Measure::blur ? "s squared" : name_of(m).title);
}

}  // namespace

std::string lab_value(Laboratory& lab, const std::string& run, const CorruptSpec& corruption,
                      Measure m) {
  const Interval value = lab.value(run, corruption, m);
  if (value.count > 0) return show(m, value);
  const double beyond = lab.beyond(run, corruption, m);
  return beyond != 0 ? beyond_text(m, beyond) : lab.why_none(run);
}

std::string lab_change(Laboratory& lab, const std::string& a, const std::string& b,
                       const CorruptSpec& corruption, Measure m) {
  const Interval change = lab.difference(a, b, corruption, m);
  if (change.count == 0) return lab.why_none(lab.seeds(a).empty() ? a : b);
  return show_difference(m, change);
}

std::string lab_sentence(Laboratory& lab, const std::string& a, const std::string& b,
                         const CorruptSpec& corruption, Measure m, const std::string& unit) {
  const Interval change = lab.difference(a, b, corruption, m);
  if (change.count == 0) return fmt::format("({})", lab_change(lab, a, b, corruption, m));
  return sentence_difference(m, change, unit);
}

std::string lab_table(Laboratory& lab, const CorruptSpec& corruption, const LabTable& table,
                      nlohmann::json& figures) {
  std::string html = "<table><tr><th></th>";
  for (const Measure m : table.values) html += fmt::format("<th>{}</th>", name_of(m).title);
  for (const Measure m : table.changes) html += fmt::format("<th>{}</th>", change_title(m));
  html += "</tr>\n";
  for (const LabRow& row : table.rows) {
    if (table.values.empty() && row.run == table.against) continue;
    nlohmann::json figure = {{"run", row.run}, {"label", row.label}};
    html += fmt::format("<tr><td>{}</td>", html::escape(row.label));
    for (const Measure m : table.values) {
      html += html::cell(lab_value(lab, row.run, corruption, m));
      Interval value = lab.value(row.run, corruption, m);
      for (double* const end : {&value.mean, &value.low, &value.high})
        *end = name_of(m).shown(*end);
      figure[name_of(m).key] = to_json(value);
      if (const double beyond = lab.beyond(row.run, corruption, m); beyond != 0)
        figure[name_of(m).key]["beyond"] = beyond_text(m, beyond);
    }
    for (const Measure m : table.changes) {
      if (row.run == table.against) {
        html += "<td></td>";
        continue;
      }
      html += html::cell(lab_change(lab, row.run, table.against, corruption, m));
      figure["against " + table.against][m == Measure::blur ? "blur_variance" : name_of(m).key] =
          to_json(lab.difference(row.run, table.against, corruption, m));
    }
    html += "</tr>\n";
    figures.push_back(figure);
  }
  return html + "</table>\n";
}

std::vector<html::Curve> lab_curves(Laboratory& lab, const CorruptSpec& corruption,
                                    const std::vector<LabRow>& rows, double RadialBand::*value) {
  std::vector<html::Curve> curves;
  for (const LabRow& row : rows) {
    const std::vector<int> seeds = lab.seeds(row.run);
    html::Curve mean;
    for (const int seed : seeds) {
      const html::Curve one =
          curve_of(row.label, lab.measures(row.run, seed, corruption).bands, value);
      if (mean.x.empty()) mean = {one.name, one.x, std::vector<double>(one.x.size())};
      for (size_t i = 0; i < one.y.size(); i++)
        mean.y[i] += one.y[i] / static_cast<double>(seeds.size());
    }
    if (!mean.x.empty()) curves.push_back(std::move(mean));
  }
  return curves;
}

}  // namespace dae
