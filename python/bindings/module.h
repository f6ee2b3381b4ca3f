// The parts of the module, each of which adds its own classes and functions.
#pragma once

#include <dae/corruption.h>
#include <dae/device.h>
#include <nanobind/nanobind.h>

namespace dae::python {

void add_errors(nanobind::module_& module);
void add_corruption(nanobind::module_& module);
void add_denoiser(nanobind::module_& module);
void add_evaluation(nanobind::module_& module);
void add_training(nanobind::module_& module);

// "cpu", "cuda" or None, which is best_device(). FieldError of `device` for anything else.
Device device_of(nanobind::handle value);

}  // namespace dae::python
