// denoise: restores pictures of any size.
#include <dae/denoiser.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "data/files.h"
#include "data/photo.h"
#include "report/sheet.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "tools/metadata.h"
#include "tools/output_names.h"
#include "tools/picture_list.h"
#include "tools/program.h"
#include "tools/progress.h"
#include "tools/say.h"

namespace {

using namespace dae;
namespace fs = std::filesystem;

constexpr const char* kAbout =
    "Takes noise and slight blur out of photographs of any size. Each is written to --out under "
    "its\n"
    "own name, in its own format and depth, with its colour profile, Exif and XMP; grey stays "
    "grey\n"
    "and transparency stays as it is. Nothing but earlier results is written over.\n\n"
    "  denoise holiday.jpg old/*.tif --out restored/       by the network that ships\n"
    "  denoise night.jpg --strength 1.5                    smoother; 0.5 keeps more of its grain\n"
    "  denoise scan.tif --sigma 12 --quality best --format png --bits 16\n"
    "  denoise runs/long photos/ --keep-colour             by one that train_cuda made";

struct Wanted {
  std::string out = "restored", format, quality = "normal";
  int bits = 0, jpeg_quality = 95;
  bool keep_colour = false, compare = false;
  std::optional<double> sigma;
  double strength = 1;
  size_t memory = 0;
};

// A picture as it was written, and in words what its noise was taken for.
struct Restored {
  fs::path path;
  std::string noise;
};

bool is_network(const fs::path& path) {
  std::error_code ignored;
  return path.extension() == ".safetensors" || fs::exists(path / "config.json", ignored);
}

// The network is named before the pictures, or it is the one that ships. A word that is neither there
// nor a picture's name was meant for a network: no other takes its place.
fs::path take_network(std::vector<std::string>& given) {
  fs::path first = given.front();
  std::error_code ignored;
  if (!is_network(first)) {
    if (given.size() > 1 && !fs::exists(first, ignored) && !first.has_extension())
      fail("{}: there is no such run folder, network file or picture", first.string());
    return shipped_network();
  }
  given.erase(given.begin());
  if (given.empty())
    fail_usage("{}: name the pictures that this network shall restore", first.string());
  return first;
}

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
  Restoration(const fs::path& network, Device device, const Wanted& wanted,
              std::set<fs::path> names)
      : network_(network), device_(device), wanted_(wanted), names_(wanted.out, std::move(names)) {
    open(wanted.memory);  // a mistake in these is heard of before any picture
    if (!denoiser_->note().empty()) say(stderr, "denoise: {}\n", denoiser_->note());
    if (!denoiser_->has_noise_input() && (wanted.sigma || wanted.strength != 1))
      fail_usage("--sigma, --strength: {} was trained without --noise-input", network.string());
  }

  Restored run(const ListedPicture& picture, const std::function<bool(double)>& progress) {
    const std::vector<uint8_t> file = read_file(picture.path);
    Photo photo = decode(file, picture.path);
    const PhotoFormat format = format_of(wanted_, photo);
    const std::string extension =
        format == photo.format ? picture.path.extension().string() : extension_of(format);
    const fs::path to = names_.add(picture.name, picture.path, extension);
    fs::path beside;
    if (wanted_.compare) {
      // Of two of one name but for the extension the second keeps its own here, too.
      beside = picture.name.parent_path() / (to.stem().string() + "-compare.png");
      if (names_.has(beside)) beside.replace_filename(to.filename().string() + "-compare.png");
      beside = names_.add(beside, picture.path, ".png");
    }
    if (wanted_.bits == 16) photo = in_16_bits(std::move(photo));
    const Image given = wanted_.compare ? to_image(photo) : Image();
    const std::string noise = restore(photo, progress);
    if (wanted_.bits == 8) photo = in_8_bits(std::move(photo));
    write(to, encode_photo(photo, format, {.quality = wanted_.jpeg_quality}, to.string()), file,
          picture.path);
    if (wanted_.compare) {
      const Image sheet = draw_sheet({{given, "given"}, {to_image(photo), "restored"}}, 2, 1);
      write(beside, encode_png(sheet), {}, picture.path);
    }
    return {to, noise};
  }

 private:
  void open(size_t memory) {
    denoiser_ =
        std::make_unique<Denoiser>(network_, DenoiserOptions{.device = device_, .memory = memory});
  }

