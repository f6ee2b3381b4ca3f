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

// The type of an array's values as its framework calls it.
std::string dtype_of(nb::handle argument, const Array* array) {
  const nb::object dtype = nb::getattr(argument, "dtype", nb::none());
  if (!dtype.is_none()) {
    const std::string name = nb::cast<std::string>(nb::str(dtype));
    return name.starts_with("torch.") ? name.substr(6) : name;
  }
  if (array == nullptr) return "unknown type";
  return fmt::format("another type, of {} bits", array->dtype().bits);
}

std::string type_of(nb::handle argument) {
  return nb::cast<std::string>(argument.type().attr("__name__"));
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

std::string names_of(std::initializer_list<Element> elements) {
  std::string names;
  for (const Element element : elements)
    names += fmt::format("{}{}", names.empty() ? "" : " or ", name_of(element));
  return names;
}

Element element_of(const char* name, nb::handle argument, const Array& array,
                   std::initializer_list<Element> allowed) {
  for (const Element element : allowed)
    if (array.dtype() == kElements[static_cast<int>(element)].dtype) return element;
  fail_type(name, "expected {}, got {}", names_of(allowed), dtype_of(argument, &array));
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

Pictures checked(const char* name, nb::handle argument, const Array& array,
                 std::initializer_list<Element> elements, bool grey) {
  Pictures pictures{.array = array};
  pictures.element = element_of(name, argument, array, elements);
  pictures.on_gpu = is_on_gpu(name, array);
  read_shape(name, array, grey, pictures);
  if (array.size() != 0 && array.data() == nullptr)  // PyTorch's FakeTensor
    fail_type(name, "expected an array that has memory, got a {} without", type_of(argument));
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
  const std::string expected = names_of(elements), type = type_of(argument);
  if (!nb::hasattr(argument, "__dlpack__"))
    fail_type(name, "expected an array of {}, got {}", expected, type);
  fail_type(name, "expected an array of {}, got a {} of {} that does not hand out its memory",
            expected, type, dtype_of(argument, nullptr));
}

bool have_memory_in_common(const Array& a, const Array& b) {
  const auto begin = [](const Array& array) { return reinterpret_cast<uintptr_t>(array.data()); };
  return begin(a) < begin(b) + b.nbytes() && begin(b) < begin(a) + a.nbytes();
}

}  // namespace

Pictures pictures_to_read(const char* name, nb::handle argument,
                          std::initializer_list<Element> elements, bool grey) {
  Array array;
  if (!nb::try_cast(argument, array, false)) refuse_no_array(name, argument, elements);
  return checked(name, argument, array, elements, grey);
}

Pictures pictures_to_write(const char* name, nb::handle argument, Element element,
                           const Pictures& pictures, bool in_place) {
  nb::ndarray<> writable;
  Array array;
  const bool can_write = nb::try_cast(argument, writable, false);
  if (!can_write && !nb::try_cast(argument, array, false))
    refuse_no_array(name, argument, {element});
  if (!can_write) fail_value(name, "expected memory that can be written, got read-only memory");
  array = Array(writable);
  const Array& read = pictures.array;
  bool same = array.ndim() == read.ndim();
  for (size_t i = 0; same && i < array.ndim(); i++) same = array.shape(i) == read.shape(i);
  if (!same) fail_value(name, "expected the shape {}, got {}", shape_of(read), shape_of(array));
  const Pictures written = checked(name, argument, array, {element}, true);
  if (written.on_gpu != pictures.on_gpu)
    fail_value(name, "expected the memory of the {}, as that of pictures",
               pictures.on_gpu ? "GPU" : "CPU");
  if (have_memory_in_common(array, read) && !(in_place && array.data() == read.data()))
    fail_value(name, "expected memory apart from that of pictures{}, got some in common",
               in_place ? ", or all of theirs" : "");
  return written;
}

void refuse_batch(const char* name, const Pictures& pictures) {
  if (pictures.array.ndim() == 4)
    fail_value(name, "expected one picture, got a batch: {}", shape_of(pictures.array));
}

}  // namespace dae::python
