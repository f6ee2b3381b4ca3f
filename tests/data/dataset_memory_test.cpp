// Pictures that there is no memory for: this program's own spng_ctx_new stands before the library's, and for a
// while has none to give.
#include <gtest/gtest.h>
#include <spng.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "data/dataset.h"
#include "data/synthetic.h"
#include "tests/support/temporary_folder.h"

namespace {
bool is_short = false;
}

extern "C" spng_ctx* spng_ctx_new(int flags) {
  if (is_short) return nullptr;
  spng_alloc functions = {std::malloc, std::realloc, std::calloc, std::free};
  return spng_ctx_new2(&functions, flags);
}

namespace dae::test {
namespace {

namespace fs = std::filesystem;

TEST(DatasetMemory, WhatThereIsNoneForNowMayBeReadLater) {
  const TemporaryFolder folder;
  setenv("XDG_CACHE_HOME", folder.file("cache").c_str(), 1);
  const fs::path photos = folder.path() / "photos";
  fs::create_directory(photos);
  std::ofstream(photos / "a.ppm") << "P6 1 1 255\nabc";
  const Image image = draw_dead_leaves(5, 1, 20, 30);
  save_png(photos / "b.png", image);
  bool decoded = false;
  const auto opened = [&] {
    decoded = false;
    return open_dataset(photos.string(), {.progress = [&](size_t, size_t) { decoded = true; }});
  };
  is_short = true;
  const Dataset without = opened();
  EXPECT_TRUE(decoded);
  EXPECT_EQ(opened().size(), 1);
  EXPECT_FALSE(decoded);
  is_short = false;
  EXPECT_EQ(without.size(), 1);
  ASSERT_EQ(without.skipped().size(), 1u);
  EXPECT_EQ(without.skipped()[0].reason,
            (photos / "b.png").string() + ": there is not enough memory for it");
  const Dataset whole = opened();
  EXPECT_TRUE(decoded);
  EXPECT_TRUE(whole.skipped().empty());
  ASSERT_EQ(whole.size(), 2);
  EXPECT_TRUE(std::equal(image.pixels.begin(), image.pixels.end(), whole[1].view.data));
}

}  // namespace
}  // namespace dae::test
