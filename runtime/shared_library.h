// Libraries that are opened on first use, NVIDIA's and MPI: a program that stays on the CPU, alone, neither
// needs them nor pays for loading them (80 ms and 200 MB for cuBLAS).
#pragma once

#include <string>

namespace dae {

// A library opened by its soname: where the loader finds it (LD_LIBRARY_PATH included), in the CUDA
// toolkit, or in a Python environment's wheels ($VIRTUAL_ENV, $CONDA_PREFIX, ~/.local, /usr/local,
// /usr: lib/python3*/{site,dist}-packages/nvidia/*/lib). Stays open. Throws Error saying what
// `product` to install, and what it is needed to do, when it is nowhere.
class SharedLibrary {
 public:
  SharedLibrary(const std::string& soname, const std::string& product,
                const std::string& purpose = "use the GPU");

  // Sets `function` to the library's function of that name; throws Error when it has none.
  template <class F>
  void load(F& function, const char* name) const {
    function = reinterpret_cast<F>(find(name));
  }

 private:
  void* find(const char* name) const;

  std::string soname_;
  void* handle_;
};

}  // namespace dae
