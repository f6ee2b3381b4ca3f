#include "tools/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>

namespace dae {

ProgressLine::ProgressLine() : live_(isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(const std::string& text) {
  using namespace std::chrono_literals;
  if (!live_) return;
  const auto now = std::chrono::steady_clock::now();
  if (shown_ && now - last_ < 100ms) return;
  last_ = now;
  shown_ = true;
  fmt::print(stderr, "\r\x1b[K{}", text);
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (!shown_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  shown_ = false;
}

std::string clock_text(double seconds) {
  const auto s = static_cast<long>(seconds + 0.5);
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace dae
