// dae/denoiser.h and dae/network.h.
#include <dae/denoiser.h>
#include <dae/error.h>
#include <dae/network.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include "arrays.h"
#include "interpreter.h"
#include "module.h"

namespace nb = nanobind;

namespace dae::python {
namespace {

constexpr auto kElements = {Element::u8, Element::u16, Element::f32};

// Of a picture of each type: f(first value of picture i).
template <class F>
void with_type(Element element, const F& f) {
  if (element == Element::u8) f(uint8_t());
  if (element == Element::u16) f(uint16_t());
  if (element == Element::f32) f(float());
}

void refuse_gpu(const char* name, const Pictures& pictures) {
  if (pictures.on_gpu)
    throw nb::value_error(
        fmt::format("{}: expected the memory of the CPU, got that of a GPU", name).c_str());
}

class BoundDenoiser {
 public:
  BoundDenoiser(const std::filesystem::path& network, nb::handle device, nb::handle memory) {
    const DenoiserOptions options{device_of(device), whole_number<size_t>("memory", memory)};
    without_lock([&](Outside&) { denoiser_ = std::make_unique<Denoiser>(network, options); });
  }

  void restore(nb::handle pictures, nb::handle out, std::optional<double> noise, bool keep_colour,
               bool best, nb::handle progress) {
    const Pictures from = pictures_to_read("pictures", pictures, kElements, true);
    const Pictures to = pictures_to_write("out", out, from.element, from, true);
    refuse_gpu("pictures", from);
    without_lock([&](Outside& outside) {
      const Turn turn(owner_, outside);
      for (int64_t i = 0; i < from.batch; i++) {
        const RestoreOptions options{.channels = static_cast<int>(from.channels),
                                     .keep_colour = keep_colour,
                                     .noise = noise,
                                     .best = best,
                                     .progress = [&](double done) {
                                       const double all = (static_cast<double>(i) + done) /
                                                          static_cast<double>(from.batch);
                                       return outside.ask([&] { return goes_on(progress, all); });
                                     }};
        with_type(from.element, [&](auto type) {
          using T = decltype(type);
          denoiser_->restore(from.at<T>(i), from.height, from.width, to.writable_at<T>(i), options);
        });
      }
    });
  }

  double noise_of(nb::handle picture) {
    const Pictures from = pictures_to_read("picture", picture, kElements, true);
    refuse_batch("picture", from);
    refuse_gpu("picture", from);
    double noise = 0;
    without_lock([&](Outside& outside) {
      const Turn turn(owner_, outside);
      with_type(from.element, [&](auto type) {
        noise = denoiser_->noise_of(from.at<decltype(type)>(0), from.height, from.width,
                                    static_cast<int>(from.channels));
      });
    });
    return noise;
  }

  const Denoiser& denoiser() const { return *denoiser_; }

 private:
  std::unique_ptr<Denoiser> denoiser_;
  Turn::Owner owner_;
};

// (configuration as JSON, {name: float32 array}, note)
nb::tuple network_contents(const std::filesystem::path& path) {
  NetworkContents contents;
  without_lock([&](Outside&) { contents = read_network(path); });
  nb::dict weights;
  for (NetworkWeight& weight : contents.weights) {
    std::vector<size_t> shape(weight.shape.begin(), weight.shape.end());
    auto* const values = new std::vector<float>(std::move(weight.values));
    const nb::capsule owner(
        values, [](void* vector) noexcept { delete static_cast<std::vector<float>*>(vector); });
    weights[text(weight.name)] =
        nb::ndarray<nb::numpy, float>(values->data(), shape.size(), shape.data(), owner).cast();
  }
  return nb::make_tuple(text(contents.config), weights, text(contents.note));
}

}  // namespace

void add_denoiser(nb::module_& module) {
  nb::class_<BoundDenoiser>(module, "Denoiser")
      .def(nb::init<const std::filesystem::path&, nb::handle, nb::handle>(), nb::arg("network"),
           nb::arg("device").none(), nb::arg("memory").none())
      .def("restore", &BoundDenoiser::restore, nb::arg("pictures"), nb::arg("out"),
           nb::arg("noise").none(), nb::arg("keep_colour"), nb::arg("best"),
           nb::arg("progress").none())
      .def("noise_of", &BoundDenoiser::noise_of, nb::arg("picture").none())
      .def_prop_ro("note", [](const BoundDenoiser& self) { return text(self.denoiser().note()); })
      .def_prop_ro("has_noise_input",
                   [](const BoundDenoiser& self) { return self.denoiser().has_noise_input(); })
      .def_prop_ro("receptive_radius",
                   [](const BoundDenoiser& self) { return self.denoiser().receptive_radius(); });
  module.def(
      "read_network", &network_contents, nb::arg("network"),
      "The configuration of a network as JSON text, its weights by name as float32 arrays, and a "
      "note for people.");
}

}  // namespace dae::python
