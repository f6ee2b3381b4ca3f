#include "laboratory/comparison_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "corrupt/spec.h"
#include "report/html.h"
#include "report/sheet.h"

namespace dae {
namespace {

using nlohmann::json;

constexpr int64_t kCropSide = 32, kCropZoom = 4, kCropStep = 8;
constexpr size_t kCrops = 4, kSheetLabel = 20;

struct Row {
  std::string name;
  const BlurMeasures* measures;
};

std::vector<Row> rows_of(const BlurPage& page) {
  std::vector<Row> rows;
  for (const BlurRun& run : page.runs) rows.push_back({run.name, &run.measures});
  rows.push_back({"corrupted", &page.corrupted});
  return rows;
}

// Ranges that are off unless asked for are named where they are on.
std::string text_of(const CorruptSpec& s) {
  std::string text;
  for (const RangeField& field : range_fields())
    if ((CorruptSpec{}.*field.range).present || (s.*field.range).present)
      text += fmt::format("{} {}, ", field.name, to_string(s.*field.range));
  return text + fmt::format("order {}, clip {}, quantize {}", name_of(s.order),
                            s.clip ? "on" : "off", s.quantize ? "on" : "off");
}

std::string network_of(const RunConfig& c) {
  const NetworkConfig& n = c.network;
  if (n.kind != NetworkKind::unet) return fmt::format("{}, latent {}", name_of(n.kind), n.latent);
  return fmt::format("unet, width {}, blocks {}{}{}{}", n.width, n.blocks,
                     n.skips ? "" : ", no skips", n.global ? "" : ", no global path",
                     n.residual ? "" : ", not residual");
}

std::string table_of(const std::vector<Row>& rows, const std::vector<Measure>& measures) {
  std::string html = "<table><tr><th></th>";
  for (const Measure m : measures) html += fmt::format("<th>{}</th>", name_of(m).title);
  html += "</tr>\n";
  for (const Row& row : rows) {
    html += fmt::format("<tr><td>{}</td>", html::escape(row.name));
    for (const Measure m : measures) html += html::cell(show(m, (*row.measures)[m]));
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

std::string curves_of(const std::vector<Row>& rows, const std::string& title,
                      const std::string& label, double RadialBand::*value, bool log_y = false) {
  std::vector<html::Curve> curves;
  for (const Row& row : rows) curves.push_back(curve_of(row.name, row.measures->bands, value));
  return html::plot(title, "cycles/pixel", label, curves, log_y);
}

// "unet passes on 0.71 [0.68, 0.74], conv 0.52 [...] and corrupted 0.30 [...]".
std::string sentence_of(const std::vector<Row>& rows, const std::string& verb, Measure m) {
  std::string text;
  for (size_t i = 0; i < rows.size(); i++)
    text += fmt::format("{}{} {}{}",
                        i == 0                ? ""
                        : i + 1 < rows.size() ? ", "
                                              : " and ",
                        html::escape(rows[i].name), i == 0 ? verb + " " : "",
                        html::escape(show(m, (*rows[i].measures)[m])));
  return text;
}

// Every run against every later one.
std::string differences_of(const BlurPage& page) {
  constexpr Measure kCompared[] = {Measure::psnr,          Measure::aligned_psnr, Measure::blur,
                                   Measure::transfer_high, Measure::texture,      Measure::mtf50_01,
                                   Measure::mtf50_03,      Measure::mtf50_06,     Measure::distance,
                                   Measure::perceptual};
  struct Pair {
    const BlurRun *a, *b;
  };
  std::vector<Pair> pairs;
  for (size_t a = 0; a < page.runs.size(); a++)
    for (size_t b = a + 1; b < page.runs.size(); b++)
      pairs.push_back({&page.runs[a], &page.runs[b]});
  std::string html = "<table><tr><th>difference</th>";
  for (const Pair& pair : pairs)
    html += fmt::format("<th>{} &#8722; {}</th>", html::escape(pair.a->name),
                        html::escape(pair.b->name));
  html += "</tr>\n";
  for (const Measure m : kCompared) {
    html += fmt::format("<tr><td>{}</td>",
                        m == Measure::blur ? "blur s squared, pixel squared" : name_of(m).title);
    for (const Pair& pair : pairs)
      html += html::cell(show_difference(m, pair.a->measures[m] - pair.b->measures[m]));
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

std::string scatter_of(const std::vector<Row>& rows) {
  std::vector<html::Dot> dots;
  for (const Row& row : rows) {
    const Interval x = jackknife_interval((*row.measures)[Measure::psnr]);
    const Interval y = jackknife_interval((*row.measures)[Measure::distance]);
    dots.push_back({row.name, x.mean, x.low, x.high, y.mean, y.low, y.high});
  }
  return html::scatter("Fidelity against naturalness", "PSNR, dB (right is better)",
                       "sliced Wasserstein (down is better)", dots);
}

Image cut(const std::vector<float>& picture, int64_t size, const Crop& crop, int64_t side) {
  std::vector<float> out;
  for (int64_t y = crop.y; y < crop.y + side; y++)
    out.insert(out.end(), picture.begin() + (y * size + crop.x) * 3,
               picture.begin() + (y * size + crop.x + side) * 3);
  return to_image(FloatView{out.data(), side, side});
}

json to_json(Measure m, const Jackknife& value) {
  const Interval interval = jackknife_interval(value);
  const MeasureName& name = name_of(m);
  json out = {{"value", name.shown(value.value)},
              {"low", name.shown(interval.low)},
              {"high", name.shown(interval.high)}};
  if (std::isinf(value.value)) out["beyond"] = beyond_text(m, value.value);
  return out;
}

json to_json(const BlurMeasures& measures) {
  json out;
  for (size_t i = 0; i < kMeasureCount; i++) {
    const auto m = static_cast<Measure>(i);
    out[name_of(m).key] = to_json(m, measures[m]);
  }
  for (const RadialBand& band : measures.bands)
    out["bands"].push_back({{"frequency", band.frequency},
                            {"transfer", band.transfer},
                            {"coherence", band.coherence},
                            {"error", band.error}});
  return out;
}

}  // namespace

std::vector<Crop> most_different(const BlurPage& page, int64_t side, size_t count) {
  const int64_t size = page.material.size;
  std::vector<const Pictures*> answers;
  for (const BlurRun& run : page.runs) answers.push_back(&run.measures.aligned);
  if (answers.size() == 1) answers.push_back(&page.material.views.clean);
  std::vector<Crop> best(page.material.views.draws.size());
#pragma omp parallel for schedule(dynamic)
  for (size_t view = 0; view < best.size(); view++) {
    best[view].view = view;
    for (size_t a = 0; a < answers.size(); a++)
      for (size_t b = a + 1; b < answers.size(); b++)
        for (int64_t y = 0; y + side <= size; y += kCropStep)
          for (int64_t x = 0; x + side <= size; x += kCropStep) {
            double sum = 0;
            for (int64_t i = y; i < y + side; i++)
              for (int64_t k = (i * size + x) * 3; k < (i * size + x + side) * 3; k++) {
                const auto at = static_cast<size_t>(k);
                const double off = double{(*answers[a])[view][at]} - (*answers[b])[view][at];
                sum += off * off;
              }
            const double difference = sum / static_cast<double>(3 * side * side);
            if (difference > best[view].difference) best[view] = {view, y, x, difference};
          }
  }
  std::stable_sort(best.begin(), best.end(),
                   [](const Crop& a, const Crop& b) { return a.difference > b.difference; });
  std::vector<Crop> chosen;
  std::set<int64_t> pictures;
  for (const Crop& crop : best)
    if (chosen.size() < count &&
        pictures.insert(page.material.views.draws[crop.view].view.image).second)
      chosen.push_back(crop);
  return chosen;
}

std::string crops_section(const BlurPage& page) {
  const int64_t size = page.material.size, side = std::min(size, kCropSide);
  std::vector<Cell> cells;
  for (const Crop& crop : most_different(page, side, kCrops)) {
    const std::string first = cells.empty() ? "clean" : "";
    const bool labelled = cells.empty();
    cells.push_back({cut(page.material.views.clean[crop.view], size, crop, side), first});
    cells.push_back({cut(page.material.views.corrupted[crop.view], size, crop, side),
                     labelled ? "corrupted" : ""});
    for (const BlurRun& run : page.runs)
      cells.push_back({cut(run.views[crop.view], size, crop, side),
                       labelled ? run.name.substr(0, kSheetLabel) : ""});
  }
  const auto columns = static_cast<int>(2 + page.runs.size());
  return fmt::format(
             "<p>Squares of {} pixels from different pictures, in which the gain-aligned "
             "restorations {} differ most, enlarged {} times without smoothing.</p>\n",
             side, page.runs.size() > 1 ? "of two runs" : "and the clean view", kCropZoom) +
         html::picture(draw_sheet(cells, columns, kCropZoom),
                       "crops of clean, corrupted, restored");
}

std::string render_blur_page(const BlurPage& page) {
  const BlurMaterial& material = page.material;
  const std::vector<Row> rows = rows_of(page);
  std::string body = fmt::format(
      "<p>{} views of {}x{} pixels from {} pictures of {}, the same for every run and corrupted "
      "with the same draws: {}. Brackets are 95% intervals over pictures: what other pictures "
      "would change. Another training seed may change more; train several to know.</p>\n",
      material.views.draws.size(), material.size, material.size, pictures_of(material.views),
      html::escape(page.dataset), text_of(material.corruption));
  for (const std::string& note : page.notes)
    body += fmt::format("<p class=\"note\">{}</p>\n", html::escape(note));
  for (const std::string& note : page.corrupted.notes)
    body += fmt::format("<p class=\"note\">{}</p>\n", html::escape(note));

  body +=
      ""
      "<h2>Runs</h2>\n<table><tr><th>run</th><th>network</th><th>loss</th><th>steps</th><th>batch</"
      "th><th>crop</th><th>seed</th></tr>\n";
  for (const BlurRun& run : page.runs)
    body += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        html::escape(run.name), network_of(run.config), html::escape(to_string(run.config.loss)),
        run.steps, run.config.batch, run.config.network.size, run.config.seed);
  body += "</table>\n";

  body +=
      "<h2>How good and how sharp</h2>\n" +
      table_of(rows, {Measure::psnr, Measure::aligned_psnr, Measure::blur, Measure::texture,
                      Measure::mtf50_01, Measure::mtf50_03, Measure::mtf50_06, Measure::distance,
                      Measure::perceptual}) +
      fmt::format(
          "<p>In pixels of Gaussian blur, {}. A negative number is sharper than the clean picture; "
          "off the scale is more than an eighth of the window.</p>\n",
          sentence_of(rows, "has", Measure::blur));

  body += "<h2>Differences on the same pictures</h2>\n";
  if (page.runs.size() > 1)
    body += differences_of(page) +
            "<p>An interval that contains zero is undecided: these pictures do not tell which of "
            "the two is ahead.</p>\n";
  else
    body += "<p>One run: nothing to compare it with.</p>\n";

  if (!page.corrupted.bands.empty()) {
    body += "<h2>By frequency</h2>\n";
    body += curves_of(rows, "Transfer: detail passed on in its place", "transfer",
                      &RadialBand::transfer);
    body += fmt::format("<p>Of the detail between 1/4 and 1/2 cycles/pixel {}.</p>\n",
                        sentence_of(rows, "passes on", Measure::transfer_high));
    body += curves_of(rows, "Coherence: the share of the output that the clean picture explains",
                      "coherence", &RadialBand::coherence);
    body += fmt::format(
        "<p>As the share of the output that the clean picture explains, between 1/8 and 1/4 "
        "cycles/pixel {}; the rest is noise or invention.</p>\n",
        sentence_of(rows, "has", Measure::coherence_middle));
    body += curves_of(rows, "Error: what is left of it at each frequency", "mean square",
                      &RadialBand::error, true);
    body += fmt::format(
        "<p>Between 1/4 and 1/2 cycles/pixel {} millionths of a squared pixel value.</p>\n",
        sentence_of(rows, "is wrong by", Measure::error_high));
    body += "<p>Low: to 1/8, middle: 1/8 to 1/4, high: 1/4 to 1/2 cycles/pixel.</p>\n" +
            table_of(rows,
                     {Measure::transfer_low, Measure::transfer_middle, Measure::transfer_high,
                      Measure::coherence_low, Measure::coherence_middle, Measure::coherence_high}) +
            table_of(rows, {Measure::error_low, Measure::error_middle, Measure::error_high});
  }

  body += "<h2>Close to the truth, or like a photograph</h2>\n" + scatter_of(rows) +
          fmt::format(
              "<p>From the patches of the clean views those of {} away, in pixel values from 0 to "
              "1. To a judge that no loss compared with, a restoration by {} away from its clean "
              "view.</p>\n",
              sentence_of(rows, "are", Measure::distance),
              sentence_of(rows, "is", Measure::perceptual));

  body += "<h2>Where the runs differ most</h2>\n" + crops_section(page);
  return html::page("Blur report", body);
}

json to_json(const BlurPage& page) {
  json out = {{"dataset", page.dataset},
              {"size", page.material.size},
              {"views", page.material.views.draws.size()},
              {"pictures", pictures_of(page.material.views)},
              {"corruption", text_of(page.material.corruption)},
              {"notes", page.notes},
              {"corrupted", to_json(page.corrupted)}};
  for (const std::string& note : page.corrupted.notes) out["notes"].push_back(note);
  for (const BlurRun& run : page.runs) {
    json one = to_json(run.measures);
    one["run"] = run.path;
    one["name"] = run.name;
    one["loss"] = to_string(run.config.loss);
    one["steps"] = run.steps;
    out["runs"].push_back(one);
  }
  out["differences"] = json::array();
  for (size_t a = 0; a < page.runs.size(); a++)
    for (size_t b = a + 1; b < page.runs.size(); b++) {
      json one = {{"of", page.runs[a].name}, {"minus", page.runs[b].name}};
      for (size_t i = 0; i < kMeasureCount; i++) {
        const auto m = static_cast<Measure>(i);
        const Jackknife difference = page.runs[a].measures[m] - page.runs[b].measures[m];
        const Interval interval = jackknife_interval(difference);
        one[m == Measure::blur ? "blur_variance" : name_of(m).key] = {
            {"value", difference.value},
            {"low", interval.low},
            {"high", interval.high},
            {"decided", interval.decided()}};
      }
      out["differences"].push_back(one);
    }
  return out;
}

}  // namespace dae
