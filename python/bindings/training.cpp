// dae/training.h.
#include <dae/error.h>
#include <dae/training.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "interpreter.h"
#include "module.h"

namespace nb = nanobind;

namespace dae::python {
namespace {

// Hands everything on to the methods that a Python object has of these names. Ctrl-C is heard as the
// request to stop that it is: the run is saved before KeyboardInterrupt is raised. A second one ends it
// at once, as any other exception does.
class Observer : public TrainingObserver {
 public:
  Observer(nb::handle to, Outside& outside) : to_(to), outside_(outside) {}

  std::stop_token stop() const { return stop_.get_token(); }
  bool interrupted() const { return interrupted_; }

  void preparing(const std::string& what, size_t done, size_t total) override {
    tell("preparing", what, done, total);
  }
  void noted(const std::string& line) override { tell("noted", line); }
  void warned(const std::string& lines) override { tell("warned", lines); }
  void started(const TrainingStart& start) override { tell("started", start); }
  void progressed(const TrainingProgress& progress) override { tell("progressed", progress); }
  void measured(const MetricsRow& row) override { tell("measured", row); }
  void sampled(const std::filesystem::path& picture) override { tell("sampled", picture); }
  void saved(uint64_t step, const std::filesystem::path& checkpoint) override {
    tell("saved", step, checkpoint);
  }

 private:
  struct Ended {};  // Outside keeps why

  static nb::str handed(const std::string& line) { return text(line); }
  template <class Value>
  static const Value& handed(const Value& value) {
    return value;
  }

  template <class... Values>
  void tell(const char* method, const Values&... values) {
    const bool go_on = outside_.ask([&] {
      try {
        hear_signals();
        if (nb::hasattr(to_, method)) to_.attr(method)(handed(values)...);
      } catch (const nb::python_error& error) {
        if (interrupted_ || !error.matches(PyExc_KeyboardInterrupt)) throw;
        interrupted_ = true;
        stop_.request_stop();
      }
      return true;
    });
    if (!go_on) throw Ended();
  }

