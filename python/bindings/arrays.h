// Arrays of NumPy, PyTorch, JAX, CuPy and others as they lie in memory, handed over by DLPack or as
// Python's buffers. What does not fit is a TypeError or ValueError that names the argument, what was
// expected and what came.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <initializer_list>
#include <string>

namespace dae::python {

enum class Element { u8, u16, f32 };

// Pictures {batch, height, width, channels}, row-major and without gaps, aligned for their elements, in
// the host's memory or on the first GPU. Keeps the array alive. To be destroyed with the lock held.
struct Pictures {
  nanobind::ndarray<nanobind::ro> array;
  Element element = Element::u8;
  int64_t batch = 1, height = 0, width = 0, channels = 1;
  bool on_gpu = false;

  int64_t values() const { return height * width * channels; }  // of one picture
  template <class T>
  const T* at(int64_t i) const {
    return static_cast<const T*>(array.data()) + i * values();
  }
  template <class T>
  T* writable_at(int64_t i) const {  // of pictures_to_write() alone
    return const_cast<T*>(at<T>(i));
  }
};

// The argument `name`. {height, width, channels} is a batch of one; where grey pictures are `grey`, so is
// {height, width}. Otherwise it is RGB alone.
Pictures pictures_to_read(const char* name, nanobind::handle argument,
                          std::initializer_list<Element> elements, bool grey);

// An argument of the same shape and device as `pictures`, which can be written. It has no memory in common
// with them; `in_place` it may be all of theirs.
Pictures pictures_to_write(const char* name, nanobind::handle argument, Element element,
                           const Pictures& pictures, bool in_place);

// One of the pictures: an argument that has to be no batch.
void refuse_batch(const char* name, const Pictures& pictures);

}  // namespace dae::python
