// dae._dae: what the Python package has of the library's face (include/dae/).
#include "module.h"

#include <dae/error.h>
#include <dae/version.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <vector>

#include "interpreter.h"
#include "runtime/device.h"
#include "runtime/memory.h"
#include "runtime/parallel.h"

namespace nb = nanobind;

namespace dae::python {
namespace {

// Memory of that shape and type, which its array owns: for frameworks whose own arrays are not written.
nb::ndarray<nb::array_api> empty(const nb::tuple& shape, const std::string& dtype,
                                 const std::string& device) {
  const nb::dlpack::dtype type = dtype == "uint8"    ? nb::dtype<uint8_t>()
                                 : dtype == "uint16" ? nb::dtype<uint16_t>()
                                                     : nb::dtype<float>();
  std::vector<size_t> sides;
  size_t bytes = type.bits / 8;
  for (const nb::handle side : shape) bytes *= sides.emplace_back(nb::cast<size_t>(side));
  const Device where = device_of(nb::str(device.c_str()));
  auto buffer = std::make_unique<Buffer>(where, bytes);
  void* const data = buffer->data();
  const nb::capsule owner(buffer.get(),
                          [](void* memory) noexcept { delete static_cast<Buffer*>(memory); });
  buffer.release();
  return {data,
          sides.size(),
          sides.data(),
          owner,
          nullptr,
          type,
          where == Device::cpu ? nb::device::cpu::value : nb::device::cuda::value};
}

}  // namespace

nb::str text(std::string_view text) {
  PyObject* const made =
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogateescape");
  if (made == nullptr) throw nb::python_error();
  return nb::steal<nb::str>(made);
}

Device device_of(nb::handle value) {
  if (value.is_none()) return best_device();
  const std::string name = nb::cast<std::string>(nb::repr(value));
  if (!nb::isinstance<nb::str>(value))
    throw nb::type_error(("device: expected 'cpu', 'cuda' or None, got " + name).c_str());
  if (name == "'cpu'") return Device::cpu;
  if (name == "'cuda'") return Device::cuda;
  throw FieldError("device", name + ": give 'cpu', 'cuda' or None");
}

}  // namespace dae::python

NB_MODULE(_dae, module) {
  using namespace dae;
  using namespace dae::python;
  if (PyInterpreterState_GetID(PyInterpreterState_Get()) != 0)
    throw nb::import_error("dae is for the main interpreter: it cannot be loaded in another");
  if (nb::type<CorruptSpec>().is_valid())
    throw nb::import_error(
        "this version of dae is in this process already: import it by the name that it has there; "
        "where sys.modules has forgotten it, start anew");
  nb::set_leak_warnings(false);  // a process that ends has objects left: those of daemon threads
  module.doc() = "The C++ library; the package dae is what to use.";
  module.attr("__version__") = version();
  add_errors(module);
  add_corruption(module);
  add_denoiser(module);
  add_evaluation(module);
  add_training(module);
  module.def(
      "best_device", [] { return name_of(best_device()); },
      "Where networks are computed unless something else is said: 'cuda' or 'cpu'.");
  module.def(
      "why_no_networks_on_cuda", [] { return text(why_no_networks_on_cuda()); },
      "Why networks cannot be computed on a GPU here; empty where they can.");
  module.def(
      "describe_libraries", [] { return text(describe_libraries()); },
      "Versions of the libraries that it was built with, in a line.");
  module.def(
      "set_threads",
      [](nb::handle threads) {
        const int count = whole_number<int>("threads", threads);
        if (count < 0) throw FieldError("threads", fmt::format("{}: give 0 or more", count));
        set_threads(count);
      },
      nb::arg("threads").none(), nb::sig("def set_threads(threads: int) -> None"),
      "How many threads a call of this thread takes; 0: OMP_NUM_THREADS, else every core.");
  module.def("empty", &empty, nb::arg("shape"), nb::arg("dtype"), nb::arg("device"));
  module.def("synchronize_device", &synchronize_device);
  module.def("end_calls", &end_calls);
  module.def("after_fork", &after_fork);
}