  nb::handle to_;
  Outside& outside_;
  std::stop_source stop_;
  bool interrupted_ = false;
};

// work(observer) as a call from Python.
template <class Work>
TrainingOutcome observed(nb::handle to, const Work& work) {
  TrainingOutcome outcome;
  bool interrupted = false;
  without_lock([&](Outside& outside) {
    Observer observer(to, outside);
    try {
      outcome = work(observer);
    } catch (const Cancelled&) {  // before its first step
      if (!observer.interrupted()) throw;
    }
    interrupted = observer.interrupted();
  });
  if (interrupted) {
    const std::string where = outcome.run.empty() ? "" : "saved in " + outcome.run.string();
    PyErr_SetString(PyExc_KeyboardInterrupt, where.c_str());
    throw nb::python_error();
  }
  return outcome;
}

template <class Options>
void bind_budget(nb::class_<Options>& options) {
  const auto bind = [&](const char* name, auto TrainingBudget::*field) {
    using Number = std::remove_reference_t<decltype(std::declval<TrainingBudget>().*field)>;
    options.def_prop_rw(
        name, [field](const Options& self) { return self.budget.*field; },
        [field](Options& self, Number number) { self.budget.*field = number; });
  };
  bind("seconds", &TrainingBudget::seconds);
  bind("steps", &TrainingBudget::steps);
  bind("epochs", &TrainingBudget::epochs);
}

void add_options(nb::module_& module) {
  nb::class_<TrainingOptions> options(module, "TrainingOptions");
  options.def(nb::init<>());
  bind_place(options, "dataset", &TrainingOptions::dataset);
  bind_place(options, "validation", &TrainingOptions::validation);
  bind_place(options, "pairs", &TrainingOptions::pairs);
  bind_budget(options);
  bind_device(options);
  options.def_rw("max_side", &TrainingOptions::max_side)
      .def_rw("from_", &TrainingOptions::from)
      .def_rw("model", &TrainingOptions::model)
      .def_rw("size", &TrainingOptions::size)
      .def_rw("width", &TrainingOptions::width, nb::arg().none())
      .def_rw("blocks", &TrainingOptions::blocks, nb::arg().none())
      .def_rw("levels", &TrainingOptions::levels, nb::arg().none())
      .def_rw("stem", &TrainingOptions::stem, nb::arg().none())
      .def_rw("skips", &TrainingOptions::skips, nb::arg().none())
      .def_rw("global_", &TrainingOptions::global, nb::arg().none())
      .def_rw("residual", &TrainingOptions::residual, nb::arg().none())
      .def_rw("noise_input", &TrainingOptions::noise_input, nb::arg().none())
      .def_rw("latent", &TrainingOptions::latent, nb::arg().none())
      .def_rw("loss", &TrainingOptions::loss)
      .def_rw("features", &TrainingOptions::features)
      .def_rw("corruption", &TrainingOptions::corruption)
      .def_rw("batch", &TrainingOptions::batch, nb::arg().none())
      .def_rw("shards", &TrainingOptions::shards)
      .def_rw("learning_rate", &TrainingOptions::learning_rate, nb::arg().none())
      .def_rw("seed", &TrainingOptions::seed)
      .def_rw("precision", &TrainingOptions::precision)
      .def_rw("out", &TrainingOptions::out)
      .def_rw("save_every", &TrainingOptions::save_every)
      .def_rw("profile", &TrainingOptions::profile);

  nb::class_<ResumeOptions> resumed(module, "ResumeOptions");
  resumed.def(nb::init<>());
  bind_budget(resumed);
  bind_place(resumed, "dataset", &ResumeOptions::dataset);
  bind_place(resumed, "validation", &ResumeOptions::validation);
  bind_place(resumed, "pairs", &ResumeOptions::pairs);
  bind_device(resumed);
  resumed.def_rw("save_every", &ResumeOptions::save_every)
      .def_rw("profile", &ResumeOptions::profile);
}

void add_reports(nb::module_& module) {
  nb::class_<TrainingStart>(module, "TrainingStart", "What a run begins with.")
      .def_ro("run", &TrainingStart::run)
      .def_ro("memory", &TrainingStart::memory, "what it takes, in words")
      .def_ro("weights", &TrainingStart::weights)
      .def_ro("training_pictures", &TrainingStart::training_pictures)
      .def_ro("held_out_pictures", &TrainingStart::held_out_pictures)
      .def_ro("batch", &TrainingStart::batch)
      .def_ro("shards", &TrainingStart::shards)
      .def_ro("step", &TrainingStart::step, "done before")
      .def_ro("last_step", &TrainingStart::last_step);
  nb::class_<TrainingProgress>(module, "TrainingProgress", "How far a run is.")
      .def_ro("step", &TrainingProgress::step)
      .def_ro("last_step", &TrainingProgress::last_step)
      .def_ro("loss", &TrainingProgress::loss, "of the latest step that is known to be over")
      .def_ro("images_per_second", &TrainingProgress::images_per_second, "0: not known yet")
      .def_ro("validation_psnr", &TrainingProgress::validation_psnr, "dB, the latest")
      .def_ro("seconds_left", &TrainingProgress::seconds_left);
  nb::class_<TermMean>(module, "TermMean", "Of one term of a loss.")
      .def_ro("value", &TermMean::value, "without its weight")
      .def_ro("gradient_norm", &TermMean::gradient_norm);
  nb::class_<MetricsRow>(module, "MetricsRow", "A row of metrics.csv.")
      .def_ro("step", &MetricsRow::step)
      .def_ro("seconds", &MetricsRow::seconds, "since the first step, without pauses")
      .def_ro("loss", &MetricsRow::loss, "mean since the previous row")
      .def_ro("learning_rate", &MetricsRow::learning_rate)
      .def_ro("gradient_norm", &MetricsRow::gradient_norm)
      .def_ro("images_per_second", &MetricsRow::images_per_second)
      .def_ro("validation_psnr", &MetricsRow::validation_psnr, "dB, of the averaged weights")
      .def_ro("terms", &MetricsRow::terms);
  nb::class_<TrainingOutcome>(module, "TrainingOutcome", "What came of a run.")
      .def_ro("run", &TrainingOutcome::run, "the folder")
      .def_ro("step", &TrainingOutcome::step)
      .def_ro("last_step", &TrainingOutcome::last_step, "more than step: it was stopped")
      .def_ro("held_out_pictures", &TrainingOutcome::held_out_pictures)
      .def_ro("evaluation", &TrainingOutcome::evaluation, "of crops of the pictures held out")
      .def_ro("profile", &TrainingOutcome::profile, "a table for people, where it was asked for");
}

}  // namespace

void add_training(nb::module_& module) {
  add_options(module);
  add_reports(module);
  module.def(
      "train",
      [](const TrainingOptions& options, nb::handle observer) {
        return observed(observer,
                        [&](Observer& told) { return train(options, told, told.stop()); });
      },
      nb::arg("options"), nb::arg("observer").none());
  module.def(
      "resume_training",
      [](const std::filesystem::path& run, const ResumeOptions& options, nb::handle observer) {
        return observed(observer, [&](Observer& told) {
          return resume_training(run, options, told, told.stop());
        });
      },
      nb::arg("run"), nb::arg("options"), nb::arg("observer").none());
}

}  // namespace dae::python
