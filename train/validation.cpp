#include "train/validation.h"

#include <algorithm>
#include <numeric>

#include "corrupt/corrupted_view.h"
#include "quality/gain.h"
#include "quality/psnr.h"
#include "report/sheet.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

constexpr int64_t kViews = 64, kBatch = 16, kSamples = 6;

}  // namespace

int64_t views_an_image(int64_t views, int64_t images) {
  return ceil_div(views, images);
}

Validation::Validation(Device device, const NetworkConfig& network, const CorruptSpec& corruption,
                       std::vector<Source> sources, Communicator* ranks)
    : size_(network.size),
      sources_(std::move(sources)),
      ranks_(ranks),
      restorer_(device, network, parameters_, flags_of(corruption), kBatch, size_, size_) {
  const auto images = static_cast<int64_t>(sources_.size());
  const std::vector<View> views =
      fixed_views(sources_, size_, views_an_image(kViews, images), kViews, kValidationSeed);
  draws_ = fixed_draws(corruption, kValidationSeed, sources_, size_, views);
}

void Validation::attach(std::byte* arena, size_t bytes, const float* weights) {
  restorer_.attach(arena, bytes, weights, sources_);
}

double Validation::psnr() {
  std::vector<double> of_views(draws_.size());
  const auto note = [&](size_t first, const ViewRestorer::Views& views) {
    for (int64_t i = 0; i < views.count; i++) {
      const std::vector<float> clean = to_floats(views.clean_view(i));
      const std::vector<float> restored = clamped(views.restored_view(i));
      of_views[first + static_cast<size_t>(i)] = psnr_of(
          mean_squared_error({clean.data(), size_, size_}, {restored.data(), size_, size_}));
    }
  };
  restorer_.run(draws_, note, ranks_);
  restorer_.collect(of_views, ranks_);
  return std::accumulate(of_views.begin(), of_views.end(), 0.0) /
         static_cast<double>(draws_.size());
}

Image Validation::samples() {
  const auto count = std::min<size_t>(kSamples, draws_.size());
  const std::vector<Draw> draws(draws_.begin(), draws_.begin() + static_cast<ptrdiff_t>(count));
  std::vector<Cell> cells;
  restorer_.run(draws, [&](size_t, const ViewRestorer::Views& views) {
    for (int64_t i = 0; i < views.count; i++) {
      const Image clean = to_image(views.clean_view(i));
      const Image restored = to_image(views.restored_view(i));
      const bool first = cells.empty();
      cells.push_back({clean, first ? "clean" : ""});
      cells.push_back({to_image(views.corrupted_view(i)), first ? "corrupted" : ""});
      cells.push_back({restored, first ? "restored" : ""});
      cells.push_back({difference(restored, clean), first ? "difference x4" : ""});
    }
  });
  return draw_sheet(cells, 4, size_ <= 96 ? 2 : 1);
}

}  // namespace dae
