#include "tests/fuzz/harness.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "data/files.h"
#include "runtime/error.h"
#include "tests/fuzz/all.h"
#include "tests/support/temporary_folder.h"

namespace dae::fuzz {

namespace fs = std::filesystem;

const std::vector<Harness>& harnesses() {
  static const std::vector<Harness> all = {
      {"jpeg", jpeg, jpeg_seeds},
      {"png", png, png_seeds},
      {"tiff", tiff, tiff_seeds},
      {"webp", webp, webp_seeds},
      {"pnm", pnm, pnm_seeds},
      {"other", other, other_seeds},
      {"metadata", metadata, metadata_seeds},
      {"orientation", orientation, orientation_seeds},
      {"cifar", cifar, cifar_seeds},
      {"archive", archive, archive_seeds},
      {"cache", cache, cache_seeds},
      {"safetensors", safetensors, safetensors_seeds},
      {"checkpoint", checkpoint, checkpoint_seeds},
      {"network", network, network_seeds},
      {"features", features, features_seeds},
      {"config", config, config_seeds},
      {"metrics", metrics, metrics_seeds},
      {"engines", engines, engines_seeds},
      {"plan", plan, plan_seeds},
      {"loss", loss, loss_seeds},
      {"ranges", ranges, ranges_seeds},
  };
  return all;
}

void run(const Harness& harness, View input) {
  try {
    harness.run(input);
  } catch (const Error&) {
  }
}

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "finding: %s\n", what);
  std::abort();
}

fs::path folder() {
  static const test::TemporaryFolder own;
  static const bool is_cache = setenv("XDG_CACHE_HOME", own.file("cache").c_str(), 1) == 0;
  expect(is_cache, "setenv");
  return own.path();
}

fs::path write(const char* name, View bytes) {
  const fs::path path = folder() / name;
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  expect(file && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size(), "no disk");
  std::fclose(file);
  return path;
}

Bytes read(const fs::path& path) {
  return read_file(path);
}

std::vector<Bytes> fixtures(std::initializer_list<std::string_view> endings) {
  std::vector<Bytes> found;
  for (const fs::path& path : files_below(DAE_FIXTURES).files)
    if (std::any_of(endings.begin(), endings.end(),
                    [&](std::string_view end) { return path.string().ends_with(end); }))
      found.push_back(read_file(path));
  return found;
}

}  // namespace dae::fuzz
