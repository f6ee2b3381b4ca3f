#include "restore/view_restorer.h"

#include <algorithm>

#include "model/input.h"
#include "model/training_plan.h"
#include "runtime/device.h"

namespace dae {

ViewRestorer::ViewRestorer(Device device, const NetworkConfig& network, ParameterSet& parameters,
                           const CorruptFlags& flags, int64_t batch, int64_t height, int64_t width)
    : device_(device), batch_(batch), height_(height), width_(width) {
  Builder builder(device, plan_, parameters, false, network.dtype);
  const Shape image = {batch, height, width, 3};
  clean_ = plan_.external("clean", image, DType::u8);
  corrupted_ = plan_.external("corrupted", image);
  restored_ = plan_.external("restored", image);
  const InputTensors input = add_corruption(device_, plan_, flags, clean_, corrupted_);
  sources_ = input.sources;
  draws_ = input.draws;
  add_restoration(builder, network, build_network(builder, network, corrupted_), corrupted_,
                  restored_);
  weights_ = builder.weights();
  layout_ = lay_out(plan_, true);
}

size_t ViewRestorer::own_bytes() const {
  size_t bytes = 0;
  for (const TensorId id : {draws_, clean_, corrupted_, restored_}) bytes += plan_.view(id).bytes();
  if (device_ == Device::cuda)
    bytes += plan_.view(clean_).bytes() + static_cast<size_t>(batch_) * sizeof(Source);
  return bytes;
}

void ViewRestorer::attach(std::byte* arena, size_t bytes, const float* weights,
                          const std::vector<Source>& sources) {
  executor_ = std::make_unique<Executor>(plan_, layout_);
  executor_->attach(arena, bytes);
  host_sources_ = sources;
  std::vector<Source> table = sources;
  if (device_ == Device::cuda) {
    cut_.resize(plan_.view(clean_).bytes());
    slots_ = Buffer(device_, cut_.size());
    table = slot_table(slots_.data(), batch_, height_, width_);
  }
  table_memory_ = Buffer(device_, table.size() * sizeof(Source));
  copy_between_devices(table_memory_.data(), table.data(), table_memory_.bytes());
  executor_->resize(sources_,
                    {static_cast<int64_t>(table.size()), static_cast<int64_t>(sizeof(Source))});
  executor_->bind(sources_, table_memory_.data());
  executor_->bind(weights_, const_cast<float*>(weights));
  const auto own = [&](TensorId id, Buffer& memory) {
    memory = Buffer(device_, plan_.view(id).bytes());
    executor_->bind(id, memory.data());
  };
  own(draws_, draw_memory_);
  own(clean_, clean_memory_);
  own(corrupted_, corrupted_memory_);
  own(restored_, restored_memory_);
  const auto elements = static_cast<size_t>(plan_.shape(clean_).count());
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
  copy_between_devices(draw_memory_.data(), batch.data(), draw_memory_.bytes());
  executor_->run(Queue{device_});
  if (device_ == Device::cuda) synchronize_device();
  views_.count = static_cast<int64_t>(count);
  copy_between_devices(views_.clean.data(), clean_memory_.data(), clean_memory_.bytes());
  copy_between_devices(views_.corrupted.data(), corrupted_memory_.data(),
                       corrupted_memory_.bytes());
  copy_between_devices(views_.restored.data(), restored_memory_.data(), restored_memory_.bytes());
}

}  // namespace dae
