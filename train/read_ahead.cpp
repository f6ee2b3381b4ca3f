#include "train/read_ahead.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "runtime/error.h"
#include "train/elapsed.h"

namespace dae {
namespace {

constexpr int64_t kPage = 4096;

void touch(const uint8_t* first, int64_t bytes) {
  const volatile uint8_t* const at = first;
  for (int64_t i = 0; i < bytes; i += kPage) static_cast<void>(at[i]);
  if (bytes > 0) static_cast<void>(at[bytes - 1]);
}

}  // namespace

ReadAhead::ReadAhead(std::function<void(uint64_t number)> read) : read_(std::move(read)) {
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  } catch (const std::system_error&) {
    throw OutOfMemory("not enough memory for the thread that reads ahead");
  }
}

ReadAhead::~ReadAhead() {
  thread_.request_stop();
  thread_.join();
}

void ReadAhead::serve(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return busy_; })) {
    const uint64_t number = number_;
    lock.unlock();
    std::exception_ptr error;
    try {
      read_(number);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    error_ = error;
    busy_ = false;
    has_read_ = true;
    changed_.notify_all();
  }
}

void ReadAhead::begin_when_free(std::unique_lock<std::mutex>& lock, uint64_t number) {
  changed_.wait(lock, [&] { return !busy_; });
  number_ = number;
  busy_ = true;
  has_read_ = false;
  error_ = nullptr;
  changed_.notify_all();
}

void ReadAhead::begin(uint64_t number) {
  std::unique_lock lock(mutex_);
  begin_when_free(lock, number);
}

void ReadAhead::wait_for(uint64_t number) {
  const Elapsed waiting;
  std::unique_lock lock(mutex_);
  if (number_ != number || !(busy_ || has_read_)) begin_when_free(lock, number);
  changed_.wait(lock, [&] { return !busy_; });
  seconds_waited_ += waiting.seconds();
  if (error_) std::rethrow_exception(error_);
}

// What lies outside is a reflection of what is near the edge.
void touch_view(const Source& source, const View& view, int64_t height, int64_t width) {
  const int64_t first = std::max<int64_t>(view.y, 0);
  const int64_t last = std::min<int64_t>(view.y + height, source.height);
  const int64_t left = std::max<int64_t>(view.x, 0);
  const int64_t columns = std::min<int64_t>(view.x + width, source.width) - left;
  for (int64_t y = first; y < last; y++)
    for (const uint8_t* const pixels : {source.pixels, source.given})
      if (pixels) touch(pixels + y * source.row_bytes + 3 * left, 3 * columns);
}

}  // namespace dae
