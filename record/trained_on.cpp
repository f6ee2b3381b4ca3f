#include "record/trained_on.h"

#include <filesystem>
#include <set>

#include "data/text.h"

namespace dae {

std::function<bool(const std::string& name)> trained_on(const RunConfig& run,
                                                        const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path own = fs::weakly_canonical(run.dataset), here = fs::weakly_canonical(path);
  std::set<std::string> held_out;
  if (run.validation.empty()) held_out.insert(run.held_out.begin(), run.held_out.end());
  return [=](const std::string& name) {
    const fs::path inside = (here / name).lexically_relative(own);
    if (inside.empty() || *inside.begin() == "..") return false;
    return !held_out.contains(valid_utf8(inside.generic_string()));
  };
}

const std::string& validated_on(const RunConfig& run) {
  return run.validation.empty() ? run.dataset : run.validation;
}

}  // namespace dae
