// denoise: restores pictures of any size with a trained network.
#include <dae/denoiser.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "data/files.h"
#include "data/photo.h"
#include "report/sheet.h"
#include "runtime/error.h"
#include "tools/metadata.h"
#include "tools/output_names.h"
#include "tools/picture_list.h"
#include "tools/program.h"
#include "tools/progress.h"

namespace {

using namespace dae;
namespace fs = std::filesystem;

constexpr const char* kAbout =
    "Restores pictures of any size with a network that train_cuda made. Each is written to --out\n"
    "under its own name, in its own format and depth, with its colour profile, Exif and XMP; grey\n"
    "stays grey and transparency stays as it is. Nothing but earlier results is written over.\n\n"
    "  denoise runs/long holiday.jpg old/*.tif --out restored/\n"
    "  denoise runs/long photos/ --out restored/ --keep-colour\n"
    "  denoise runs/long scan.tif --quality best --format png --bits 16";

struct Wanted {
  std::string out = "restored", format, quality = "normal";
  int bits = 0, jpeg_quality = 95;
  bool keep_colour = false, compare = false;
  size_t memory = 0;
};

PhotoFormat format_of(const Wanted& wanted, const Photo& photo) {
  if (wanted.format == "png") return PhotoFormat::png;
  if (wanted.format == "tiff") return PhotoFormat::tiff;
  if (wanted.format == "jpeg") return PhotoFormat::jpeg;
  if (wanted.format == "webp") return PhotoFormat::webp;
  return photo.format == PhotoFormat::other ? PhotoFormat::png : photo.format;
}

// One picture from file to file. Throws Error naming it, and Cancelled.
class Restoration {
 public:
  Restoration(const fs::path& run, Device device, const Wanted& wanted)
      : run_(run), device_(device), wanted_(wanted), names_(wanted.out) {
    open(wanted.memory);  // a mistake in these is heard of before any picture
  }

  fs::path run(const ListedPicture& picture, const std::function<bool(double)>& progress) {
    const MappedFile file(picture.path);
    Photo photo = decode(file, picture.path);
    const PhotoFormat format = format_of(wanted_, photo);
    const std::string extension =
        format == photo.format ? picture.path.extension().string() : extension_of(format);
    fs::path to = names_.add(picture.name, picture.path, extension);
    if (wanted_.bits == 16) photo = in_16_bits(std::move(photo));
    const Image given = wanted_.compare ? to_image(photo) : Image();
    restore(photo, progress);
    if (wanted_.bits == 8) photo = in_8_bits(std::move(photo));
    write(to, encode_photo(photo, format, {.quality = wanted_.jpeg_quality}, to.string()),
          file.bytes(), picture.path);
    if (wanted_.compare) {
      fs::path beside = to;
      beside.replace_filename(to.stem().string() + "-compare.png");
      const Image sheet = draw_sheet({{given, "given"}, {to_image(photo), "restored"}}, 2, 1);
      write(beside, encode_png(sheet), {}, picture.path);
    }
    return to;
  }

 private:
  void open(size_t memory) {
    denoiser_ =
        std::make_unique<Denoiser>(run_, DenoiserOptions{.device = device_, .memory = memory});
  }

  // With --memory: samples as they are read, as they are restored, and once more on their way to a
  // file may take three quarters of it; the network computes in the rest.
  Photo decode(const MappedFile& file, const fs::path& path) {
    if (wanted_.memory == 0) return decode_photo(file.bytes(), path.string());
    const auto most = static_cast<int64_t>(wanted_.memory / 4);
    Photo photo = decode_photo(file.bytes(), path.string(), most);
    open(wanted_.memory - 3 * static_cast<size_t>(photo.bytes()));
    return photo;
  }

