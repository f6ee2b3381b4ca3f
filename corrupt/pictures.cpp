#include "corrupt/pictures.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "corrupt/band_rows.h"
#include "runtime/error.h"
#include "runtime/parallel.h"
#include "runtime/stream.h"

namespace dae {
namespace {

// Large enough for the bus's full speed; two of them are pinned while photographs are uploaded.
constexpr size_t kChunk = size_t{4} << 20;

// Fills one pinned chunk while the other is copied.
class Uploader {
 public:
  Uploader(std::byte* to, size_t bytes) : to_(to), chunk_(std::min(bytes, kChunk)) {
    for (Half& half : halves_) half.memory = PinnedBuffer(chunk_);
  }

  void append(const uint8_t* from, size_t bytes) {
    while (bytes > 0) {
      if (filled_ == 0) halves_[turn_].copied.synchronize();
      const size_t now = std::min(bytes, chunk_ - filled_);
      std::memcpy(halves_[turn_].memory.data() + filled_, from, now);
      filled_ += now;
      from += now;
      bytes -= now;
      if (filled_ == chunk_) flush();
    }
  }

  void finish() {
    if (filled_ > 0) flush();
    stream_.synchronize();
  }

 private:
  struct Half {
    PinnedBuffer memory;
    cuda::Event copied;
  };

  void flush() {
    cuda::copy_async(to_, halves_[turn_].memory.data(), filled_, stream_);
    halves_[turn_].copied.record(stream_);
    to_ += filled_;
    filled_ = 0;
    turn_ = 1 - turn_;
  }

  std::byte* to_;
  size_t chunk_, filled_ = 0;
  int turn_ = 0;
  std::array<Half, 2> halves_;
  cuda::Stream stream_;
};

// Of one picture.
size_t picture_bytes(const Source& source) {
  return size_t{3} * static_cast<size_t>(source.height) * static_cast<size_t>(source.width);
}

bool are_pairs(std::span<const Source> sources) {
  return std::any_of(sources.begin(), sources.end(),
                     [](const Source& source) { return source.given != nullptr; });
}

}  // namespace

size_t bytes_of(std::span<const Source> sources) {
  size_t bytes = 0;
  for (const Source& source : sources)
    bytes += (source.given != nullptr ? 2 : 1) * picture_bytes(source);
  return bytes;
}

size_t slot_bytes(std::span<const Source> sources, int64_t height, int64_t width) {
  return (are_pairs(sources) ? 2 : 1) * static_cast<size_t>(3 * height * width);
}

ResidentPictures upload_pictures(std::span<const Source> sources) {
  ResidentPictures pictures;
  const size_t bytes = bytes_of(sources);
  pictures.pixels = Buffer(Device::cuda, bytes);
  Uploader uploader(pictures.pixels.data(), bytes);
  size_t offset = 0;
  for (const Source& source : sources) {
    const size_t row = size_t{3} * static_cast<size_t>(source.width);
    const auto upload = [&](const uint8_t* from) {
      for (int64_t y = 0; y < source.height; y++) uploader.append(from + y * source.row_bytes, row);
      const auto* const to = reinterpret_cast<const uint8_t*>(pictures.pixels.data()) + offset;
      offset += picture_bytes(source);
      return to;
    };
    Source there = {upload(source.pixels), static_cast<int64_t>(row), source.height, source.width};
    if (source.given != nullptr) there.given = upload(source.given);
    pictures.table.push_back(there);
  }
  uploader.finish();
  return pictures;
}

void cut_views(std::span<const Source> sources, int64_t height, int64_t width, int64_t first_slot,
               std::span<Draw> draws, uint8_t* pixels) {
  for (const Draw& draw : draws)
    if (draw.view.image < 0 || draw.view.image >= static_cast<int64_t>(sources.size()))
      fail("cut_views: image {} of {}", draw.view.image, sources.size());
  const auto slot = static_cast<int64_t>(slot_bytes(sources, height, width));
  parallel_chunks(static_cast<int64_t>(draws.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      View& view = draws[static_cast<size_t>(i)].view;
      const Source& source = sources[static_cast<size_t>(view.image)];
      uint8_t* to = pixels + i * slot;
      for (const uint8_t* const from : {source.pixels, source.given})
        for (int64_t y = 0; y < height && from != nullptr; y++, to += 3 * width)
          fetch_row(source, from, view, y, width, to);
      view = {.image = first_slot + i};
    }
  });
}

std::vector<Source> slot_table(std::span<const Source> sources, const std::byte* pixels,
                               int64_t slots, int64_t height, int64_t width) {
  std::vector<Source> table;
  const size_t slot = slot_bytes(sources, height, width);
  for (int64_t i = 0; i < slots; i++) {
    const auto* const at = reinterpret_cast<const uint8_t*>(pixels) + static_cast<size_t>(i) * slot;
    table.push_back({at, 3 * width, static_cast<int32_t>(height), static_cast<int32_t>(width),
                     are_pairs(sources) ? at + 3 * height * width : nullptr});
  }
  return table;
}

}  // namespace dae
