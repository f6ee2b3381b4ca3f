// corrupt: shows what a network is trained on.
#include <fmt/core.h>

#include <filesystem>
#include <set>

#include "corrupt/corrupted_view.h"
#include "record/dataset_images.h"
#include "report/sheet.h"
#include "runtime/error.h"
#include "runtime/parallel.h"
#include "tools/metadata.h"
#include "tools/open_pictures.h"
#include "tools/output_names.h"
#include "tools/program.h"
#include "tools/progress.h"
#include "tools/say.h"

namespace {

using namespace dae;
namespace fs = std::filesystem;

constexpr const char* kAbout =
    "Corrupts pictures the way training does. Without --copies: one sheet of clean and corrupted\n"
    "crops side by side, labelled with what was drawn for each. With it: whole corrupted "
    "copies.\n\n"
    "  corrupt photos/ --out sheet.png\n"
    "  corrupt photos/ --copies --out corrupted/ --noise 25:25 --blur off";

// Three lines, as wide as a crop of the default size.
std::string label_of(const Degradation& d) {
  const std::string shot = d.shot_sigma > 0 ? fmt::format("+{:.1f}", d.shot_sigma * 255) : "";
  return fmt::format("noise {:.1f}{}  blur {:.2f}\nbrightness {:.2f}\nr {:.2f}  g {:.2f}  b {:.2f}",
                     d.noise_sigma * 255, shot, d.blur_sigma, d.brightness, d.channel[0],
                     d.channel[1], d.channel[2]);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  std::string dataset_path, out;
  CorruptionOptions corruption;
  int64_t size = 128, count = 12, max_side = 1024;
  uint64_t seed = 1;
  int threads_wanted = 0;
  bool copies = false;
  app.add_option("DATASET", dataset_path,
                 "folder of images or of tar archives of them, one such archive, CIFAR-10 folder "
                 "or `synthetic`")
      ->required();
  app.add_option("--out", out, "the sheet, a PNG file; with --copies a folder")->required();
  app.add_flag("--copies", copies, "write a corrupted copy of every picture instead of a sheet");
  app.add_option("--size", size, "crops on the sheet, in pixels")
      ->check(CLI::Range(8, 1024))
      ->capture_default_str();
  app.add_option("--count", count, "pairs on the sheet")
      ->check(CLI::Range(1, 400))
      ->capture_default_str();
  app.add_option("--max-side", max_side, "shrink larger pictures to this; 0 keeps them")
      ->check(CLI::Range(0, 65536))
      ->capture_default_str();
  add_seed(app, seed, "of what is drawn");
  app.add_option("--threads", threads_wanted, "CPU threads; 0 takes every core")
      ->check(CLI::Range(0, 1024));
  corruption.add_to(app);

  return run_program("corrupt", app, argc, argv, [&] {
    set_threads(threads_wanted);
    const CorruptSpec spec = corruption.apply({});
    if (copies)
      refuse_options(app, {"--size", "--count"}, "is for the sheet, without --copies");
    else
      check_sheet(out);
    const Dataset dataset = open_pictures(dataset_path, max_side);
    std::vector<int64_t> all;
    for (int64_t i = 0; i < dataset.size(); i++) all.push_back(i);
    const std::vector<Source> sources = sources_of(dataset, all);
    const CorruptFlags flags = flags_of(spec);

    if (copies) {
      std::set<fs::path> pictures;
      for (const int64_t i : all) pictures.emplace(dataset[i].name);
      OutputNames names(out, std::move(pictures));
      ProgressLine line;
      int64_t failed = 0;
      for (const int64_t i : all) {
        const Source& source = sources[static_cast<size_t>(i)];
        const CorruptedPicture picture =
            corrupt_picture(source, draw_evaluation(spec, seed, i, {i}), flags);
        try {  // one that cannot be written does not stop the others
          const fs::path name = dataset[i].name,
                         to = names.add(name, fs::path(dataset_path) / name, ".png");
          write_picture(to, encode_png(to_image(picture.corrupted())));
        } catch (const Error& error) {
          line.clear();
          say(stderr, "corrupt: left out: {}\n", printable_line(error.what()));
          failed++;
        }
        line.show(fmt::format("{} of {}", i + 1, dataset.size()));
      }
      line.clear();
      say("{} corrupted pictures in {}\n", dataset.size() - failed, out);
      return failed > 0 || !dataset.skipped().empty() ? 1 : 0;
    }

    std::vector<Cell> cells;
    const auto side = static_cast<int32_t>(size);
    for (int64_t slot = 0; slot < count; slot++) {
      // A view is a picture of its own here: cut out, then corrupted.
      Draw draw = draw_training(spec, seed, 0, slot, sources, side, side);
      const CorruptedPicture view = corrupt_view(sources, draw, size, size, flags);
      const std::string name(dataset[draw.view.image].name);
      cells.push_back({to_image(view.clean()), name.substr(0, 24)});
      cells.push_back({to_image(view.corrupted()), label_of(draw.degradation)});
    }
    const int columns = count < 3 ? 2 : size <= 160 ? 6 : 4;
    write_picture(out, encode_png(draw_sheet(cells, columns, size <= 96 ? 2 : 1)));
    say("{}\n", out);
    return 0;
  });
}
