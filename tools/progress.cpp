#include "tools/progress.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "data/text.h"
#include "tools/say.h"

namespace dae {

namespace {

// One that can go back to a line's begin and clear it.
bool is_capable_terminal() {
  const char* const kind = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && kind && *kind && std::string_view(kind) != "dumb";
}

}  // namespace

ProgressLine::ProgressLine()
    : live_(is_capable_terminal()), same_terminal_(isatty(STDOUT_FILENO) == 1) {}

void ProgressLine::show(const std::string& text) {
  using namespace std::chrono_literals;
  if (!live_) return;
  const auto now = std::chrono::steady_clock::now();
  if (shown_ && now - last_ < 100ms) return;
  last_ = now;
  shown_ = true;
  winsize window{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1;
  const size_t columns = known ? window.ws_col - 1u : 79u;
  std::fputs(("\r\x1b[K" + first_columns(printable_line(text), columns)).c_str(), stderr);
}

void ProgressLine::clear() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

void ProgressLine::print(const std::string& line) {
  clear();
  say("{}\n", line);
}

std::string clock_text(double seconds) {
  const long s = std::lround(seconds);
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace dae
