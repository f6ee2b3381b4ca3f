// restore RUN IN.ppm OUT.ppm: restores a picture with a network that train_cuda left in RUN.
#include <dae/denoiser.h>
#include <dae/error.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

int main(int argc, char** argv) try {
  if (argc != 4) throw dae::UsageError("give RUN IN.ppm OUT.ppm");
  std::ifstream in(argv[2], std::ios::binary);
  std::string kind;
  int width = 0, height = 0, most = 0;
  in >> kind >> width >> height >> most;
  in.get();  // the line's end
  if (!in || kind != "P6" || most != 255 || width < 1 || height < 1)
    throw dae::Error("not an 8-bit PPM of kind P6");
  std::vector<uint8_t> picture(3 * size_t(width) * size_t(height));
  in.read(reinterpret_cast<char*>(picture.data()), std::streamsize(picture.size()));
  if (!in) throw dae::Error("the PPM was cut off");

  dae::Denoiser denoiser(argv[1], {.memory = size_t{512} << 20});
  denoiser.restore(picture.data(), height, width, picture.data(), {.progress = [](double done) {
                     std::printf("\r%3.0f %%", 100 * done);
                     return true;  // false would stop
                   }});
  std::printf("\n");

  std::ofstream out(argv[3], std::ios::binary);
  out << "P6\n" << width << " " << height << "\n255\n";
  out.write(reinterpret_cast<const char*>(picture.data()), std::streamsize(picture.size()));
  if (!out.flush()) throw dae::Error("the result cannot be written");
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "restore: %s\n", error.what());
  return 1;
}
