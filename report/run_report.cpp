#include "report/run_report.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "data/text.h"
#include "report/evaluation_tables.h"
#include "report/html.h"

namespace dae {
namespace {

html::Curve curve(const std::string& name, const std::vector<MetricsRow>& rows,
                  double (*value)(const MetricsRow&)) {
  html::Curve out{name, {}, {}};
  for (const MetricsRow& row : rows) {
    out.x.push_back(static_cast<double>(row.step));
    out.y.push_back(value(row));
  }
  return out;
}

// One curve a term of the loss.
std::string term_plot(const std::string& title, const std::string& y_label, const LossSpec& loss,
                      const std::vector<MetricsRow>& rows, double TermMean::*value) {
  std::vector<html::Curve> terms;
  for (size_t i = 0; i < loss.terms.size(); i++) {
    terms.push_back({name_of(loss.terms[i].kind), {}, {}});
    for (const MetricsRow& row : rows) {
      if (i >= row.terms.size()) continue;  // a line that was cut off
      terms.back().x.push_back(static_cast<double>(row.step));
      terms.back().y.push_back(row.terms[i].*value);
    }
  }
  return html::plot(title, "step", y_label, terms, true);
}

std::string curves(const LossSpec& loss, const std::vector<MetricsRow>& rows) {
  const auto validation = [](const MetricsRow& row) {
    return row.validation_psnr.value_or(std::numeric_limits<double>::quiet_NaN());
  };
  std::string terms;
  if (!loss.is_plain_mse())
    terms =
        term_plot("Terms of the loss", "value, without its weight", loss, rows, &TermMean::value) +
        term_plot("Gradients of the weighted terms", "L2 norm by the restoration", loss, rows,
                  &TermMean::gradient_norm);
  return html::plot("Loss", "step", loss.is_plain_mse() ? "mean squared error" : to_string(loss),
                    {curve("loss", rows, [](const MetricsRow& r) { return r.loss; })}, true) +
         terms +
         html::plot("Validation (EMA weights)", "step", "PSNR, dB",
                    {curve("PSNR", rows, validation)}) +
         html::plot("Learning rate", "step", "rate",
                    {curve("rate", rows, [](const MetricsRow& r) { return r.learning_rate; })}) +
         html::plot("Gradient norm before clipping", "step", "L2 norm",
                    {curve("norm", rows, [](const MetricsRow& r) { return r.gradient_norm; })},
                    true);
}

}  // namespace

std::string render_report(const ReportInput& input) {
  const RunConfig& c = input.config;
  std::string body =
      fmt::format("<p>{} with {} weights, {} of {} steps, batch {}, crops of {}x{}; {}.</p>\n",
                  name_of(c.network.kind), input.weights, input.step, c.schedule.total, c.batch,
                  c.network.size, c.network.size, html::escape(c.budget));
  for (const std::string& note : input.notes)
    body += fmt::format("<p class=\"note\">{}</p>\n", html::escape(note));
  body +=
      "<h2>Held-out pictures</h2>\n<p>Clean, corrupted, restored, and the difference between "
      "restored and clean, four times as bright.</p>\n" +
      html::picture(input.samples, "clean, corrupted, restored and difference");
  body +=
      "<h2>Restoration by corruption</h2>\n<p>Mean over " + std::to_string(input.evaluation.views) +
      " held-out views (" + html::escape(input.evaluation.view_size) +
      "). <i>Aligned</i>: after the best gain a channel has been taken out, so that exposure, "
      "which one picture does not tell, is not mistaken for detail. <i>Brightness</i> and "
      "<i>colour</i> are the gain errors themselves, CIEDE2000 the colour cast of the whole "
      "view. <i>True gain</i> divides by the gains that were drawn, which no program can "
      "know. <i>exact</i>: every view came out without an error, so that there is no PSNR.</p>\n" +
      to_html(input.evaluation);
  body += "<h2>Training</h2>\n" + curves(c.loss, input.metrics);
  nlohmann::json config = to_json(c);
  constexpr size_t kNamed = 20;  // CIFAR-10 holds out 5000
  if (c.held_out.size() > kNamed)
    config["data"]["held_out"] = fmt::format("{} images, listed in config.json", c.held_out.size());
  body += "<h2>Configuration</h2>\n<pre>" + html::escape(file_text(config)) + "</pre>\n";
  return html::page(input.title, body);
}

}  // namespace dae
