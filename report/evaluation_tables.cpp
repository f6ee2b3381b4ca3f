#include "report/evaluation_tables.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "report/html.h"

namespace dae {
namespace {

using nlohmann::json;

struct Column {
  const char* key;
  const char* title;
  const char* format;
  double (*value)(const Summary&);
};
constexpr Column kColumns[] = {
    {"psnr", "PSNR", "{:.2f}", [](const Summary& s) { return s.mean.psnr; }},
    {"aligned_psnr", "aligned PSNR", "{:.2f}",
     [](const Summary& s) { return s.mean.aligned_psnr; }},
    {"pooled_psnr", "pooled PSNR", "{:.2f}", [](const Summary& s) { return s.pooled_psnr; }},
    {"pooled_aligned_psnr", "pooled aligned", "{:.2f}",
     [](const Summary& s) { return s.pooled_aligned_psnr; }},
    {"ssim", "SSIM", "{:.4f}", [](const Summary& s) { return s.mean.ssim; }},
    {"aligned_ssim", "aligned SSIM", "{:.4f}",
     [](const Summary& s) { return s.mean.aligned_ssim; }},
    {"brightness_error", "brightness %", "{:.2f}",
     [](const Summary& s) { return s.mean.brightness_error; }},
    {"colour_error", "colour %", "{:.2f}", [](const Summary& s) { return s.mean.colour_error; }},
    {"ciede2000", "CIEDE2000", "{:.2f}", [](const Summary& s) { return s.mean.ciede2000; }}};

struct Candidate {
  const char* key;
  const char* title;
  Summary EvaluationRow::*summary;
};
constexpr Candidate kCandidates[] = {{"corrupted", "doing nothing", &EvaluationRow::corrupted},
                                     {"restored", "restored", &EvaluationRow::restored},
                                     {"grey_world", "grey-world", &EvaluationRow::grey_world},
                                     {"true_gain", "true gain", &EvaluationRow::true_gain}};

std::string show(const Column& column, const Summary& summary) {
  const double value = column.value(summary);
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return "exact";  // all of them
  return fmt::format(fmt::runtime(column.format), value);
}

// What the means of PSNR leave out, if anything.
std::string exact_note(const Evaluation& evaluation) {
  std::string note;
  for (const EvaluationRow& row : evaluation.rows)
    for (const Candidate& candidate : kCandidates) {
      const Summary& summary = row.*candidate.summary;
      if (summary.exact > 0 && summary.exact < summary.images)
        note += fmt::format("{}, {}: {} of {} views are exact and in no mean of PSNR\n", row.name,
                            candidate.title, summary.exact, summary.images);
    }
  return note;
}

}  // namespace

std::string to_text(const Evaluation& evaluation) {
  std::string text = fmt::format("{} views ({}), clip {}\n", evaluation.views, evaluation.view_size,
                                 evaluation.noise_clip);
  text += fmt::format("{:<11} {:<14}", "corruption", "output");
  for (const Column& column : kColumns) text += fmt::format(" {:>14}", column.title);
  text += "\n";
  for (const EvaluationRow& row : evaluation.rows)
    for (const Candidate& candidate : kCandidates) {
      text += fmt::format("{:<11} {:<14}",
                          candidate.summary == &EvaluationRow::corrupted ? row.name : "",
                          candidate.title);
      for (const Column& column : kColumns)
        text += fmt::format(" {:>14}", show(column, row.*candidate.summary));
      text += "\n";
    }
  return text + exact_note(evaluation);
}

std::string to_html(const Evaluation& evaluation) {
  std::string html = "<table><tr><th class=\"text\">corruption</th><th class=\"text\">output</th>";
  for (const Column& column : kColumns) html += fmt::format("<th>{}</th>", column.title);
  html += "</tr>\n";
  for (const EvaluationRow& row : evaluation.rows)
    for (const Candidate& candidate : kCandidates) {
      const bool first = candidate.summary == &EvaluationRow::corrupted;
      const bool ours = candidate.summary == &EvaluationRow::restored;
      html += fmt::format("<tr{}><td class=\"text\">{}</td><td class=\"text\">{}</td>",
                          first  ? " class=\"first\""
                          : ours ? " class=\"ours\""
                                 : "",
                          first ? html::escape(row.name) : "", candidate.title);
      for (const Column& column : kColumns)
        html += fmt::format("<td>{}</td>", show(column, row.*candidate.summary));
      html += "</tr>\n";
    }
  html += "</table>\n";
  std::istringstream notes(exact_note(evaluation));
  for (std::string line; std::getline(notes, line);)
    html += fmt::format("<p class=\"note\">{}</p>\n", html::escape(line));
  return html;
}

json to_json(const Summary& summary) {
  json out;
  for (const Column& column : kColumns) out[column.key] = column.value(summary);
  return out;
}

json to_json(const Evaluation& evaluation) {
  json out = {{"images", evaluation.views},
              {"view", evaluation.view_size},
              {"clip", evaluation.noise_clip}};
  for (const EvaluationRow& row : evaluation.rows)
    for (const Column& column : kColumns)
      for (const Candidate& candidate : kCandidates)
        out[row.name][column.key][candidate.key] = column.value(row.*candidate.summary);
  return out;
}

}  // namespace dae
