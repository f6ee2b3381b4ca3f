#include "tools/result_file.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "data/files.h"
#include "runtime/error.h"

namespace dae {
namespace {

namespace fs = std::filesystem;

// Whether a text begins like a result of that kind, in any case.
bool begins_with(std::span<const uint8_t> file, std::string_view lower) {
  return file.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), file.begin(),
                    [](char wanted, uint8_t found) { return std::tolower(found) == wanted; });
}

}  // namespace

void check_result(const char* option, const fs::path& path, ResultKind kind) {
  const fs::path folder = fs::absolute(path).parent_path();
  if (!fs::is_directory(folder))
    fail_usage("{} {}: there is no folder {}; make it first", option, path.string(),
               folder.string());
  check_writable(path);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return;
  const std::vector<uint8_t> there = read_file(path);
  if (!there.empty() && !begins_with(there, kind == ResultKind::page ? "<!doctype html>" : "{"))
    fail("{} is there already, and no such result; give another name", path.string());
}

}  // namespace dae