  // With --memory: samples as they are read, as they are restored, and once more on their way to a
  // file may take three quarters of it; the network computes in the rest.
  Photo decode(std::span<const uint8_t> file, const fs::path& path) {
    if (wanted_.memory == 0) return decode_photo(file, path.string());
    const auto most = static_cast<int64_t>(wanted_.memory / 4);
    Photo photo = decode_photo(file, path.string(), most);
    try {
      open(wanted_.memory - 3 * static_cast<size_t>(photo.bytes()));
    } catch (const Error& error) {
      fail("{}: its samples take {} of --memory; {}", path.string(),
           show_bytes(3 * static_cast<size_t>(photo.bytes())), error.what());
    }
    return photo;
  }

  // Returns what its noise was taken for, in words.
  std::string restore(Photo& photo, const std::function<bool(double)>& progress) {
    RestoreOptions options{.channels = photo.channels,
                           .keep_colour = wanted_.keep_colour,
                           .best = wanted_.quality == "best",
                           .progress = progress};
    const auto in_place = [&](auto* samples) -> std::string {
      std::string words;
      if (denoiser_->has_noise_input()) {
        const double noise =
            wanted_.sigma ? *wanted_.sigma
                          : denoiser_->noise_of(samples, photo.height, photo.width, photo.channels);
        words = fmt::format("noise {:.1f} of 255", noise);
        options.noise = std::min(wanted_.strength * noise, 255.0);
        if (wanted_.strength != 1) words += fmt::format(", taken for {:.1f}", *options.noise);
      }
      denoiser_->restore(samples, photo.height, photo.width, samples, options);
      return words;
    };
    if (photo.bits == 16) return in_place(reinterpret_cast<uint16_t*>(photo.samples.data()));
    return in_place(photo.samples.data());
  }

  static void write(const fs::path& to, std::vector<uint8_t> picture,
                    std::span<const uint8_t> original, const fs::path& from) {
    const std::string problem = write_picture(to, std::move(picture), original);
    if (!problem.empty())
      say(stderr, "denoise: {}: its metadata is left behind: {}\n", from.string(), problem);
  }

  fs::path network_;
  Device device_;
  const Wanted& wanted_;
  OutputNames names_;
  std::unique_ptr<Denoiser> denoiser_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  std::vector<std::string> inputs;
  Wanted wanted;
  DeviceOptions device;
  app.add_option(
         "[NETWORK] IMAGE", inputs,
         "pictures, or folders of them; before them a run folder of train_cuda or a network "
         "file of export, if not the network that ships")
      ->required();
  app.add_option("--out", wanted.out, "folder for the results")->capture_default_str();
  app.add_option(
         "--quality", wanted.quality,
         "normal, or best: the mean over the eight symmetries of the square, eight times as slow")
      ->check(CLI::IsMember({"normal", "best"}))
      ->capture_default_str();
  app.add_option("--sigma", wanted.sigma,
                 "the noise's standard deviation, of 255 [estimated from each picture]")
      ->check(number_between(0, 255));
  app.add_option(
         "--strength", wanted.strength,
         "restore as if there were so many times the noise: less keeps more grain and detail, "
         "more makes it smoother")
      ->check(number_between(0, 10))
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
      ->transform(CLI::AsSizeValue(false))
      ->transform(CLI::Validator(
          [](const std::string& given) {
            return given.find('-') == std::string::npos ? "" : "is no size: " + given;
          },
          ""));
  device.add_to(app);

  return run_program("denoise", app, argc, argv, [&] {
    if (app.count("--memory") > 0 && wanted.memory == 0) fail_usage("--memory: give more than 0");
    const fs::path network = take_network(inputs);
    const PictureList list = list_pictures(inputs, wanted.out);
    std::set<fs::path> names;
    for (const ListedPicture& picture : list.pictures) names.insert(picture.name);
    Restoration restoration(network, device.apply(), wanted, std::move(names));
    if (list.pictures.empty() && list.left_out.empty()) fail("no pictures in what was given");
    catch_interrupts();
    ProgressLine line;
    size_t failed = 0;
    const auto leave_out = [&](const std::string& reason) {
      line.clear();
      say(stderr, "denoise: left out: {}\n", printable_line(reason));
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
        const Restored restored = restoration.run(picture, [&](double share) {
          line.show(fmt::format("{}, {:.0f}%", where, 100 * share));
          return !interrupted();
        });
        line.clear();
        say("{}{}\n", restored.path.string(),
            restored.noise.empty() ? "" : "  (" + restored.noise + ")");
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
    if (failed > 0 && all > 1) say(stderr, "denoise: {} of {} pictures left out\n", failed, all);
    if (interrupted()) return 130;
    return failed > 0 ? 1 : 0;
  });
}
