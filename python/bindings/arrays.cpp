#include "arrays.h"

#include <fmt/core.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <vector>

namespace nb = nanobind;

namespace dae::python {
namespace {

using Array = nb::ndarray<nb::ro>;

template <class... Args>
[[noreturn]] void fail_type(const char* name, fmt::format_string<Args...> format, Args&&... args) {
  throw nb::type_error(
      fmt::format("{}: {}", name, fmt::format(format, std::forward<Args>(args)...)).c_str());
}

template <class... Args>
[[noreturn]] void fail_value(const char* name, fmt::format_string<Args...> format, Args&&... args) {
  throw nb::value_error(
      fmt::format("{}: {}", name, fmt::format(format, std::forward<Args>(args)...)).c_str());
}

constexpr struct {
  Element element;
  const char* name;
  nb::dlpack::dtype dtype;
} kElements[] = {{Element::u8, "uint8", nb::dtype<uint8_t>()},
                 {Element::u16, "uint16", nb::dtype<uint16_t>()},
                 {Element::f32, "float32", nb::dtype<float>()}};

const char* name_of(Element element) {
  return kElements[static_cast<int>(element)].name;
}

std::string name_of(nb::dlpack::dtype dtype) {
  using Code = nb::dlpack::dtype_code;
  const char* kind = dtype.code == static_cast<int>(Code::Int)       ? "int"
                     : dtype.code == static_cast<int>(Code::UInt)    ? "uint"
                     : dtype.code == static_cast<int>(Code::Float)   ? "float"
                     : dtype.code == static_cast<int>(Code::Bfloat)  ? "bfloat"
                     : dtype.code == static_cast<int>(Code::Complex) ? "complex"
                     : dtype.code == static_cast<int>(Code::Bool)    ? "bool"
                                                                     : "another type of ";
  return fmt::format("{}{}", kind, dtype.bits);
}

std::string shape_of(const Array& array) {
  std::string shape;
  for (size_t i = 0; i < array.ndim(); i++)
    shape += fmt::format("{}{}", i == 0 ? "" : ", ", array.shape(i));
  return fmt::format("({}{})", shape, array.ndim() == 1 ? "," : "");
}

bool has_gaps(const Array& array) {
  if (array.size() == 0) return false;
  int64_t step = 1;
  for (size_t i = array.ndim(); i-- > 0;) {
    if (array.shape(i) > 1 && array.stride(i) != step) return true;
    step *= static_cast<int64_t>(array.shape(i));
  }
  return false;
}

Element element_of(const char* name, const Array& array, std::initializer_list<Element> allowed) {
  std::string expected;
  for (const Element element : allowed) {
    if (array.dtype() == kElements[static_cast<int>(element)].dtype) return element;
    expected += fmt::format("{}{}", expected.empty() ? "" : " or ", name_of(element));
  }
  fail_type(name, "expected {}, got {}", expected, name_of(array.dtype()));
}

bool is_on_gpu(const char* name, const Array& array) {
  if (array.device_type() == nb::device::cpu::value ||
      array.device_type() == nb::device::cuda_host::value)
    return false;
  if (array.device_type() != nb::device::cuda::value)
    fail_value(name, "expected the memory of the CPU or of CUDA, got device type {} of DLPack",
               array.device_type());
  if (array.device_id() != 0)
    fail_value(name, "expected the first GPU, cuda:0, got cuda:{}", array.device_id());
  return true;
}

void read_shape(const char* name, const Array& array, bool grey, Pictures& pictures) {
  const size_t rank = array.ndim();
  const auto refuse = [&] {
    if (!grey)
      fail_value(name, "expected the shape (batch, height, width, 3) or (height, width, 3), got {}",
                 shape_of(array));
    fail_value(name,
               "expected the shape (batch, height, width, channels), (height, width, channels) or "
               "(height, width), with 1 to 4 channels, got {}",
               shape_of(array));
  };
  if (rank > 4 || rank < (grey ? 2 : 3)) refuse();
  const size_t first = rank == 4 ? 1 : 0;
  const auto side = [&](size_t i) { return static_cast<int64_t>(array.shape(i)); };
  pictures.batch = rank == 4 ? side(0) : 1;
  pictures.height = side(first);
  pictures.width = side(first + 1);
  pictures.channels = rank == 2 ? 1 : side(first + 2);
  if (grey ? pictures.channels < 1 || pictures.channels > 4 : pictures.channels != 3) refuse();
}

Pictures checked(const char* name, const Array& array, std::initializer_list<Element> elements,
                 bool grey) {
  Pictures pictures{.array = array};
  pictures.element = element_of(name, array, elements);
  pictures.on_gpu = is_on_gpu(name, array);
  read_shape(name, array, grey, pictures);
  if (has_gaps(array))
    fail_value(name,
               "expected contiguous memory, row-major (C order), got gaps or another order: "
               "make a contiguous copy first");
  if (reinterpret_cast<uintptr_t>(array.data()) % array.itemsize() != 0)
    fail_value(name, "expected memory aligned for {}, got an odd address: make a copy first",
               name_of(pictures.element));
  return pictures;
}

[[noreturn]] void refuse_no_array(const char* name, nb::handle argument,
                                  std::initializer_list<Element> elements) {
  const std::string type = nb::cast<std::string>(nb::str(argument.type().attr("__name__")));
  std::string expected;
  for (const Element element : elements)
    expected += fmt::format("{}{}", expected.empty() ? "" : " or ", name_of(element));
  if (nb::hasattr(argument, "__dlpack__"))
    fail_type(
        name,
        "expected an array of {} whose memory can be read, got a {} that does not hand it out "
        "(has it objects, another byte order, or read-only memory that an old version of its "
        "library keeps to itself?)",
        expected, type);
  fail_type(name, "expected an array of {}, got {}", expected, type);
}

}  // namespace

Pictures pictures_to_read(const char* name, nb::handle argument,
                          std::initializer_list<Element> elements, bool grey) {
  Array array;
  if (!nb::try_cast(argument, array, false)) refuse_no_array(name, argument, elements);
  return checked(name, array, elements, grey);
}

Pictures pictures_to_write(const char* name, nb::handle argument, Element element,
                           const Pictures& like) {
  nb::ndarray<> writable;
  Array array;
  const bool can_write = nb::try_cast(argument, writable, false);
  if (!can_write && !nb::try_cast(argument, array, false))
    refuse_no_array(name, argument, {element});
  if (!can_write) fail_value(name, "expected memory that can be written, got read-only memory");
  array = Array(writable);
  const Array& other = like.array;
  bool same = array.ndim() == other.ndim();
  for (size_t i = 0; same && i < array.ndim(); i++) same = array.shape(i) == other.shape(i);
  if (!same) fail_value(name, "expected the shape {}, got {}", shape_of(other), shape_of(array));
  const Pictures pictures = checked(name, array, {element}, true);
  if (pictures.on_gpu != like.on_gpu)
    fail_value(name, "expected the memory of the {}, as that of pictures",
               like.on_gpu ? "GPU" : "CPU");
  return pictures;
}

void refuse_batch(const char* name, const Pictures& pictures) {
  if (pictures.array.ndim() == 4)
    fail_value(name, "expected one picture, got a batch: {}", shape_of(pictures.array));
}

}  // namespace dae::python
