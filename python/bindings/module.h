// The parts of the module, each of which adds its own classes and functions, and what they share.
#pragma once

#include <dae/corruption.h>
#include <dae/device.h>
#include <dae/error.h>
#include <fmt/core.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>

#include <filesystem>
#include <limits>
#include <string>
#include <string_view>

namespace dae::python {

void add_errors(nanobind::module_& module);
void add_corruption(nanobind::module_& module);
void add_denoiser(nanobind::module_& module);
void add_evaluation(nanobind::module_& module);
void add_training(nanobind::module_& module);

// The library's text as Python has it. Names of files are in it, which need not be UTF-8: a byte that is
// none comes as os.fsdecode() has it.
nanobind::str text(std::string_view text);

// "cpu", "cuda" or None, which is best_device(). FieldError of `device` for another word, TypeError for no word.
Device device_of(nanobind::handle value);

// The argument `name`: a whole number that C++ can count with, or TypeError, or FieldError.
template <class T>
T whole_number(const char* name, nanobind::handle value) {
  const nanobind::object index = nanobind::steal(PyNumber_Index(value.ptr()));
  if (!index.is_valid()) {
    PyErr_Clear();
    throw nanobind::type_error(fmt::format("{}: expected a whole number, got {}", name,
                                           nanobind::cast<std::string>(nanobind::repr(value)))
                                   .c_str());
  }
  T number = 0;
  if (!nanobind::try_cast(index, number))
    throw FieldError(name,
                     fmt::format("{}: expected a whole number from {} to {}",
                                 nanobind::cast<std::string>(nanobind::str(index)),
                                 std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  return number;
}

// A field that is text in C++ and a path to who gives it.
template <class Options>
void bind_place(nanobind::class_<Options>& options, const char* name, std::string Options::*field) {
  options.def_prop_rw(
      name, [field](const Options& self) { return text(self.*field); },
      [field](Options& self, const std::filesystem::path& place) { self.*field = place.string(); });
}

// The field `device` of a class of options.
template <class Options>
void bind_device(nanobind::class_<Options>& options) {
  options.def_prop_rw(
      "device", [](const Options& self) { return name_of(self.device); },
      [](Options& self, nanobind::handle device) { self.device = device_of(device); },
      nanobind::for_setter(nanobind::arg("device").none()));
}

}  // namespace dae::python
