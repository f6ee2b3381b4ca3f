#include "laboratory/lab_page.h"

#include <fmt/format.h>

#include "laboratory/edge_page.h"
#include "laboratory/questions.h"
#include "report/html.h"
#include "runtime/error.h"

namespace dae {
namespace {

LabSection loss_of_edges(const EdgeStudyOptions& study, const std::vector<EdgePoint>& points) {
  if (points.empty()) return {"Is it the loss?", "not trained yet", "<p>not trained yet</p>\n", {}};
  return {"Is it the loss?", edge_answer(points), edge_section(study, points),
          to_json(study, points)};
}

}  // namespace

LabPage render_lab_page(Laboratory& lab, const EdgeStudyOptions& study,
                        const std::vector<EdgePoint>& points) {
  const LabSetting& s = lab.setting();
  const PictureSet& views = lab.material({}).views;
  LabPage page;
  std::string body = fmt::format(
      "<p>Why are an autoencoder's outputs blurred, what does the loss do to it, and what helps? "
      "Five questions, answered by {} of {} runs of the setting <code>{}</code>: crops of {} "
      "pixels, unet of width {}, blocks a level: {}, T = {} steps of batch {} at a peak rate of "
      "{}, {} seeds each; measured on {} views of {} held-out pictures of {}.</p>\n"
      "<p>Brackets are 95% intervals by Student's t over seeds, of differences over pairs of one "
      "seed; of the first question over rounds of noise, of corrupted views over pictures. "
      "\"Undecided\" means that the interval contains zero. They speak of these pictures.</p>\n",
      lab.trained(), lab.wanted(), html::escape(s.name), s.size, s.width, s.blocks, s.steps,
      s.batch, s.rate, s.seeds, views.draws.size(), pictures_of(views),
      html::escape(lab.dataset_path()));
  page.figures["setting"] = {{"name", s.name},     {"size", s.size},   {"width", s.width},
                             {"blocks", s.blocks}, {"steps", s.steps}, {"batch", s.batch},
                             {"rate", s.rate},     {"seeds", s.seeds}, {"runs", lab.trained()}};
  const std::function<LabSection()> questions[] = {
      [&] { return loss_of_edges(study, points); }, [&] { return architecture_section(lab); },
      [&] { return ladder_section(lab); }, [&] { return loss_section(lab); },
      [&] { return corruption_section(lab); }};
  for (const std::string& failure : lab.failures())
    body += fmt::format("<p class=\"note\">Left out: {}</p>\n", html::escape(failure));
  int number = 0;
  std::string answers, sections;
  for (const auto& question : questions) try {
      number++;
      const LabSection section = question();
      answers += fmt::format("<li><b><a href=\"#q{0}\">{1}</a></b> {2}</li>\n", number,
                             section.title, section.answer);
      sections +=
          fmt::format("<h2 id=\"q{0}\">{0}. {1}</h2>\n{2}", number, section.title, section.html);
      page.figures[fmt::format("question {}", number)] = section.figures;
    } catch (const Error& error) {
      answers += "<li>Cannot be answered.</li>\n";
      sections +=
          fmt::format("<h2>Question {}</h2>\n<p class=\"note\">Cannot be answered: {}</p>\n",
                      number, html::escape(error.what()));
    }
  page.html = html::page("The blur laboratory", body + "<ol>\n" + answers + "</ol>\n" + sections);
  return page;
}

}  // namespace dae