  void restore(Photo& photo, const std::function<bool(double)>& progress) {
    const RestoreOptions options{.channels = photo.channels,
                                 .keep_colour = wanted_.keep_colour,
                                 .best = wanted_.quality == "best",
                                 .progress = progress};
    const auto in_place = [&](auto* samples) {
      denoiser_->restore(samples, photo.height, photo.width, samples, options);
    };
    if (photo.bits == 16)
      in_place(reinterpret_cast<uint16_t*>(photo.samples.data()));
    else
      in_place(photo.samples.data());
  }

  static void write(const fs::path& to, std::vector<uint8_t> picture,
                    std::span<const uint8_t> original, const fs::path& from) {
    const std::string problem = write_picture(to, std::move(picture), original);
    if (!problem.empty())
      fmt::print(stderr, "denoise: {}: its metadata is left behind: {}\n", from.string(), problem);
  }

  fs::path run_;
  Device device_;
  const Wanted& wanted_;
  OutputNames names_;
  std::unique_ptr<Denoiser> denoiser_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  std::string run;
  std::vector<std::string> inputs;
  Wanted wanted;
  DeviceOptions device;
  app.add_option("RUN", run, "run folder of train_cuda, or a network file of export")->required();
  app.add_option("IMAGE", inputs, "pictures, or folders of them")->required();
  app.add_option("--out", wanted.out, "folder for the results")->capture_default_str();
  app.add_option(
         "--quality", wanted.quality,
         "normal, or best: the mean over the eight symmetries of the square, eight times as slow")
      ->check(CLI::IsMember({"normal", "best"}))
      ->capture_default_str();
  app.add_option("--format", wanted.format,
                 "png, tiff, jpeg or webp [that of each picture; PNG where "
                 "that cannot be written]")
      ->check(CLI::IsMember({"png", "tiff", "jpeg", "webp"}));
  app.add_option("--bits", wanted.bits, "8 or 16 bits a sample [as each picture]")
      ->check(CLI::IsMember({8, 16}));
  app.add_option("--jpeg-quality", wanted.jpeg_quality, "of JPEG and lossy WebP")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_flag("--keep-colour", wanted.keep_colour, "leave exposure and colour as they are");
  app.add_flag("--compare", wanted.compare,
               "also write NAME-compare.png: before and after side by side");
  app.add_option("--memory", wanted.memory,
                 "the most to take, as 2G: pictures too large for it are left out [as needed]")
      ->transform(CLI::AsSizeValue(false));
  device.add_to(app);

  return run_program("denoise", app, argc, argv, [&] {
    Restoration restoration(run, device.apply(), wanted);
    const PictureList list = list_pictures(inputs, wanted.out);
    if (list.pictures.empty() && list.left_out.empty()) fail("no pictures in what was given");
    catch_interrupts();
    ProgressLine line;
    size_t failed = 0;
    const auto leave_out = [&](const std::string& reason) {
      line.clear();
      fmt::print(stderr, "denoise: left out: {}\n", reason);
      failed++;
    };
    for (const std::string& reason : list.left_out) leave_out(reason);
    const size_t all = list.pictures.size() + list.left_out.size();
    for (size_t i = 0; i < list.pictures.size() && !interrupted(); i++) {
      const ListedPicture& picture = list.pictures[i];
      const std::string where =
          fmt::format("{} of {}: {}", i + 1, list.pictures.size(), picture.path.string());
      line.show(where);
      try {  // one bad picture does not stop the others
        const fs::path to = restoration.run(picture, [&](double share) {
          line.show(fmt::format("{}, {:.0f}%", where, 100 * share));
          return !interrupted();
        });
        line.clear();
        fmt::print("{}\n", to.string());
      } catch (const Cancelled&) {
        break;
      } catch (const std::bad_alloc&) {
        leave_out(fmt::format("{}: not enough memory; --memory bounds what is taken",
                              picture.path.string()));
      } catch (const Error& error) {
        leave_out(error.what());
      }
    }
    line.clear();
    if (failed > 0 && all > 1)
      fmt::print(stderr, "denoise: {} of {} pictures left out\n", failed, all);
    if (interrupted()) return 130;
    return failed > 0 ? 1 : 0;
  });
}
