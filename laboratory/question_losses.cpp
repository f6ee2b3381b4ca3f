// What helps, and what does it cost? One network, and one thing changed at a time.
#include <fmt/format.h>

#include <algorithm>

#include "laboratory/comparison_page.h"
#include "laboratory/lab_table.h"
#include "laboratory/questions.h"

namespace dae {
namespace {

constexpr Measure kSharpness = Measure::transfer_high;

std::vector<LabRow> loss_rows(const Laboratory& lab, bool equal_seconds) {
  std::vector<LabRow> rows;
  rows.push_back({"mse", equal_seconds ? lab::loss_run("mse", true) : lab::kUnet});
  for (const std::string& loss : lab.setting().losses)
    rows.push_back({loss, lab::loss_run(loss, equal_seconds)});
  return rows;
}

std::string plane(Laboratory& lab, const std::vector<LabRow>& rows, Measure m,
                  const std::string& title) {
  const CorruptSpec classic;
  std::vector<html::Dot> dots;
  for (const LabRow& row : rows) {
    const Interval x = lab.value(row.run, classic, Measure::psnr),
                   y = lab.value(row.run, classic, m);
    if (x.count > 0 && y.count > 0)
      dots.push_back({row.label, x.mean, x.low, x.high, y.mean, y.low, y.high});
  }
  if (dots.empty()) return {};
  return html::scatter(title, "PSNR, dB (right is better)",
                       std::string(name_of(m).title) + " (down is better)", dots);
}

// The loss with the most transfer above mse that is decided; none, where nothing is.
const LabRow* sharpest(Laboratory& lab, const std::vector<LabRow>& rows) {
  const CorruptSpec classic;
  const LabRow* best = nullptr;
  double most = 0;
  for (const LabRow& row : rows) {
    const Interval change = lab.difference(row.run, lab::kUnet, classic, kSharpness);
    if (change.count > 1 && change.low > 0 && change.mean > most) best = &row, most = change.mean;
  }
  return best;
}

// Crops where the sharpest loss and mse differ most, of the first seed.
std::string crops(Laboratory& lab, const std::vector<LabRow>& rows) {
  const CorruptSpec classic;
  BlurPage page;
  page.material = lab.material(classic);
  for (const LabRow& row : rows) {
    const std::vector<int> seeds = lab.seeds(row.run);
    if (seeds.empty()) continue;
    BlurRun run;
    run.name = row.label;
    run.views = lab.views(row.run, seeds[0], classic);
    run.measures = lab.measures(row.run, seeds[0], classic);
    page.runs.push_back(std::move(run));
  }
  return page.runs.empty() ? "" : crops_section(page);
}

}  // namespace

LabSection loss_section(Laboratory& lab) {
  LabSection section{"What helps, and what does it cost?"};
  const CorruptSpec classic;
  const std::vector<LabRow> losses = loss_rows(lab, false);
  std::vector<LabRow> rows = losses;
  rows.push_back({"mse, no skips", lab::kNoSkips});
  rows.push_back({"mse, twice the width", lab::kWide});
  rows.push_back({"mse, 2T", lab::kUnet2T});
  rows.push_back({"mse, 4T", lab::kUnet4T});
  const std::vector<Measure> changes = {Measure::psnr, Measure::transfer_high, Measure::blur,
                                        Measure::perceptual, Measure::distance};
  section.html =
      fmt::format("<p>One unet, {} steps each, and one thing changed at a time.</p>\n",
                  lab.setting().steps) +
      lab_table(lab, classic,
                {.rows = rows,
                 .values = {Measure::psnr, Measure::blur, Measure::transfer_high, Measure::texture,
                            Measure::mtf50_03, Measure::perceptual, Measure::distance}},
                section.figures["equal steps"]) +
      "<p>The same, less mse in every seed:</p>\n" +
      lab_table(lab, classic, {.rows = rows, .against = lab::kUnet, .changes = changes},
                section.figures["equal steps, less mse"]) +
      html::plot("Transfer by loss", "cycles/pixel", "transfer",
                 lab_curves(lab, classic, losses, &RadialBand::transfer)) +
      html::plot("Coherence by loss", "cycles/pixel", "coherence",
                 lab_curves(lab, classic, losses, &RadialBand::coherence)) +
      plane(lab, rows, Measure::perceptual, "Fidelity against what a judge sees") +
      plane(lab, rows, Measure::distance, "Fidelity against naturalness") +
      "<p>The perceptual distance is that of a feature network which no loss here has compared "
      "with; the sliced Wasserstein distance is between the patches of all views. Both after gain "
      "alignment.</p>\n";

  if (lab.setting().seconds > 0)
    section.html += fmt::format("<h3>At equal time, {} seconds</h3>\n", lab.setting().seconds) +
                    lab_table(lab, classic,
                              {.rows = loss_rows(lab, true),
                               .values = {Measure::psnr, Measure::blur, Measure::transfer_high,
                                          Measure::perceptual, Measure::distance},
                               .against = lab::loss_run("mse", true),
                               .changes = changes},
                              section.figures["equal seconds"]);
  else
    section.html += "<h3>At equal time</h3>\n<p>full setting only</p>\n";

  const LabRow* const best = sharpest(lab, losses);
  if (best)
    section.answer = fmt::format(
        "Sharpest is {}: of the detail between 1/4 and 1/2 cycles/pixel it passes on {} where mse "
        "passes on {}, a change of {}. The PSNR changes by {}.",
        html::escape(best->label), lab_value(lab, best->run, classic, kSharpness),
        lab_value(lab, lab::kUnet, classic, kSharpness),
        lab_change(lab, best->run, lab::kUnet, classic, kSharpness),
        lab_sentence(lab, best->run, lab::kUnet, classic, Measure::psnr, "dB"));
  else if (lab.seeds(losses.back().run).empty())
    section.answer = "not trained yet";
  else
    section.answer =
        "Undecided: of no loss does the interval say that it passes on more of the finest detail "
        "than mse.";
  section.html += "<p>" + section.answer + "</p>\n";
  if (best) {
    section.figures["sharpest"] = best->label;
    section.html += crops(lab, {losses[0], *best});
  }
  return section;
}

}  // namespace dae
