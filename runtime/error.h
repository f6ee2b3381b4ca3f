// How this library's errors are thrown (dae/error.h). Messages name fields of options by their
// names; tools/ makes command-line options of them, prints "NAME: " before and exits with 1 for an
// Error, 2 for a UsageError.
#pragma once

#include <dae/error.h>
#include <fmt/core.h>

#include <string>
#include <utility>

namespace dae {

template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> format, Args&&... args) {
  throw UsageError(fmt::format(format, std::forward<Args>(args)...));
}

// "FIELD " and the message: fail_field("size", "{}: crops must be ...", 65).
template <class... Args>
[[noreturn]] void fail_field(const std::string& field, fmt::format_string<Args...> format,
                             Args&&... args) {
  throw FieldError(field, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace dae
