#include "laboratory/study_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/text.h"
#include "report/html.h"

namespace dae {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostCurves = 10;  // as many as there are colours

std::string number(double value, int digits, bool sign = false) {
  const double unit = std::pow(10, digits);
  const double rounded = std::round(value * unit) / unit + 0.0;  // there is no minus zero
  return sign ? fmt::format("{:+.{}f}", rounded, digits) : fmt::format("{:.{}f}", rounded, digits);
}

// How figures are written: on a page with both ends of the interval and words, on a terminal, which has
// eighty columns or a few more, "27.31 ±0.12".
struct Page {
  static std::string interval(const Interval& value, int digits, bool sign) {
    return fmt::format("{} [{}, {}]", number(value.mean, digits, sign),
                       number(value.low, digits, sign), number(value.high, digits, sign));
  }
  static std::string undecided(const std::string& text) { return text + " undecided"; }
  static const char* title(const StudyFigure& figure) { return figure.title; }
};
struct Terminal {
  static std::string interval(const Interval& value, int digits, bool sign) {
    return fmt::format("{} \u00b1{}", number(value.mean, digits, sign),
                       number(value.high - value.mean, digits));
  }
  static std::string undecided(const std::string& text) { return "(" + text + ")"; }
  static const char* title(const StudyFigure& figure) { return figure.brief; }
};

template <class Style>
std::string text_of(const Interval& value, int digits, bool is_change) {
  if (value.count == 0) return "-";
  const std::string text = std::isinf(value.high) ? number(value.mean, digits, is_change)
                                                  : Style::interval(value, digits, is_change);
  return is_change && !value.decided() ? Style::undecided(text) : text;
}

using Cells = std::vector<std::vector<std::string>>;  // rows; the first has the titles

template <class Style>
std::vector<std::string> row_of(const std::string& name, const std::string& seeds,
                                const std::vector<Interval>& intervals, bool is_change) {
  std::vector<std::string> row = {name, seeds};
  for (size_t i = 0; i < intervals.size(); i++)
    row.push_back(text_of<Style>(intervals[i], kStudyFigures[i].digits, is_change));
  return row;
}

template <class Style>
Cells titles() {
  std::vector<std::string> row = {"setting", "seeds"};
  for (const StudyFigure& figure : kStudyFigures) row.emplace_back(Style::title(figure));
  return {row};
}

// Settings, and doing nothing before the first whose views it is of: they differ where the corruption does.
template <class Style>
Cells values_of(const StudyTable& table) {
  Cells cells = titles<Style>();
  std::vector<std::string> nothing;
  for (const StudyRow& row : table.rows) {
    std::vector<Interval> means = row.corrupted;  // the same for every seed
    for (Interval& mean : means) mean.low = mean.high = INFINITY;
    const auto own = row_of<Style>("doing nothing", "", means, false);
    if (row.finished > 0 && own != nothing) cells.push_back(nothing = own);
    cells.push_back(row_of<Style>(row.name, fmt::format("{}/{}", row.finished, row.wanted),
                                  row.restored, false));
  }
  return cells;
}

template <class Style>
Cells changes_of(const StudyTable& table) {
  Cells cells = titles<Style>();
  for (size_t i = 1; i < table.rows.size(); i++) {
    const StudyRow& row = table.rows[i];
    cells.push_back(
        row_of<Style>(row.name, std::to_string(row.changes.front().count), row.changes, true));
  }
  return cells;
}

size_t columns_of(const std::string& text) {  // one a code point
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string aligned(const Cells& cells) {
  std::vector<size_t> widths(cells.front().size());
  for (const auto& row : cells)
    for (size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], columns_of(row[i]));
  std::string text;
  for (const auto& row : cells) {
    for (size_t i = 0; i < row.size(); i++) {
      const std::string gap(widths[i] - columns_of(row[i]), ' ');
      text += i == 0 ? row[i] + gap : "  " + gap + row[i];
    }
    text += "\n";
  }
  return text;
}

std::string html_of(const Cells& cells) {
  std::string html = "<table>";
  for (size_t i = 0; i < cells.size(); i++) {
    html += "<tr>";
    for (const std::string& text : cells[i])
      html += i == 0 ? fmt::format("<th>{}</th>", html::escape(text)) : html::cell(text);
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

std::string counts_of(const StudyTable& table) {
  size_t finished = 0;
  for (const StudyRow& row : table.rows) finished += row.finished;
  return fmt::format("{} of {} runs are finished", finished, table.states.size());
}

std::string curves_of(const StudyTable& table) {
  std::vector<html::Curve> curves;
  for (const StudyRow& row : table.rows)
    if (!row.steps.empty() && curves.size() < kMostCurves)
      curves.push_back({row.name, row.steps, row.psnr});
  if (curves.empty()) return "";
  return "<h2>While they train</h2>\n" +
         html::plot("PSNR of held-out views, dB", "step", "dB", curves) +
         fmt::format("<p>The first finished run of each setting{}.</p>\n",
                     table.rows.size() > kMostCurves
                         ? fmt::format(", of the first {} that have one", kMostCurves)
                         : "");
}

std::string runs_of(const Study& study, const StudyTable& table) {
  std::string html = "<h2>Runs</h2>\n<table><tr><th>run</th><th>options of train_cuda</th></tr>\n";
  for (size_t i = 0; i < table.states.size(); i++) {
    const StudyRun& run = study.runs()[i];
    const std::string name = run.name();
    html += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n",
                        table.states[i].kind == StudyState::Kind::finished
                            ? fmt::format("<a href=\"{0}/report.html\">{0}</a>", name)
                            : name,
                        html::escape(run.command));
  }
  return html + "</table>\n";
}

}  // namespace

std::string to_text(const StudyTable& table) {
  std::string text = aligned(values_of<Terminal>(table));
  if (table.rows.size() > 1)
    text += fmt::format("\nless {}, over the seeds of both; (undecided)\n{}",
                        table.rows.front().name, aligned(changes_of<Terminal>(table)));
  text += "\n";
  for (const std::string& line : table.missing) text += line + "\n";
  if (!table.warning.empty()) text += table.warning + "\n";
  return text + counts_of(table) + "\n";
}

std::string to_html(const Study& study, const StudyTable& table) {
  std::string body = fmt::format(
      "<p>{}. Means over seeds of views of held-out pictures, with 95% intervals by Student's t: "
      "what "
      "another seed would change. Doing nothing is the corrupted views themselves.</p>\n",
      counts_of(table));
  if (!table.warning.empty())
    body += fmt::format("<p class=\"note\">{}</p>\n", html::escape(table.warning));
  body += "<h2>Settings</h2>\n" + html_of(values_of<Page>(table));
  if (table.rows.size() > 1) {
    body +=
        fmt::format("<h2>Differences to {}</h2>\n", table.rows.front().name) +
        html_of(changes_of<Page>(table)) +
        "<p>Of pairs with the same seed. Undecided: the interval contains zero, or there is one "
        "seed. "
        "Of twenty intervals about one misses what is true, so look twice at the only one that is "
        "decided among many.</p>\n";
  }
  if (!table.missing.empty()) {
    body += "<h2>Missing</h2>\n<ul>\n";
    for (const std::string& line : table.missing)
      body += fmt::format("<li>{}</li>\n", html::escape(line));
    body += "</ul>\n";
  }
  body += curves_of(table) + runs_of(study, table);
  return html::page("Study " + study.folder().filename().string(), body);
}

void write_study_table(const Study& study) {
  const fs::path& folder = study.folder();
  fs::create_directories(folder / "records");
  // What the others have is read while nobody writes: whoever comes later has seen more.
  const FileLock lock = FileLock::wait(folder / "records" / "table.lock");
  const StudyTable table = tabulate(study);
  const std::string csv = to_csv(study, table), page = to_html(study, table),
                    json = file_text(to_json(study, table));
  write_file_atomically(folder / "study.csv", std::string_view(csv));
  write_file_atomically(folder / "study.json", std::string_view(json));
  write_file_atomically(folder / "study.html", std::string_view(page));
}

}  // namespace dae
