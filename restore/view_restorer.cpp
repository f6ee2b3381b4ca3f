#include "restore/view_restorer.h"

#include <algorithm>

#include "model/output_stage.h"
#include "runtime/device.h"

namespace dae {

ViewRestorer::ViewRestorer(Device device, const NetworkConfig& network, ParameterSet& parameters,
                           const CorruptFlags& flags, int64_t batch, int64_t height, int64_t width)
    : device_(device),
      batch_(batch),
      height_(height),
      width_(width),
      program_(plan(network, parameters, flags)) {}

Program ViewRestorer::plan(const NetworkConfig& network, ParameterSet& parameters,
                           const CorruptFlags& flags) {
  Plan plan;
  Builder builder(device_, plan, parameters, false, network.dtype);
  const Shape image = {batch_, height_, width_, 3};
  clean_ = plan.external("clean", image, DType::u8);
  corrupted_ = plan.external("corrupted", image);
  restored_ = plan.external("restored", image);
  const TensorId told = declare_told(plan, network, batch_);
  const TensorId rounded = declare_rounded(plan, network, image);
  input_ =
      add_corruption(device_, plan, flags, clean_, corrupted_, {.told = told, .rounded = rounded});
  builder.has_input(corrupted_, rounded);
  const NetworkOutput output = build_network(builder, network, corrupted_, told);
  output_stage(network, output, corrupted_)->add_restoration(builder, restored_);
  weights_ = builder.weights();
  return {device_, std::move(plan)};
}

size_t ViewRestorer::own_bytes(std::span<const Source> sources) const {
  const size_t slot =
      device_ == Device::cuda ? slot_bytes(sources, height_, width_) + sizeof(Source) : 0;
  return program_.plan().bytes(Role::batch) + static_cast<size_t>(batch_) * slot;
}

void ViewRestorer::attach(std::byte* arena, size_t bytes, const float* weights,
                          const std::vector<Source>& sources) {
  host_sources_ = sources;
  std::vector<Source> table = sources;
  if (device_ == Device::cuda) {
    cut_.resize(static_cast<size_t>(batch_) * slot_bytes(sources, height_, width_));
    slots_ = Buffer(device_, cut_.size());
    table = slot_table(sources, slots_.data(), batch_, height_, width_);
  }
  program_.attach({arena, bytes});
  program_.bind(weights_, const_cast<float*>(weights));
  program_.executor().resize(input_.sources, source_table(table.size()));
  program_.allocate();
  program_.write(input_.sources, table.data());
  const auto elements = static_cast<size_t>(program_.plan().shape(clean_).count());
  views_.height = height_;
  views_.width = width_;
  views_.clean.resize(elements);
  views_.corrupted.resize(elements);
  views_.restored.resize(elements);
}

void ViewRestorer::run_batch(const std::vector<Draw>& draws, size_t first) {
  const size_t count = std::min(draws.size() - first, static_cast<size_t>(batch_));
  // A batch that is not full repeats its last draw.
  std::vector<Draw> batch(draws.begin() + static_cast<ptrdiff_t>(first),
                          draws.begin() + static_cast<ptrdiff_t>(first + count));
  batch.resize(static_cast<size_t>(batch_), batch.back());
  if (device_ == Device::cuda) {
    cut_views(host_sources_, height_, width_, 0, batch, cut_.data());
    copy_between_devices(slots_.data(), cut_.data(), slots_.bytes());
  }
  program_.write(input_.draws, batch.data());
  program_.run();
  views_.count = static_cast<int64_t>(count);
  program_.read(clean_, views_.clean.data());
  program_.read(corrupted_, views_.corrupted.data());
  program_.read(restored_, views_.restored.data());
}

void ViewRestorer::collect(void* notes, size_t bytes, size_t count, Communicator& ranks) const {
  std::vector<Message> give, take;
  for (size_t first = 0; first < count; first += static_cast<size_t>(batch_)) {
    const int from = owner(first, ranks);
    if (from == 0) continue;
    void* const place = static_cast<std::byte*>(notes) + first * bytes;
    const size_t size = std::min(count - first, static_cast<size_t>(batch_)) * bytes;
    if (ranks.rank() == 0)
      take.push_back({from, place, size});
    else if (ranks.rank() == from)
      give.push_back({0, place, size});
  }
  ranks.exchange(give, take);
}

}  // namespace dae
