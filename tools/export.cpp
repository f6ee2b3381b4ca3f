// export: a trained network as one file.

#include "data/files.h"
#include "exchange/onnx_file.h"
#include "record/network_file.h"
#include "restore/trained_network.h"
#include "runtime/error.h"
#include "tools/program.h"
#include "tools/say.h"

namespace {

constexpr const char* kAbout =
    "Makes one file of a network, with what it was trained for and no name of a picture.\n\n"
    "  export runs/long camera.safetensors      for denoise and evaluate: weights in 16 bits\n"
    "  export runs/long --onnx camera.onnx      for other programs: any height and width\n"
    "  export --onnx photographs.onnx           the network that ships";

struct Wanted {
  std::string run, file, onnx, pixels = "float";
  bool force = false;

  void check() const {
    using namespace dae;
    if (onnx.empty() == file.empty())
      fail_usage("{}", onnx.empty() ? "give FILE, NAME.safetensors, or --onnx NAME.onnx"
                                    : "give FILE or --onnx, not both");
    const std::string& path = onnx.empty() ? file : onnx;
    const char* const ending = onnx.empty() ? ".safetensors" : ".onnx";
    if (!path.ends_with(ending)) fail_usage("{}: give it a name that ends in {}", path, ending);
    if (!force && std::filesystem::exists(path))
      fail_usage("{}: is there already; give another name, or --force", path);
    check_writable(path);
  }
};

}  // namespace

int main(int argc, char** argv) {
  using namespace dae;
  CLI::App app(kAbout);
  Wanted wanted;
  app.add_option("RUN", wanted.run, "run folder of train_cuda, or network file [shipped]");
  app.add_option("FILE", wanted.file, "the file to write, NAME.safetensors");
  app.add_option(
      "--onnx", wanted.onnx,
      "the file to write, NAME.onnx. Its input `picture` is {N, 3, H, W}; a network with "
      "a noise input has an input `sigma` {N} as well");
  app.add_option("--pixels", wanted.pixels,
                 "of an ONNX file: float in [0, 1], or uint8, which gives uint8")
      ->check(CLI::IsMember({"float", "uint8"}))
      ->capture_default_str();
  app.add_flag("--force", wanted.force, "write over a file that is there");
  return run_program("export", app, argc, argv, [&] {
    wanted.check();
    if (wanted.onnx.empty())
      refuse_options(app, {"--pixels"}, "is for an ONNX file: --onnx NAME.onnx");
    const std::filesystem::path run = named_network(wanted.run.empty() ? "shipped" : wanted.run);
    const TrainedNetwork trained = open_trained_network(run, Device::cpu);
    if (!trained.note.empty()) say(stderr, "export: {}\n", trained.note);
    const std::string& file = wanted.onnx.empty() ? wanted.file : wanted.onnx;
    if (wanted.onnx.empty())
      save_network(file, read_trained_config(run), trained.parameters, trained.weights);
    else
      save_onnx(file, trained, wanted.pixels == "uint8" ? OnnxPixels::u8 : OnnxPixels::f32);
    say("{}: {} weights, {:.1f} MB\n", file, trained.parameters.weights(),
        static_cast<double>(std::filesystem::file_size(file)) / 1e6);
    return 0;
  });
}
