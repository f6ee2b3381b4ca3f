// export: a trained network as one file.

#include "data/files.h"
#include "record/network_file.h"
#include "restore/trained_network.h"
#include "runtime/error.h"
#include "tools/program.h"
#include "tools/say.h"

namespace {

constexpr const char* kAbout =
    "Makes one small file of a run: the network's averaged weights, in 16 bits, with what it was\n"
    "trained for and no name of a picture. denoise and evaluate take it in place of the run.\n\n"
    "  export runs/long camera.safetensors\n"
    "  denoise camera.safetensors photos/";

}  // namespace

int main(int argc, char** argv) {
  using namespace dae;
  CLI::App app(kAbout);
  std::string run, file;
  bool force = false;
  app.add_option("RUN", run, "run folder of train_cuda")->required();
  app.add_option("FILE", file, "the file to write, NAME.safetensors")->required();
  app.add_flag("--force", force, "write over a file that is there");
  return run_program("export", app, argc, argv, [&] {
    if (!file.ends_with(".safetensors"))
      fail_usage("{}: give it a name that ends in .safetensors", file);
    if (!force && std::filesystem::exists(file))
      fail_usage("{}: is there already; give another name, or --force", file);
    check_writable(file);
    const TrainedNetwork trained = open_trained_network(run, Device::cpu);
    if (!trained.note.empty()) say(stderr, "export: {}\n", trained.note);
    save_network(file, read_trained_config(run), trained.parameters, trained.weights);
    say("{}: {} weights, {:.1f} MB\n", file, trained.parameters.count(),
        static_cast<double>(std::filesystem::file_size(file)) / 1e6);
    return 0;
  });
}
