// What a call that is refused says.
#pragma once

#include <string>

#include "runtime/error.h"

namespace dae::test {

// The words of the E that `call()` throws; "accepted" where it throws none. Another exception passes through.
template <class E = Error, class F>
std::string said(const F& call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace dae::test
