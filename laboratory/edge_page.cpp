#include "laboratory/edge_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "laboratory/blur_measures.h"
#include "report/html.h"

namespace dae {
namespace {

using nlohmann::json;

constexpr double kTarget =
    0.02;  // of the least risk: so close, a network is what its loss asks for
constexpr double kShownStrength = 2;
constexpr EdgeAnswer EdgePoint::*kAnswers[] = {&EdgePoint::mean, &EdgePoint::median,
                                               &EdgePoint::by_mse, &EdgePoint::by_l1};

// "-" for an answer that holds nothing of the edge.
std::string blur_text(const Jackknife& variance) {
  if (std::isnan(variance.value)) return "-";
  constexpr int64_t kMost = kEdgeSide / 8;  // where the search for a blur ends
  const int beyond = beyond_scale(variance.value, kEdgeSide);
  if (beyond != 0) return beyond > 0 ? fmt::format("over {}", kMost) : "below -1";
  const Interval i = jackknife_interval(variance);
  return fmt::format("{:.2f} [{:.2f}, {:.2f}]", blur_pixels(i.mean), blur_pixels(i.low),
                     blur_pixels(std::min(i.high, double{kMost * kMost})));
}

std::string excess_text(const Jackknife& excess) {
  const Interval i = jackknife_interval(excess);
  return fmt::format("{:.1f} [{:.1f}, {:.1f}]", 100 * i.mean, 100 * i.low, 100 * i.high);
}

// The best answers, which the networks' curves should lie on.
bool is_best(EdgeAnswer EdgePoint::*answer) {
  return answer == &EdgePoint::mean || answer == &EdgePoint::median;
}

template <class F>
std::vector<html::Curve> over_strength(const std::vector<EdgePoint>& points, const F& value) {
  std::vector<html::Curve> curves;
  for (const auto answer : kAnswers) {
    html::Curve curve{(points[0].*answer).name, {}, {}, is_best(answer)};
    for (const EdgePoint& point : points) {
      curve.x.push_back(point.strength);
      curve.y.push_back(value(point, point.*answer));
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

std::string transfer_at(const EdgePoint& point) {
  std::vector<html::Curve> curves;
  for (const auto answer : kAnswers) {
    curves.push_back(curve_of((point.*answer).name, (point.*answer).bands, &RadialBand::transfer));
    curves.back().broad = is_best(answer);
  }
  return html::plot(fmt::format("Transfer at a strength of {}", point.strength), "cycles/pixel",
                    "transfer", curves);
}

json to_json(const EdgeAnswer& answer) {
  return {{"mse", answer.mse},
          {"absolute_error", answer.absolute},
          {"blur_variance", to_json(jackknife_interval(answer.variance))}};
}

// "at all 5 strengths surely within 2% of the MMSE (at worst 1.4 [1.2, 1.6] percent, at strength
// 8)".
std::string reached_text(const std::vector<EdgePoint>& points, Jackknife EdgePoint::*excess,
                         const std::string& least) {
  const auto reached = std::count_if(points.begin(), points.end(), [&](const EdgePoint& p) {
    return jackknife_interval(p.*excess).high <= kTarget;
  });
  const EdgePoint& worst =
      *std::max_element(points.begin(), points.end(), [&](const EdgePoint& a, const EdgePoint& b) {
        return (a.*excess).value < (b.*excess).value;
      });
  return fmt::format(
      "at {} of {} strengths surely within {:.0f}% of {} (at worst {} percent above it, at "
      "strength {})",
      reached, points.size(), 100 * kTarget, least, excess_text(worst.*excess), worst.strength);
}

const EdgePoint& shown_point(const std::vector<EdgePoint>& points) {
  return *std::min_element(
      points.begin(), points.end(), [](const EdgePoint& a, const EdgePoint& b) {
        return std::abs(a.strength - kShownStrength) < std::abs(b.strength - kShownStrength);
      });
}

}  // namespace

std::string edge_answer(const std::vector<EdgePoint>& points) {
  const EdgePoint& shown = shown_point(points);
  return fmt::format(
      "At strength {} the best answer by squared error has a blur of {} pixels, by absolute error "
      "{}, and the networks {} (MSE) and {} (L1).",
      shown.strength, blur_text(shown.mean.variance), blur_text(shown.median.variance),
      blur_text(shown.by_mse.variance), blur_text(shown.by_l1.variance));
}

std::string edge_section(const EdgeStudyOptions& options, const std::vector<EdgePoint>& points) {
  std::string body = fmt::format(
      "<p>One upright edge in {0}x{0} pixels, at one of {7} places 1/{8} of a pixel apart or "
      "mirrored, under Gaussian noise. All {9} pictures are known, so the best answers are exact: "
      "the posterior mean has the smallest squared error there is (the MMSE), the posterior median "
      "the smallest absolute error. Two networks ({1}), one trained by squared error ({2} steps of "
      "{3} pictures) and one by absolute error ({4} steps), are held against them, for each "
      "strength = contrast &#183; &#8730;H / sigma, H = {5} looks at the edge ({0} rows of three "
      "channels). Brackets are 95% intervals over {6} rounds of noise.</p>\n",
      kEdgeSide, name_of(options.network.kind), options.schedule.total, options.batch,
      schedule_of(options, LossKind::l1).total, 3 * kEdgeSide, options.rounds, kEdgePlaces,
      kEdgesPerPixel, 2 * kEdgePlaces);

  body +=
      "<table><tr><th>strength</th><th>contrast</th><th>sigma</th><th>MMSE, 1e-3</th><th>MSE "
      "network above it, %</th><th>L1 network above the least absolute error, %</th><th>blur of "
      "the mean</th><th>of the MSE network</th><th>of the median</th><th>of the L1 "
      "network</th></tr>\n";
  for (const EdgePoint& p : points)
    body += fmt::format(
        "<tr><td>{}</td><td>{:.3f}</td><td>{:.3f}</td><td>{:.2f}</td>{}{}{}{}{}{}</tr>\n",
        p.strength, p.contrast, p.sigma, 1e3 * p.mmse, html::cell(excess_text(p.mse_excess)),
        html::cell(excess_text(p.l1_excess)), html::cell(blur_text(p.mean.variance)),
        html::cell(blur_text(p.by_mse.variance)), html::cell(blur_text(p.median.variance)),
        html::cell(blur_text(p.by_l1.variance)));
  body += "</table>\n";
  body += fmt::format(
      "<p>The network trained by squared error is {}, the one trained by absolute error {}. What "
      "they are above comes of their training and layers; what the mean and the median are blurred "
      "by, no network trained to these losses can avoid.</p>\n",
      reached_text(points, &EdgePoint::mse_excess, "the MMSE of the posterior mean"),
      reached_text(points, &EdgePoint::l1_excess, "the absolute error of the posterior median"));

  body += "<p>In the plots the best answers are broad bands.</p>\n<h3>How wrong</h3>\n" +
          html::plot("Squared error", "strength", "mean square / contrast squared",
                     over_strength(points,
                                   [](const EdgePoint& p, const EdgeAnswer& a) {
                                     return a.mse / (p.contrast * p.contrast);
                                   }),
                     true);
  const EdgePoint& shown = shown_point(points);
  body += fmt::format(
      "<p>At strength {} the median has {:.0f}% more squared error than the mean, and {:.0f}% less "
      "absolute error.</p>\n",
      shown.strength, 100 * (shown.median.mse / shown.mean.mse - 1),
      100 * (1 - shown.median.absolute / shown.mean.absolute));

  body += "<h3>How blurred</h3>\n" +
          html::plot("Effective blur", "strength", "s, pixels",
                     over_strength(points,
                                   [](const EdgePoint&, const EdgeAnswer& a) {
                                     return blur_pixels(a.variance.value);
                                   })) +
          fmt::format(
              "<p>{} The median is a sharp edge in a guessed place: transfer counts what is out of "
              "place as lost.</p>\n",
              edge_answer(points)) +
          transfer_at(shown);
  const auto nearest = [](const EdgeAnswer& answer) {
    const auto band = std::min_element(
        answer.bands.begin(), answer.bands.end(), [](const RadialBand& a, const RadialBand& b) {
          return std::abs(a.frequency - 0.25) < std::abs(b.frequency - 0.25);
        });
    return band->transfer;
  };
  body += fmt::format(
      "<p>Of detail at 1/4 cycles/pixel the mean passes on {:.2f}, its network {:.2f}, the median "
      "{:.2f} and its network {:.2f}.</p>\n",
      nearest(shown.mean), nearest(shown.by_mse), nearest(shown.median), nearest(shown.by_l1));
  return body;
}

json to_json(const EdgeStudyOptions& options, const std::vector<EdgePoint>& points) {
  json out = {{"steps", options.schedule.total},
              {"l1_steps", schedule_of(options, LossKind::l1).total},
              {"batch", options.batch},
              {"seed", options.seed}};
  for (const EdgePoint& p : points) {
    out["strengths"].push_back({{"strength", p.strength},
                                {"contrast", p.contrast},
                                {"sigma", p.sigma},
                                {"mmse", p.mmse},
                                {"least_absolute_error", p.least_absolute},
                                {"mse_excess", to_json(jackknife_interval(p.mse_excess))},
                                {"l1_excess", to_json(jackknife_interval(p.l1_excess))},
                                {"mean", to_json(p.mean)},
                                {"median", to_json(p.median)},
                                {"mse_network", to_json(p.by_mse)},
                                {"l1_network", to_json(p.by_l1)}});
  }
  return out;
}

}  // namespace dae
