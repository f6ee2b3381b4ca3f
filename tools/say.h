// What programs print. Names of files in it may hold anything: what is no text or would command a
// terminal is written out.
#pragma once

#include <fmt/core.h>

#include <cstdio>
#include <utility>

#include "data/text.h"

namespace dae {

template <class... Args>
void say(std::FILE* to, fmt::format_string<Args...> format, Args&&... args) {
  std::fputs(printable_lines(fmt::format(format, std::forward<Args>(args)...)).c_str(), to);
}
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  say(stdout, format, std::forward<Args>(args)...);
}

}  // namespace dae
