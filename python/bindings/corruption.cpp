// dae/corruption.h.
#include <dae/corruption.h>
#include <dae/error.h>
#include <fmt/core.h>
#include <nanobind/stl/string.h>

#include <limits>

#include "arrays.h"
#include "interpreter.h"
#include "module.h"

namespace nb = nanobind;

namespace dae::python {
namespace {

[[noreturn]] void refuse(const char* field, nb::handle value) {
  throw nb::type_error(
      fmt::format("{}: expected a number, (low, high), (low, high, share) or None, got {}", field,
                  nb::cast<std::string>(nb::repr(value)))
          .c_str());
}

// A float; one that is too large for it is infinite. True is none, but what is meant to turn a corruption
// on.
float number(const char* field, nb::handle value) {
  if (nb::isinstance<nb::bool_>(value)) refuse(field, value);
  const double number = PyFloat_AsDouble(value.ptr());
  if (PyErr_Occurred() != nullptr) {
    const bool too_large = PyErr_ExceptionMatches(PyExc_OverflowError) != 0;
    PyErr_Clear();
    if (!too_large) refuse(field, value);
    return std::numeric_limits<float>::infinity();
  }
  return static_cast<float>(number);
}

// None, a number, (low, high) or (low, high, share) as a range.
Range range_of(const char* field, nb::handle value) {
  if (value.is_none()) return {0, 0, false};
  if (!nb::isinstance<nb::tuple>(value) && !nb::isinstance<nb::list>(value)) {
    const float both = number(field, value);
    return {both, both};
  }
  const size_t count = nb::len(value);
  if (count != 2 && count != 3) refuse(field, value);
  Range range{number(field, value[0]), number(field, value[1])};
  if (count == 3) range.share = number(field, value[2]);
  return range;
}

nb::object to_python(const Range& range) {
  if (!range.present) return nb::none();
  if (range.share != 1) return nb::make_tuple(range.low, range.high, range.share);
  return nb::make_tuple(range.low, range.high);
}

void bind_range(nb::class_<CorruptSpec>& spec, const char* name, Range CorruptSpec::*range) {
  spec.def_prop_rw(
      name, [range](const CorruptSpec& self) { return to_python(self.*range); },
      [range, name](CorruptSpec& self, nb::handle value) { self.*range = range_of(name, value); },
      nb::for_setter(nb::arg("value").none()));
}

class BoundCorruption {
 public:
  explicit BoundCorruption(const CorruptSpec& spec) : corruption_(spec) {}

  // Writes `out`; on a GPU in `stream`, a cudaStream_t.
  void apply(nb::handle pictures, nb::handle out, nb::handle seed, nb::handle step,
             nb::handle first, uintptr_t stream) {
    const Replay replay{.seed = whole_number<uint64_t>("seed", seed),
                        .step = whole_number<int64_t>("step", step),
                        .first = whole_number<int64_t>("first", first)};
    const Pictures from = pictures_to_read("pictures", pictures, {Element::u8}, false);
    const Pictures to = pictures_to_write("out", out, Element::f32, from, false);
    without_lock([&](Outside& outside) {
      const Turn turn(owner_, outside);
      const auto* const given = from.at<uint8_t>(0);
      auto* const corrupted = to.writable_at<float>(0);
      if (from.on_gpu)
        corruption_.apply_on_gpu(given, from.batch, from.height, from.width, corrupted, replay,
                                 reinterpret_cast<void*>(stream));
      else
        corruption_.apply(given, from.batch, from.height, from.width, corrupted, replay);
    });
  }

 private:
  Corruption corruption_;
  Turn::Owner owner_;
};

}  // namespace

void add_corruption(nb::module_& module) {
  nb::class_<CorruptSpec> spec(module, "CorruptSpec", "What a corruption draws from.");
  spec.def(nb::init<>());
  bind_range(spec, "noise", &CorruptSpec::noise);
  bind_range(spec, "blur", &CorruptSpec::blur);
  bind_range(spec, "brightness", &CorruptSpec::brightness);
  bind_range(spec, "channel", &CorruptSpec::channel);
  bind_range(spec, "shot", &CorruptSpec::shot);
  bind_range(spec, "grain", &CorruptSpec::grain);
  bind_range(spec, "common", &CorruptSpec::common);
  bind_range(spec, "jpeg", &CorruptSpec::jpeg);
  spec.def_prop_rw(
      "order",
      [](const CorruptSpec& self) { return self.order == Order::classic ? "classic" : "camera"; },
      [](CorruptSpec& self, const std::string& order) {
        if (order != "classic" && order != "camera")
          throw FieldError("order", order + ": give 'classic' or 'camera'");
        self.order = order == "classic" ? Order::classic : Order::camera;
      });
  spec.def_rw("clip", &CorruptSpec::clip).def_rw("quantize", &CorruptSpec::quantize);

  nb::class_<BoundCorruption>(module, "Corruption")
      .def(nb::init<const CorruptSpec&>(), nb::arg("spec"))
      .def("apply", &BoundCorruption::apply, nb::arg("pictures"), nb::arg("out"),
           nb::arg("seed").none(), nb::arg("step").none(), nb::arg("first").none(),
           nb::arg("stream") = 0);
}

}  // namespace dae::python
