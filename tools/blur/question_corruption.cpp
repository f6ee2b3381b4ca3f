// Which corruption blurs most? Each kind alone, at three strengths: what a network for everything
// restores of it, and what one that has seen nothing else.
#include <fmt/format.h>

#include "tools/blur/lab_table.h"
#include "tools/blur/questions.h"

namespace dae {
namespace {

struct Kind {
  std::string label;
  CorruptSpec corruption;
  const char* specialist;
};

std::vector<Kind> kinds() {
  std::vector<Kind> list;
  for (const float sigma : {10.0f, 25.0f, 50.0f})
    list.push_back({fmt::format("noise {}/255", sigma), noise_of(sigma), lab::kNoiseAlone});
  for (const float sigma : {0.5f, 1.0f, 1.5f})
    list.push_back({fmt::format("blur {:.1f} pixels", sigma), blur_of(sigma), lab::kBlurAlone});
  list.push_back({"brightness and colour", light_alone(), lab::kLightAlone});
  return list;
}

constexpr Measure kShown[] = {Measure::aligned_psnr, Measure::transfer_high};

}  // namespace

LabSection corruption_section(Laboratory& lab) {
  LabSection section{"Which corruption blurs most?", {}, {}};
  section.html =
      "<p>Every kind alone, under a fixed strength. The generalist is the unet of the other "
      "questions, trained on all kinds together; a specialist has seen its own kind alone, at all "
      "strengths. PSNR after gain alignment; transfer between 1/4 and 1/2 "
      "cycles/pixel.</p>\n<table><tr><th></th>";
  for (const Measure m : kShown)
    section.html += fmt::format(
        "<th>{0}: corrupted</th><th>generalist</th><th>specialist</th><th>specialist &#8722; "
        "generalist</th>",
        name_of(m).title);
  section.html += "</tr>\n";

  std::string most;
  double least_transfer = 2;
  html::Curve noise{"noise", {}, {}}, blur{"blur", {}, {}};
  for (const Kind& kind : kinds()) {
    const CorruptSpec& c = kind.corruption;
    section.html += fmt::format("<tr><td>{}</td>", kind.label);
    nlohmann::json figure = {{"kind", kind.label}};
    for (const Measure m : kShown) {
      section.html += html::cell(show(m, lab.corrupted(c)[m])) +
                      html::cell(lab_value(lab, lab::kUnet, c, m)) +
                      html::cell(lab_value(lab, kind.specialist, c, m)) +
                      html::cell(lab_change(lab, kind.specialist, lab::kUnet, c, m));
      nlohmann::json& to = figure[name_of(m).key];
      to["corrupted"] = to_json(jackknife_interval(lab.corrupted(c)[m]));
      to["generalist"] = to_json(lab.value(lab::kUnet, c, m));
      to["specialist"] = to_json(lab.value(kind.specialist, c, m));
      to["difference"] = to_json(lab.difference(kind.specialist, lab::kUnet, c, m));
    }
    section.html += "</tr>\n";
    section.figures["kinds"].push_back(figure);
    const Interval transfer = lab.value(kind.specialist, c, Measure::transfer_high);
    if (transfer.count > 0 && transfer.mean < least_transfer)
      least_transfer = transfer.mean, most = kind.label;
  }
  section.html += "</table>\n";
  if (!most.empty())
    section.html += fmt::format(
        "<p>The most is lost under {}: of the detail between 1/4 and 1/2 cycles/pixel even its "
        "specialist passes on only {:.2f}.</p>\n",
        most, least_transfer);

  const CorruptSpec classic, camera = camera_order();
  section.html +=
      "<h3>The order</h3>\n<p>Classic: noise, blur, gains. Camera: blur, gains, noise. Noise that "
      "was added before the blur is blurred with the picture and leaves a nearly invertible blur; "
      "noise added after it hides what the blur has weakened. They are two problems with the same "
      "names, and a figure for one says nothing of the other.</p>\n<table><tr><th></th>";
  for (const Measure m : kShown)
    section.html += fmt::format(
        "<th>{}: corrupted</th><th>trained on classic</th><th>trained on camera</th><th>camera "
        "&#8722; classic</th>",
        name_of(m).title);
  section.html += "</tr>\n";
  for (const auto& [label, c] : {std::pair{"classic", classic}, std::pair{"camera", camera}}) {
    section.html += fmt::format("<tr><td>tested on {}</td>", label);
    nlohmann::json figure = {{"order", label}};
    for (const Measure m : kShown) {
      section.html += html::cell(show(m, lab.corrupted(c)[m])) +
                      html::cell(lab_value(lab, lab::kUnet, c, m)) +
                      html::cell(lab_value(lab, lab::kCamera, c, m)) +
                      html::cell(lab_change(lab, lab::kCamera, lab::kUnet, c, m));
      nlohmann::json& to = figure[name_of(m).key];
      to["classic"] = to_json(lab.value(lab::kUnet, c, m));
      to["camera"] = to_json(lab.value(lab::kCamera, c, m));
      to["difference"] = to_json(lab.difference(lab::kCamera, lab::kUnet, c, m));
    }
    section.html += "</tr>\n";
    section.figures["orders"].push_back(figure);
  }
  section.html +=
      "</table>\n" +
      fmt::format(
          "<p>On the order that it was not trained for, the network of the camera order is apart "
          "from the one trained for it by {}.</p>\n",
          lab_sentence(lab, lab::kCamera, lab::kUnet, classic, Measure::aligned_psnr,
                       "dB after gain alignment"));
  return section;
}

}  // namespace dae
