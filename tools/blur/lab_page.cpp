#include "tools/blur/lab_page.h"

#include <fmt/format.h>

#include "runtime/error.h"
#include "tools/blur/edge_page.h"
#include "tools/blur/questions.h"
#include "tools/html.h"

namespace dae {
namespace {

LabSection loss_of_edges(const EdgeStudyOptions& study, const std::vector<EdgePoint>& points) {
  if (points.empty()) return {"Is it the loss?", "<p>not trained yet</p>\n", {}};
  return {"Is it the loss?", edge_section(study, points), to_json(study, points)};
}

}  // namespace

LabPage render_lab_page(Laboratory& lab, const EdgeStudyOptions& study,
                        const std::vector<EdgePoint>& points) {
  const LabSetting& s = lab.setting();
  LabPage page;
  std::string body = fmt::format(
      "<p>Why are an autoencoder's outputs blurred, what does the loss do to it, and what helps? "
      "Five questions, answered by {} of {} runs of the setting <code>{}</code>: crops of {} "
      "pixels, unet of width {}, blocks a level: {}, T = {} steps of batch {}, {} seeds each; "
      "measured on {} views of {} held-out pictures of {}.</p>\n<p>Brackets are 95% intervals by "
      "Student's t over seeds, of differences over pairs of one seed; \"undecided\" means that the "
      "interval contains zero. They speak of these pictures.</p>\n",
      lab.trained(), lab.wanted(), html::escape(s.name), s.size, s.width, s.blocks, s.steps,
      s.batch, s.seeds, lab.material({}).views.draws.size(), lab.split().held_out.size(),
      html::escape(lab.dataset_path()));
  page.figures["setting"] = {{"name", s.name},     {"size", s.size},       {"width", s.width},
                             {"blocks", s.blocks}, {"steps", s.steps},     {"batch", s.batch},
                             {"seeds", s.seeds},   {"runs", lab.trained()}};
  const std::function<LabSection()> questions[] = {
      [&] { return loss_of_edges(study, points); }, [&] { return architecture_section(lab); },
      [&] { return ladder_section(lab); }, [&] { return loss_section(lab); },
      [&] { return corruption_section(lab); }};
  int number = 0;
  for (const auto& question : questions) try {
      number++;
      const LabSection section = question();
      body += fmt::format("<h2>{}. {}</h2>\n{}", number, section.title, section.html);
      page.figures[fmt::format("question {}", number)] = section.figures;
    } catch (const Error& error) {
      body += fmt::format("<h2>Question {}</h2>\n<p class=\"note\">Cannot be answered: {}</p>\n",
                          number, html::escape(error.what()));
    }
  page.html = html::page("The blur laboratory", body);
  return page;
}

}  // namespace dae
