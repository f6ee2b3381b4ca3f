// How much is whose? The error of a restoration is the MMSE, which no network can go below, plus
// what the network is above it. On photographs the MMSE is not known; the best run bounds it from
// above, and a ladder of single changes, taken in two orders, says what the rest is.
#include <fmt/format.h>

#include <limits>

#include "laboratory/lab_table.h"
#include "laboratory/questions.h"

namespace dae {
namespace {

struct Rung {
  std::string change;
  const char *from, *to;
};

constexpr Measure kBands[] = {Measure::error_low, Measure::error_middle, Measure::error_high};

std::string rungs_table(Laboratory& lab, const std::vector<Rung>& rungs, nlohmann::json& figures) {
  const CorruptSpec classic;
  std::string html =
      "<table><tr><th>change</th><th>from</th><th>to</th><th>&#916; PSNR, dB</th><th>&#916; error, "
      "low, 1e-6</th><th>&#916; middle</th><th>&#916; high</th></tr>\n";
  for (const Rung& rung : rungs) {
    html += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td>", rung.change, rung.from, rung.to);
    nlohmann::json figure = {{"change", rung.change}, {"from", rung.from}, {"to", rung.to}};
    for (const Measure m : {Measure::psnr, kBands[0], kBands[1], kBands[2]}) {
      html += html::cell(lab_change(lab, rung.to, rung.from, classic, m));
      figure[name_of(m).key] = to_json(lab.difference(rung.to, rung.from, classic, m));
    }
    html += "</tr>\n";
    figures.push_back(figure);
  }
  return html + "</table>\n";
}

// (both - no skips) - (not residual - neither): what the second change costs more after the first.
Interval interaction(Laboratory& lab, Measure m) {
  const CorruptSpec classic;
  std::vector<double> values;
  for (const int seed : lab.seeds(lab::kUnet)) {
    const auto has = [&](const char* run) {
      const std::vector<int> seeds = lab.seeds(run);
      return std::count(seeds.begin(), seeds.end(), seed) > 0;
    };
    if (!has(lab::kNoSkips) || !has(lab::kNotResidual) || !has(lab::kBottleneck)) continue;
    const auto of = [&](const char* run) { return lab.measures(run, seed, classic)[m].value; };
    values.push_back(of(lab::kBottleneck) - of(lab::kNoSkips) - of(lab::kNotResidual) +
                     of(lab::kUnet));
  }
  return values.empty() ? Interval{} : mean_interval(values);
}

// Of all runs for the classic corruption, whatever their loss.
std::string bound(Laboratory& lab) {
  const CorruptSpec classic;
  std::string best;
  double least = std::numeric_limits<double>::infinity();
  for (const std::string& run : lab.trained_for(classic))
    if (const Interval mse = lab.value(run, classic, Measure::mse);
        mse.count > 0 && mse.mean < least)
      best = run, least = mse.mean;
  return best.empty() ? ""
                      : fmt::format(
                            "The smallest MSE of all, in millionths {} by {}, is the most that the "
                            "MMSE can be.",
                            lab_value(lab, best, classic, Measure::mse), best);
}

}  // namespace

LabSection ladder_section(Laboratory& lab) {
  LabSection section{"How much is whose?"};
  const CorruptSpec classic;
  section.html =
      "<p>MSE = MMSE + what the network is above it, exactly; only the edges of the first "
      "question have a known MMSE. On photographs the best run here bounds it from above, and the "
      "ladder below says what each change adds, in two orders: where a change costs more after "
      "another than before it, the two are not separate causes. Errors by band are after gain "
      "alignment, which knows the clean picture: they say where, the MSE says how much.</p>\n" +
      lab_table(lab, classic,
                {.rows = {{"unet, 4T", lab::kUnet4T},
                          {"unet, 2T", lab::kUnet2T},
                          {"unet, T", lab::kUnet},
                          {"no skips", lab::kNoSkips},
                          {"not residual", lab::kNotResidual},
                          {"neither: a bottleneck", lab::kBottleneck},
                          {"fc: a dense latent", lab::kDense}},
                 .values = {Measure::psnr, Measure::mse, Measure::aligned_psnr, Measure::blur,
                            Measure::transfer_high, kBands[0], kBands[1], kBands[2]}},
                section.figures["runs"]);
  section.html += html::plot("Error by frequency", "cycles/pixel", "mean square",
                             lab_curves(lab, classic,
                                        {{"unet, 4T", lab::kUnet4T},
                                         {"unet, T", lab::kUnet},
                                         {"no skips", lab::kNoSkips},
                                         {"bottleneck", lab::kBottleneck},
                                         {"fc", lab::kDense}},
                                        &RadialBand::error),
                             true) +
                  fmt::format("<h3>The ladder, T = {} steps</h3>\n", lab.setting().steps) +
                  rungs_table(lab,
                              {{"less training", lab::kUnet4T, lab::kUnet},
                               {"skips off", lab::kUnet, lab::kNoSkips},
                               {"then residual off", lab::kNoSkips, lab::kBottleneck},
                               {"then a dense latent", lab::kBottleneck, lab::kDense}},
                              section.figures["ladder"]) +
                  "<p>The other way round:</p>\n" +
                  rungs_table(lab,
                              {{"residual off", lab::kUnet, lab::kNotResidual},
                               {"then skips off", lab::kNotResidual, lab::kBottleneck}},
                              section.figures["other order"]);
  const Interval twice = interaction(lab, Measure::psnr);
  section.figures["interaction, psnr"] = to_json(twice);
  const std::string together = twice.count > 1 ? sentence_difference(Measure::psnr, twice, "dB")
                                               : "an amount that is not known yet";
  const auto change = [&](const char* a, const char* b) {
    return lab_sentence(lab, a, b, classic, Measure::psnr, "dB");
  };
  section.answer = fmt::format(
      "Skips off changes the PSNR by {}, residual off by {}, and both together by {} beyond the "
      "sum of each alone. Doubling the training from T to 2T is worth {}, and from 2T to 4T {}.",
      change(lab::kNoSkips, lab::kUnet), change(lab::kNotResidual, lab::kUnet), together,
      change(lab::kUnet2T, lab::kUnet), change(lab::kUnet4T, lab::kUnet2T));
  section.html += fmt::format(
      "<p>{} Each is a run of its own with its own falling learning rate, so what time is worth is "
      "not read off one curve. {}</p>\n",
      section.answer, bound(lab));
  return section;
}

}  // namespace dae
