#include "tools/result_file.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string_view>
#include <vector>

#include "data/files.h"
#include "runtime/error.h"

namespace dae {
namespace {

namespace fs = std::filesystem;

// Whether a file is empty, or begins like a result of that kind, in any case.
bool may_be_written_over(const fs::path& path, std::string_view lower) {
  const FileReader file(path);
  std::vector<uint8_t> begin(lower.size());
  begin.resize(file.read(0, begin));
  return file.size() == 0 ||
         std::equal(lower.begin(), lower.end(), begin.begin(), begin.end(),
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
  if (!may_be_written_over(path, kind == ResultKind::page ? "<!doctype html>" : "{"))
    fail("{} is there already, and no such result; give another name", path.string());
}

}  // namespace dae
