#include <dae/corruption.h>

#include <cstring>
#include <vector>

#include "corrupt/corrupt.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "runtime/stream.h"

namespace dae {
namespace {

// As corrupt/draw.h counts steps and places.
constexpr int64_t kMostSteps = int64_t{1} << 28, kMostPlaces = int64_t{1} << 32;

void check_sizes(int64_t batch, int64_t height, int64_t width, const Replay& replay) {
  constexpr int64_t kMostSide = 1 << 20;
  if (batch < 0) fail_field("batch", "{}: give 0 or more", batch);
  if (height < 1 || height > kMostSide)
    fail_field("height", "{}: give 1 to {} pixels", height, kMostSide);
  if (width < 1 || width > kMostSide)
    fail_field("width", "{}: give 1 to {} pixels", width, kMostSide);
  if (replay.step < 0 || replay.step >= kMostSteps)
    fail_field("step", "{}: give 0 to {}", replay.step, kMostSteps - 1);
  if (replay.first < 0 || replay.first > kMostPlaces - batch)
    fail_field("first", "{}: pictures are numbered 0 to {}", replay.first, kMostPlaces - 1);
}

}  // namespace

struct Corruption::Inside {
  CorruptSpec spec;
  std::vector<Source> sources;
  std::vector<Draw> draws;
  std::vector<float> workspace;
  std::vector<uint8_t> clean;  // the op's copy of the pictures, which nobody asks for here

  // Of apply_on_gpu(): sources, then draws, pinned and on the device.
  PinnedBuffer pinned;
  Buffer tables, clean_on_gpu;
  std::unique_ptr<cuda::Event> read;  // what the last call enqueued has read them

  ~Inside() {
    if (read) try {
        read->synchronize();
      } catch (const Error&) {  // the GPU is lost: nothing on it reads anything any more
      }
  }

  // A picture is a source of its own, seen whole.
  void draw(const uint8_t* pictures, int64_t batch, int64_t height, int64_t width,
            const Replay& replay) {
    sources.clear();
    draws.clear();
    for (int64_t i = 0; i < batch; i++) {
      sources.push_back({pictures + i * height * width * 3, width * 3, static_cast<int32_t>(height),
                         static_cast<int32_t>(width)});
      draws.push_back(
          draw_training_of(spec, replay.seed, replay.step, replay.first + i, View{.image = i}));
    }
  }
};

Corruption::Corruption(const CorruptSpec& spec) : inside_(std::make_unique<Inside>()) {
  validate(spec);
  inside_->spec = spec;
}
Corruption::~Corruption() = default;
Corruption::Corruption(Corruption&&) noexcept = default;
Corruption& Corruption::operator=(Corruption&&) noexcept = default;

void Corruption::apply(const uint8_t* pictures, int64_t batch, int64_t height, int64_t width,
                       float* corrupted, const Replay& replay) {
  check_sizes(batch, height, width, replay);
  if (batch == 0) return;
  Inside& in = *inside_;
  in.draw(pictures, batch, height, width, replay);
  const CorruptFlags flags = flags_of(in.spec);
  const int64_t scratch = corrupt_workspace_count(Device::cpu, width, flags.max_radius);
  const Shape views = {batch, height, width, 3};
  in.clean.resize(static_cast<size_t>(views.count()));
  in.workspace.resize(static_cast<size_t>(scratch));
  corrupt(Queue{}, {in.sources.data(), {batch, int64_t{sizeof(Source)}}, DType::u8},
          {in.draws.data(), {batch, int64_t{sizeof(Draw)}}, DType::u8}, flags,
          {in.clean.data(), views, DType::u8}, {corrupted, views},
          {in.workspace.data(), {scratch}});
}

void Corruption::apply_on_gpu(const uint8_t* pictures, int64_t batch, int64_t height, int64_t width,
                              float* corrupted, const Replay& replay, void* stream) {
  check_sizes(batch, height, width, replay);
  if (!cuda_available()) fail("{}", why_no_cuda());
  if (batch == 0) return;
  Inside& in = *inside_;
  if (in.read)
    in.read->synchronize();
  else
    in.read = std::make_unique<cuda::Event>();
  in.draw(pictures, batch, height, width, replay);
  const Shape views = {batch, height, width, 3};
  const size_t source_bytes = in.sources.size() * sizeof(Source),
               bytes = source_bytes + in.draws.size() * sizeof(Draw);
  if (in.tables.bytes() < bytes) {
    in.pinned = PinnedBuffer(bytes);
    in.tables = Buffer(Device::cuda, bytes);
  }
  if (in.clean_on_gpu.bytes() < static_cast<size_t>(views.count()))
    in.clean_on_gpu = Buffer(Device::cuda, static_cast<size_t>(views.count()));
  std::memcpy(in.pinned.data(), in.sources.data(), source_bytes);
  std::memcpy(in.pinned.data() + source_bytes, in.draws.data(), bytes - source_bytes);
  cuda::copy_async(in.tables.data(), in.pinned.data(), bytes, stream);
  in.read->record(stream);  // should the op refuse, the copy still has to be waited for
  corrupt(Queue{Device::cuda, stream},
          {in.tables.data(), {batch, int64_t{sizeof(Source)}}, DType::u8},
          {in.tables.data() + source_bytes, {batch, int64_t{sizeof(Draw)}}, DType::u8},
          flags_of(in.spec), {in.clean_on_gpu.data(), views, DType::u8}, {corrupted, views}, {});
  in.read->record(stream);
}

}  // namespace dae
