#include <dae/version.h>
#include <fmt/format.h>

#include <dnnl.hpp>
#ifdef DAE_HAS_CUDA
#include <cuda_runtime.h>
#endif

#define DAE_STRING_OF(text) #text
#define DAE_STRING(text) DAE_STRING_OF(text)

namespace dae {

const char* version() {
  return DAE_STRING(DAE_VERSION_MAJOR) "." DAE_STRING(DAE_VERSION_MINOR) "." DAE_STRING(
      DAE_VERSION_PATCH);
}

std::string describe_libraries() {
  const dnnl_version_t* const onednn = dnnl_version();
  std::string text =
      fmt::format("oneDNN {}.{}.{}, fmt {}.{}.{}", onednn->major, onednn->minor, onednn->patch,
                  FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100);
#if defined(DAE_HAS_CUDA) && defined(CUDART_VERSION)
  text += fmt::format(", CUDA {}.{} for {}", CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10,
                      DAE_CUDA_ARCHITECTURES);
#else
  text += ", no CUDA";
#endif
  return text;
}

}  // namespace dae
