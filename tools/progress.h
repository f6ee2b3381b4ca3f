// What a program says while it works: one line at the foot of the terminal that is written over
// again and again, and lines that stay. A terminal or pipe that goes away does not stop the work.
#pragma once

#include <chrono>
#include <string>

namespace dae {

class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { clear(); }

  // Shows text at most ten times a second, and only where standard error is a terminal; cut to its
  // width, since a line that wraps cannot be written over.
  void show(const std::string& text);
  void clear();
  // A line that stays, on standard output.
  void print(const std::string& line);
  // Whether somebody watches the line and standard output is the same terminal: lines that only say
  // it again are left out then.
  bool is_live() const { return live_ && same_terminal_; }

 private:
  bool live_, same_terminal_, shown_ = false;
  std::chrono::steady_clock::time_point last_{};
};

// "4:31", "1:02:03".
std::string clock_text(double seconds);

}  // namespace dae
