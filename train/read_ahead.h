// What the next step needs is read while this one is computed, by a thread: pictures on a disk are waited for there.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <thread>

#include "corrupt/draw.h"

namespace dae {

class ReadAhead {
 public:
  // `read(number)` makes ready what step `number` needs. Of its calls one is over before the next begins. Throws
  // OutOfMemory when there is no room for a thread.
  explicit ReadAhead(std::function<void(uint64_t number)> read);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // Begins to read for a step; returns at once unless it still reads for another.
  void begin(uint64_t number);
  // Returns when what that step needs has been read last, whether it was begun or not. Throws what read() threw.
  void wait_for(uint64_t number);

  double seconds_waited() const { return seconds_waited_; }

 private:
  void serve(const std::stop_token& stop);
  void begin_when_free(std::unique_lock<std::mutex>& lock, uint64_t number);

  const std::function<void(uint64_t)> read_;
  double seconds_waited_ = 0;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool busy_ = false, has_read_ = false;
  uint64_t number_ = 0;
  std::exception_ptr error_;  // of that number
  std::jthread thread_;       // the last: it uses the others
};

// Has the rows of a source in memory that a view of height x width pixels shows, one page after another.
void touch_view(const Source& source, const View& view, int64_t height, int64_t width);

}  // namespace dae
