// Corrupts and restores fixed views, a batch at a time: what validation, samples and `evaluate` do.
#pragma once

#include <span>
#include <type_traits>
#include <vector>

#include "corrupt/corrupt.h"
#include "corrupt/pictures.h"
#include "model/input.h"
#include "model/network.h"
#include "runtime/communicator.h"
#include "runtime/picture.h"
#include "runtime/program.h"

namespace dae {

class ViewRestorer {
 public:
  // Plans batches of `batch` views of height x width pixels. arena_bytes() are then to be provided
  // by attach() before the first run.
  ViewRestorer(Device device, const NetworkConfig& network, ParameterSet& parameters,
               const CorruptFlags& flags, int64_t batch, int64_t height, int64_t width);

  // `weights`, laid out as the parameters, and the arena lie on the device; `sources`, which the
  // draws refer to, in host memory: a GPU is given the views cut out (pictures.h). All outlive
  // this. The arena may be another plan's as well, as long as the two do not run at the same time.
  // Takes own_bytes(sources) of the device's memory besides.
  void attach(std::byte* arena, size_t bytes, const float* weights,
              const std::vector<Source>& sources);

  struct Views {
    int64_t count = 0;  // the last batch of a list may not be full
    int64_t height = 0, width = 0;
    std::vector<uint8_t> clean;              // {batch, height, width, 3}
    std::vector<float> corrupted, restored;  // the same; restored is not clamped

    ByteView clean_view(int64_t i) const { return {&clean[place(i)], height, width}; }
    FloatView corrupted_view(int64_t i) const { return {&corrupted[place(i)], height, width}; }
    FloatView restored_view(int64_t i) const { return {&restored[place(i)], height, width}; }
    size_t place(int64_t i) const { return static_cast<size_t>(i * height * width * 3); }
  };

  // Calls each(first draw's index, views) for the draws in order, a batch at a time. Of several ranks, which
  // all call it, each has some of the batches: whole ones, since oneDNN may round a view otherwise beside
  // others.
  template <class F>
  void run(const std::vector<Draw>& draws, const F& each, const Communicator* ranks = nullptr) {
    for (size_t first = 0; first < draws.size(); first += static_cast<size_t>(batch_)) {
      if (ranks && owner(first, *ranks) != ranks->rank()) continue;
      run_batch(draws, first);
      each(first, views_);
    }
  }

  // After such a run: of what each rank noted about its views, rank 0 has all, in the views' places.
  template <class Note>
  void collect(std::vector<Note>& notes, Communicator* ranks) const {
    static_assert(std::is_trivially_copyable_v<Note>);
    if (ranks) collect(notes.data(), sizeof(Note), notes.size(), *ranks);
  }

  size_t arena_bytes() const { return program_.layout().bytes; }
  size_t own_bytes(std::span<const Source> sources) const;
  int64_t height() const { return height_; }
  int64_t width() const { return width_; }

 private:
  Program plan(const NetworkConfig& network, ParameterSet& parameters, const CorruptFlags& flags);
  void run_batch(const std::vector<Draw>& draws, size_t first);
  int owner(size_t first, const Communicator& ranks) const {
    return static_cast<int>(first / static_cast<size_t>(batch_) %
                            static_cast<size_t>(ranks.size()));
  }
  void collect(void* notes, size_t bytes, size_t count, Communicator& ranks) const;

  Device device_;
  int64_t batch_, height_, width_;
  TensorId weights_, clean_, corrupted_, restored_;
  InputTensors input_;
  Program program_;
  std::vector<Source> host_sources_;
  Buffer slots_;              // cuda
  std::vector<uint8_t> cut_;  // cuda
  Views views_;
};

}  // namespace dae
