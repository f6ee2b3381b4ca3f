// Is it the architecture? Trained and tested without corruption, whatever is missing was lost on
// the way through the latent.
#include <fmt/format.h>

#include "laboratory/lab_table.h"
#include "laboratory/questions.h"

namespace dae {
namespace {

// What a network of this latent is called, "conv, 2048".
LabRow row_of(const std::string& model, int64_t latent) {
  return {fmt::format("{}, {}", model == "unet" ? "unet, no skips" : model, latent),
          lab::clean_run(model, latent)};
}

}  // namespace

LabSection architecture_section(Laboratory& lab) {
  LabSection section{"Is it the architecture?"};
  const CorruptSpec clean = no_corruption();
  const LabSetting& setting = lab.setting();
  const int64_t largest = setting.latents.back();
  std::vector<LabRow> rows, equal;
  for (const int64_t latent : setting.latents)
    for (const char* const model : {"pca", "fc", "conv", "unet"}) {
      const LabRow row = row_of(model, latent);
      if (lab.knows(row.run)) rows.push_back(row);
      if (lab.knows(row.run) && latent == largest) equal.push_back(row);
    }
  const LabRow skips{"unet, skips", lab::kCleanSkips};
  rows.push_back(skips);
  equal.push_back(skips);

  section.html = fmt::format(
      "<p>Trained and tested without corruption and with nothing that leads around the network "
      "(<code>--residual off --global off</code>), for {} steps: what is missing in the output was "
      "lost on the way. The number is the latent's size, against {} in a crop. PCA of equal rank "
      "is the best that any linear encoder and decoder could do. {}</p>\n",
      setting.steps, 3 * setting.size * setting.size,
      setting.latents.size() < 3 ? "Latents in between: full setting only." : "");
  std::vector<std::string> widths;
  for (const int64_t latent : setting.latents)
    if (const int64_t width = unet_width(setting, latent); width > 0)
      widths.push_back(fmt::format("{} at a latent of {}", width, latent));
  section.html += fmt::format(
      "<p>The unet's width follows from its latent, whose level is eight times as wide as the "
      "highest. Channels at full size: {}. Where they are few, they hold it back before the latent "
      "does.</p>\n",
      fmt::join(widths, ", "));
  section.html +=
      lab_table(lab, clean,
                {.rows = rows,
                 .values = {Measure::psnr, Measure::blur, Measure::transfer_low,
                            Measure::transfer_middle, Measure::transfer_high, Measure::error_low,
                            Measure::error_middle, Measure::error_high}},
                section.figures["rows"]);
  section.html +=
      html::plot(fmt::format("Transfer at a latent of {}", largest), "cycles/pixel", "transfer",
                 lab_curves(lab, clean, equal, &RadialBand::transfer)) +
      html::plot(fmt::format("Error at a latent of {}", largest), "cycles/pixel", "mean square",
                 lab_curves(lab, clean, equal, &RadialBand::error), true);

  std::vector<html::Curve> by_latent;
  for (const char* const model : {"pca", "fc", "conv", "unet"}) {
    html::Curve curve{model == std::string("unet") ? "unet, no skips" : model, {}, {}};
    for (const int64_t latent : setting.latents) {
      const Interval psnr = lab.value(lab::clean_run(model, latent), clean, Measure::psnr);
      if (psnr.count == 0) continue;
      curve.x.push_back(static_cast<double>(latent));
      curve.y.push_back(psnr.mean);
    }
    if (!curve.x.empty()) by_latent.push_back(std::move(curve));
  }
  if (!by_latent.empty())
    section.html += html::plot("PSNR by latent size", "numbers in the latent", "dB", by_latent);

  const auto value = [&](const std::string& model, Measure m) {
    return lab_value(lab, lab::clean_run(model, largest), clean, m);
  };
  section.answer = fmt::format(
      "Of the detail between 1/4 and 1/2 cycles/pixel, with a latent of {} numbers, PCA passes "
      "on {}, fc {}, conv {}, the unet without skips {}, and with skips {}. Skips alone change the "
      "PSNR by {}.",
      largest, value("pca", Measure::transfer_high), value("fc", Measure::transfer_high),
      value("conv", Measure::transfer_high), value("unet", Measure::transfer_high),
      lab_value(lab, lab::kCleanSkips, clean, Measure::transfer_high),
      lab_sentence(lab, lab::kCleanSkips, lab::clean_run("unet", largest), clean, Measure::psnr,
                   "dB"));
  section.html += "<p>" + section.answer + "</p>\n";
  std::vector<std::string> below;
  for (const int64_t latent : setting.latents)
    for (const char* const model : {"fc", "conv", "unet"}) {
      const LabRow row = row_of(model, latent);
      const Interval behind = lab.difference(row.run, lab::pca(latent), clean, Measure::psnr);
      if (behind.count > 0 && behind.high < 0) below.push_back(row.label);
      section.figures["against pca"][row.label] = to_json(behind);
    }
  if (!below.empty())
    section.html += fmt::format(
        "<p>Below PCA of equal rank, and so held back by their training or the form of their "
        "layers before the size of the latent could be what holds them: {}.</p>\n",
        fmt::join(below, "; "));
  return section;
}

}  // namespace dae
