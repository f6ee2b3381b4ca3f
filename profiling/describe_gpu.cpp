// describe_gpu [--out FILE]: the name of this machine's GPU and the versions of what runs it, and
// cuDNN's serialised description of it, for planning without one (kernels/layers/cudnn.h).
// tests/cudnn_test reads such a file: DAE_GPU_DESCRIPTION=FILE.
#include <fmt/core.h>

#include "data/files.h"
#include "kernels/layers/cublaslt.h"
#include "kernels/layers/cudnn.h"
#include "runtime/device.h"
#include "tools/program.h"

int main(int argc, char** argv) {
  CLI::App app("Prints the name of this machine's GPU, and the versions of driver and libraries.");
  std::string out;
  app.add_option("--out", out, "write cuDNN's serialised description of it to this file as well");
  return dae::run_program("describe_gpu", app, argc, argv, [&] {
    const dae::GpuDescription gpu = dae::describe_gpu();
    fmt::print("{}\n", gpu.name);
    const std::string missing = dae::why_no_networks_on_cuda();
    fmt::print("CUDA driver {}, runtime {}; {}\n", gpu.driver, gpu.runtime,
               missing.empty() ? fmt::format("cuDNN {}, cuBLASLt {}", dae::cudnn::version(),
                                             dae::cublaslt::version())
                               : missing);
    if (!out.empty()) dae::write_file_atomically(out, std::string_view(dae::cudnn::describe_gpu()));
    return 0;
  });
}
