// One line at the foot of the terminal that is written over again and again.
#pragma once

#include <chrono>
#include <string>

namespace dae {

class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { clear(); }

  // Shows text at most ten times a second, and only on a terminal.
  void show(const std::string& text);
  void clear();
  bool is_live() const { return live_; }

 private:
  bool live_, shown_ = false;
  std::chrono::steady_clock::time_point last_{};
};

// "4:31", "1:02:03".
std::string clock_text(double seconds);

}  // namespace dae
