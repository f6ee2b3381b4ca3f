// dae/error.h as Python's exceptions, which are what Python has for such cases as well.
#include <dae/error.h>
#include <nanobind/stl/string.h>

#include <exception>
#include <filesystem>
#include <string>

#include "module.h"

namespace nb = nanobind;

namespace dae::python {
namespace {

struct {
  PyObject *error, *out_of_memory, *usage, *field, *cancelled;
} classes;  // live as long as the process

void set(PyObject* error, const std::exception& thrown) {
  PyErr_SetObject(error, text(thrown.what()).ptr());
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const FieldError& error) {
    nb::object made = nb::handle(classes.field)(text(error.what()));
    made.attr("field") = text(error.field());
    PyErr_SetObject(classes.field, made.ptr());
  } catch (const UsageError& error) {
    set(classes.usage, error);
  } catch (const OutOfMemory& error) {
    set(classes.out_of_memory, error);
  } catch (const Cancelled& error) {
    set(classes.cancelled, error);
  } catch (const Error& error) {
    set(classes.error, error);
  } catch (const std::filesystem::filesystem_error& error) {
    set(classes.error, error);
  }
}

PyObject* add(nb::module_& module, const char* name, const char* doc, const nb::tuple& bases) {
  const std::string whole = std::string("dae.") + name;
  PyObject* const made = PyErr_NewExceptionWithDoc(whole.c_str(), doc, bases.ptr(), nullptr);
  if (made == nullptr) throw nb::python_error();
  module.attr(name) = nb::handle(made);
  return made;
}

}  // namespace

void add_errors(nb::module_& module) {
  const auto bases = [](auto... base) { return nb::make_tuple(nb::handle(base)...); };
  classes.error =
      add(module, "Error", "Something could not be done: a missing file, a full disk, no GPU.",
          bases(PyExc_RuntimeError));
  classes.out_of_memory =
      add(module, "OutOfMemory", "Less memory is free than is needed: something smaller may do.",
          bases(classes.error, PyExc_MemoryError));
  classes.usage = add(module, "UsageError", "What was asked for makes no sense.",
                      bases(classes.error, PyExc_ValueError));
  classes.field = add(
      module, "FieldError",
      "One option has a value that makes no sense: `field` is its name, which begins the message.",
      bases(classes.usage));
  classes.cancelled = add(module, "Cancelled", "A callback asked for the end of what was going on.",
                          bases(classes.error));
  nb::register_exception_translator(translate);
}

}  // namespace dae::python
