// describe_gpu: prints cuDNN's serialised description of this machine's GPU, for planning without
// one (runtime/cudnn.h). tests/cudnn_test reads such a file: DAE_GPU_DESCRIPTION=FILE.
#include "runtime/cudnn.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "tools/program.h"

int main(int argc, char** argv) {
  CLI::App app("Prints cuDNN's serialised description of this machine's GPU.");
  return dae::run_program("describe_gpu", app, argc, argv, [] {
    if (!dae::cuda_available()) dae::fail("{}", dae::why_no_cuda());
    fmt::print("{}\n", dae::cudnn::describe_gpu());
    return 0;
  });
}
