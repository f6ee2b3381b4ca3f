// Which corruption blurs most? Each kind alone, at three strengths: what a network for everything
// restores of it, and what one that has seen nothing else.
#include <fmt/format.h>

#include <algorithm>

#include "laboratory/lab_table.h"
#include "laboratory/questions.h"

namespace dae {
namespace {

constexpr Measure kShown[] = {Measure::aligned_psnr, Measure::transfer_high};

// Two runs under one corruption.
struct Contest {
  std::string label;
  CorruptSpec corruption;
  const char *a, *b;
};

std::vector<Contest> kinds() {
  std::vector<Contest> list;
  for (const float sigma : {10.0f, 25.0f, 50.0f})
    list.push_back(
        {fmt::format("noise {}/255", sigma), noise_of(sigma), lab::kUnet, lab::kNoiseAlone});
  for (const float sigma : {0.5f, 1.0f, 1.5f})
    list.push_back(
        {fmt::format("blur {:.1f} pixels", sigma), blur_of(sigma), lab::kUnet, lab::kBlurAlone});
  list.push_back({"brightness and colour", light_alone(), lab::kUnet, lab::kLightAlone});
  return list;
}

// What a table of contests calls its rows and columns; `row`, a and b are also the figures' names.
struct ContestWords {
  std::string row, a, b, before_row = {}, before_column = {};
};

// A row a contest: the corrupted views, what a and b make of them, and b less a.
std::string contests_table(Laboratory& lab, const std::vector<Contest>& contests,
                           const ContestWords& words, nlohmann::json& figures) {
  std::string html = "<table><tr><th></th>";
  for (const Measure m : kShown)
    html +=
        fmt::format("<th>{0}: corrupted</th><th>{1}{2}</th><th>{1}{3}</th><th>{3} &#8722; {2}</th>",
                    name_of(m).title, words.before_column, words.a, words.b);
  html += "</tr>\n";
  for (const Contest& contest : contests) {
    const CorruptSpec& c = contest.corruption;
    html += fmt::format("<tr><td>{}{}</td>", words.before_row, contest.label);
    nlohmann::json figure = {{words.row, contest.label}};
    for (const Measure m : kShown) {
      html += html::cell(show(m, lab.corrupted(c)[m])) +
              html::cell(lab_value(lab, contest.a, c, m)) +
              html::cell(lab_value(lab, contest.b, c, m)) +
              html::cell(lab_change(lab, contest.b, contest.a, c, m));
      nlohmann::json& to = figure[name_of(m).key];
      to["corrupted"] = to_json(jackknife_interval(lab.corrupted(c)[m]));
      to[words.a] = to_json(lab.value(contest.a, c, m));
      to[words.b] = to_json(lab.value(contest.b, c, m));
      to["difference"] = to_json(lab.difference(contest.b, contest.a, c, m));
    }
    html += "</tr>\n";
    figures.push_back(figure);
  }
  return html + "</table>\n";
}

}  // namespace

LabSection corruption_section(Laboratory& lab) {
  LabSection section{"Which corruption blurs most?"};
  const std::vector<Contest> all = kinds();
  section.html =
      "<p>Every kind alone, under a fixed strength. The generalist is the unet of the other "
      "questions, trained on all kinds together; a specialist has seen its own kind alone, at all "
      "strengths. PSNR after gain alignment; transfer between 1/4 and 1/2 cycles/pixel.</p>\n" +
      contests_table(lab, all, {"kind", "generalist", "specialist"}, section.figures["kinds"]);
  const auto kept = [&](const Contest& kind) {
    return lab.value(kind.b, kind.corruption, Measure::transfer_high);
  };
  const bool trained = std::all_of(all.begin(), all.end(),
                                   [&](const Contest& kind) { return kept(kind).count > 0; });
  const Contest& most = *std::min_element(
      all.begin(), all.end(),
      [&](const Contest& a, const Contest& b) { return kept(a).mean < kept(b).mean; });
  section.answer =
      !trained ? "not trained yet"
               : fmt::format(
                     "The most is lost under {}: of the detail between 1/4 and 1/2 cycles/pixel "
                     "even its specialist passes on only {}.",
                     most.label, show(Measure::transfer_high, kept(most)));
  section.html += "<p>" + section.answer + "</p>\n";

  const CorruptSpec classic;
  section.html +=
      "<h3>The order</h3>\n<p>Classic: noise, blur, gains. Camera: blur, gains, noise. Noise that "
      "was added before the blur is blurred with the picture and leaves a nearly invertible blur; "
      "noise added after it hides what the blur has weakened. They are two problems with the same "
      "names, and a figure for one says nothing of the other.</p>\n" +
      contests_table(lab,
                     {{"classic", classic, lab::kUnet, lab::kCamera},
                      {"camera", camera_order(), lab::kUnet, lab::kCamera}},
                     {"order", "classic", "camera", "tested on ", "trained on "},
                     section.figures["orders"]) +
      fmt::format(
          "<p>On the order that it was not trained for, the network of the camera order is apart "
          "from the one trained for it by {}.</p>\n",
          lab_sentence(lab, lab::kCamera, lab::kUnet, classic, Measure::aligned_psnr,
                       "dB after gain alignment"));
  return section;
}

}  // namespace dae
