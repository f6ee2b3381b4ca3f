#include "corrupt/corrupt.h"

#include <omp.h>

#include <algorithm>

#include "corrupt/band.h"
#include "corrupt/jpeg.h"
#include "runtime/dispatch.h"
#include "runtime/parallel.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

constexpr char kOp[] = "corrupt";

// Long enough that the rows made twice, where bands meet, cost a few percent; short enough that
// eight pictures of 512 rows keep many cores busy.
constexpr int64_t kBandRows = 128;

void check_draw(const Draw& draw, int64_t view, int64_t sources, const CorruptFlags& flags) {
  if (draw.view.image < 0 || draw.view.image >= sources)
    fail("{}: draw {} wants image {}, but there are {}", kOp, view, draw.view.image, sources);
  if (draw.degradation.radius < 0 || draw.degradation.radius > flags.max_radius)
    fail("{}: draw {} blurs by {} pixels a side, but max_radius is {}", kOp, view,
         draw.degradation.radius, flags.max_radius);
  const Degradation& d = draw.degradation;
  if (!flags.camera_noise && (d.shot_sigma > 0 || d.grain[1] > 0 || d.mix[1] > 0))
    fail("{}: draw {} has a camera's noise, which the flags say that none has", kOp, view);
  if (!flags.jpeg && d.jpeg != 0)
    fail("{}: draw {} is a JPEG file, which the flags say that none is", kOp, view);
  if (d.jpeg < 0 || d.jpeg > 100)
    fail("{}: draw {} has a JPEG quality of {}, expected 0 to 100", kOp, view, d.jpeg);
}

// Threads take bands as they come, since views differ in cost. This is OpenMP by hand because
// each thread needs its own part of the workspace.
void corrupt_cpu(const Tensor& sources, const Tensor& draws, const CorruptFlags& flags,
                 const Tensor& clean, const Tensor& corrupted, const Tensor& workspace,
                 const Tensor& told) {
  const auto* const source = reinterpret_cast<const Source*>(sources.as<const uint8_t>());
  const auto* const draw = reinterpret_cast<const Draw*>(draws.as<const uint8_t>());
  const int64_t views = clean.shape[0], height = clean.shape[1], width = clean.shape[2];
  for (int64_t i = 0; i < views; i++) check_draw(draw[i], i, sources.shape[0], flags);
  if (told.data != nullptr)
    for (int64_t i = 0; i < views; i++) told.as<float>()[i] = draw[i].told;

  const int64_t view_bands = ceil_div(height, kBandRows), bands = views * view_bands;
  const int64_t view_elements = 3 * height * width;
  const int64_t scratch = band_scratch_count(width, flags.max_radius);
  uint8_t* const clean_out = clean.as<uint8_t>();
  float* const corrupted_out = corrupted.as<float>();
  float* const work = workspace.as<float>();
  const int workers = static_cast<int>(std::min<int64_t>(threads(), bands));
#pragma omp parallel for schedule(dynamic) num_threads(workers) if (workers > 1)
  for (int64_t i = 0; i < bands; i++) {
    const int64_t view = i / view_bands, begin = i % view_bands * kBandRows;
    corrupt_band({.source = source + draw[view].view.image,
                  .draw = draw + view,
                  .flags = flags,
                  .height = height,
                  .width = width,
                  .begin = begin,
                  .end = std::min(height, begin + kBandRows),
                  .clean = clean_out + view * view_elements,
                  .corrupted = corrupted_out + view * view_elements,
                  .scratch = work + omp_get_thread_num() * scratch});
  }
  if (flags.jpeg) jpeg_cpu(draw, corrupted);
}

void check_table(const char* what, const Tensor& table, int64_t record) {
  check_dtype(kOp, what, table, DType::u8);
  if (table.shape.rank() != 2 || table.shape[1] != record)
    fail("{}: {} is {}, expected records of {} bytes", kOp, what, to_string(table), record);
  check_aligned(kOp, what, table, alignof(Draw));
}

}  // namespace

int64_t corrupt_workspace_count(Device device, int64_t width, int32_t max_radius) {
  return device == Device::cpu ? threads() * band_scratch_count(width, max_radius) : 0;
}

void corrupt(const Queue& q, const Tensor& sources, const Tensor& draws, const CorruptFlags& flags,
             const Tensor& clean, const Tensor& corrupted, const Tensor& workspace,
             const Tensor& told, const Tensor& rounded) {
  check_table("the source table", sources, sizeof(Source));
  check_table("the draws", draws, sizeof(Draw));
  check_dtype(kOp, "clean", clean, DType::u8);
  check_dtype(kOp, "corrupted", corrupted, DType::f32);
  const Shape& s = clean.shape;
  if (s.rank() != 4 || s[0] != draws.shape[0] || s[3] != 3)
    fail("{}: clean is {}, expected {} RGB views as {}xHxWx3", kOp, to_string(clean),
         draws.shape[0], draws.shape[0]);
  check_shape(kOp, "corrupted", corrupted, s);
  if (told.data != nullptr) {
    check_dtype(kOp, "told", told, DType::f32);
    check_shape(kOp, "told", told, {s[0]});
  }
  if (rounded.data != nullptr) {
    if (q.device == Device::cpu) fail("{}: rounded is for a GPU alone", kOp);
    check_dtype(kOp, "rounded", rounded, DType::bf16);
    check_shape(kOp, "rounded", rounded, s);
  }
  if (flags.max_radius < 0 || flags.max_radius > kMaxRadius)
    fail("{}: max_radius is {}, expected 0 to {}", kOp, flags.max_radius, +kMaxRadius);
  if (clean.count() == 0) return;
  check_dtype(kOp, "workspace", workspace, DType::f32);
  const int64_t needed = corrupt_workspace_count(q.device, s[2], flags.max_radius);
  if (workspace.count() < needed)
    fail("{}: workspace is {}, expected at least {} elements for {} threads", kOp,
         to_string(workspace), needed, threads());
  DAE_DISPATCH(q, corrupt_cpu(sources, draws, flags, clean, corrupted, workspace, told),
               cuda::corrupt(q.stream, sources, draws, flags, clean, corrupted, told, rounded));
}

}  // namespace dae
