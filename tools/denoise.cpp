// denoise: restores pictures of any size with a trained network.
#include <dae/denoiser.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "data/photo.h"
#include "report/sheet.h"
#include "runtime/error.h"
#include "tools/output_names.h"
#include "tools/program.h"
#include "tools/progress.h"

namespace {

using namespace dae;
namespace fs = std::filesystem;

constexpr const char* kAbout =
    "Restores pictures of any size with a network that train_cuda made. Brightness and colour are\n"
    "decided once a picture. The results are PNG files of the same names in --out.\n\n"
    "  denoise runs/long holiday.jpg old/*.png --out restored/\n"
    "  denoise runs/long photos/ --out restored/ --keep-colour";

struct Job {
  fs::path from, to;
};

// Folders stand for the images in them, sorted by name.
std::vector<Job> list_jobs(const std::vector<std::string>& inputs, const fs::path& out) {
  std::vector<Job> jobs;
  OutputNames names(out);
  for (const std::string& input : inputs) {
    std::error_code error;
    if (!fs::is_directory(input, error)) {
      jobs.push_back({input, names.add(fs::path(input).filename(), input)});
      continue;
    }
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(input))
      if (entry.is_regular_file() && has_photo_extension(entry.path()))
        found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    for (const fs::path& path : found)
      jobs.push_back({path, names.add(path.lexically_relative(input), path)});
  }
  if (jobs.empty()) fail("no images to restore in what was given");
  return jobs;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  std::string run, out;
  std::vector<std::string> inputs;
  bool keep_colour = false, compare = false;
  DeviceOptions device;
  app.add_option("RUN", run, "run folder of train_cuda")->required();
  app.add_option("IMAGE", inputs, "pictures, or folders of them")->required();
  app.add_option("--out", out, "folder for the results")->required();
  app.add_flag("--keep-colour", keep_colour, "leave exposure and colour as they are");
  app.add_flag("--compare", compare, "also write NAME-compare.png: before and after side by side");
  device.add_to(app);

  return run_program("denoise", app, argc, argv, [&] {
    const Device on = device.apply();
    Denoiser denoiser(run, {.device = on});
    const std::vector<Job> jobs = list_jobs(inputs, out);
    catch_interrupts();
    ProgressLine line;
    size_t done = 0, failed = 0;
    for (const Job& job : jobs) {
      if (interrupted()) break;
      line.show(fmt::format("{} of {}: {}", done + failed + 1, jobs.size(), job.from.string()));
      Image image;
      try {
        image = load_image(job.from);
      } catch (const Error& error) {  // one bad picture does not stop the others
        line.clear();
        fmt::print(stderr, "denoise: left out: {}\n", error.what());
        failed++;
        continue;
      }
      Image result = image;
      try {
        denoiser.restore(image.pixels.data(), image.height, image.width, result.pixels.data(),
                         {.keep_colour = keep_colour, .progress = [&](double share) {
                            line.show(fmt::format("{} of {}: {}, {:.0f}%", done + failed + 1,
                                                  jobs.size(), job.from.string(), 100 * share));
                            return !interrupted();
                          }});
      } catch (const Cancelled&) {
        break;
      }
      std::error_code error;  // save_png says why it cannot be written
      fs::create_directories(job.to.parent_path(), error);
      save_png(job.to, result);
      if (compare) {
        fs::path beside = job.to;
        beside.replace_filename(job.to.stem().string() + "-compare.png");
        save_png(beside, draw_sheet({{image, "given"}, {result, "restored"}}, 2, 1));
      }
      line.clear();
      fmt::print("{}\n", job.to.string());
      done++;
    }
    if (failed > 0 && jobs.size() > 1)
      fmt::print(stderr, "denoise: {} of {} pictures left out\n", failed, jobs.size());
    if (interrupted()) return 130;
    return failed > 0 ? 1 : 0;
  });
}
