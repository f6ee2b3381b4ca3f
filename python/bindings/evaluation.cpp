// dae/evaluation.h.
#include <dae/evaluation.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "interpreter.h"
#include "module.h"

namespace nb = nanobind;

namespace dae::python {
namespace {

void add_results(nb::module_& module) {
  nb::class_<Scores>(module, "Scores", "All measures of one picture against the clean one.")
      .def_ro("mse", &Scores::mse)
      .def_ro("psnr", &Scores::psnr, "dB")
      .def_ro("ssim", &Scores::ssim)
      .def_ro("aligned_mse", &Scores::aligned_mse, "after the best factor a channel")
      .def_ro("aligned_psnr", &Scores::aligned_psnr, "dB, after the best factor a channel")
      .def_ro("aligned_ssim", &Scores::aligned_ssim, "after the best factor a channel")
      .def_ro("brightness_error", &Scores::brightness_error, "percent")
      .def_ro("colour_error", &Scores::colour_error, "percent")
      .def_ro("ciede2000", &Scores::ciede2000, "between mean colours");
  nb::class_<Summary>(module, "Summary", "Scores over many pictures.")
      .def_ro("images", &Summary::images)
      .def_ro("exact", &Summary::exact, "pictures that the mean of psnr leaves out")
      .def_ro("aligned_exact", &Summary::aligned_exact)
      .def_ro("mean", &Summary::mean)
      .def_ro("pooled_psnr", &Summary::pooled_psnr, "dB, of the mean of the pictures' MSE")
      .def_ro("pooled_aligned_psnr", &Summary::pooled_aligned_psnr, "dB");
  nb::class_<EvaluationRow>(module, "EvaluationRow", "One corruption.")
      .def_ro("name", &EvaluationRow::name,
              "'all', 'noise', 'blur', 'brightness', 'channel', 'jpeg', 'clean' or 'sigma'")
      .def_ro("corrupted", &EvaluationRow::corrupted, "doing nothing")
      .def_ro("restored", &EvaluationRow::restored, "the network")
      .def_ro("grey_world", &EvaluationRow::grey_world)
      .def_ro("true_gain", &EvaluationRow::true_gain, "dividing by the gains that were drawn");
  nb::class_<Evaluation>(module, "Evaluation", "How well a network restores.")
      .def_prop_ro("dataset", [](const Evaluation& self) { return text(self.dataset); })
      .def_ro("pictures", &Evaluation::pictures)
      .def_ro("trained_on", &Evaluation::trained_on, "those that the network has seen")
      .def_ro("views", &Evaluation::views)
      .def_ro("max_side", &Evaluation::max_side, "larger pictures were shrunk to it, in pixels")
      .def_ro("view_size", &Evaluation::view_size)
      .def_ro("noise_clip", &Evaluation::noise_clip)
      .def_ro("rows", &Evaluation::rows)
      .def_prop_ro(
          "left_out",
          [](const Evaluation& self) {
            nb::typed<nb::list, std::string> lines;
            for (const std::string& line : self.left_out) lines.append(text(line));
            return lines;
          },
          "files that cannot be read, and why")
      .def_prop_ro("note", [](const Evaluation& self) { return text(self.note); });
}

void add_options(nb::module_& module) {
  nb::class_<EvaluationOptions> options(module, "EvaluationOptions");
  options.def(nb::init<>());
  bind_device(options);
  bind_place(options, "dataset", &EvaluationOptions::dataset);
  options.def_rw("max_side", &EvaluationOptions::max_side, nb::arg().none())
      .def_rw("corruption", &EvaluationOptions::corruption, nb::arg().none())
      .def_rw("sigma", &EvaluationOptions::sigma, nb::arg().none())
      .def_rw("whole_pictures", &EvaluationOptions::whole_pictures)
      .def_rw("views_per_image", &EvaluationOptions::views_per_image)
      .def_rw("most_views", &EvaluationOptions::most_views)
      .def_rw("seed", &EvaluationOptions::seed);
}

}  // namespace

void add_evaluation(nb::module_& module) {
  add_results(module);
  add_options(module);
  module.def(
      "evaluate",
      [](const std::filesystem::path& run, EvaluationOptions options, nb::handle progress) {
        Evaluation evaluation;
        without_lock([&](Outside& outside) {
          options.progress = [&](const std::string& what, size_t done, size_t total) {
            return outside.ask([&] { return goes_on(progress, text(what), done, total); });
          };
          evaluation = evaluate(run, options);
        });
        return evaluation;
      },
      nb::arg("run"), nb::arg("options"), nb::arg("progress").none());
}

}  // namespace dae::python
