// describe_gpu [--out FILE]: the name of this machine's GPU, and cuDNN's serialised description of
// it, for planning without one (runtime/cudnn.h). tests/cudnn_test reads such a file:
// DAE_GPU_DESCRIPTION=FILE.
#include <fmt/core.h>

#include "data/files.h"
#include "runtime/cudnn.h"
#include "runtime/device.h"
#include "tools/program.h"

int main(int argc, char** argv) {
  CLI::App app("Prints the name of this machine's GPU.");
  std::string out;
  app.add_option("--out", out, "write cuDNN's serialised description of it to this file as well");
  return dae::run_program("describe_gpu", app, argc, argv, [&] {
    fmt::print("{}\n", dae::describe_gpu().name);
    if (!out.empty()) dae::write_file_atomically(out, std::string_view(dae::cudnn::describe_gpu()));
    return 0;
  });
}
