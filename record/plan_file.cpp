#include "record/plan_file.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "data/files.h"
#include "data/hash.h"
#include "data/text.h"
#include "runtime/error.h"

namespace dae {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::string hash_of(std::string_view text) {
  Hash hash;
  hash.add(text.data(), text.size());
  return hash.digits();
}

fs::path place_of(const fs::path& folder, const json& machine, const std::string& engine) {
  return folder / (hash_of(machine.dump() + engine) + ".plan");
}

json title(const json& machine, const std::string& engine, std::string_view plan) {
  return {{"machine", machine}, {"engine", engine}, {"xxh3", hash_of(plan)}};
}

}  // namespace

std::optional<std::string> read_plan(const fs::path& folder, const json& machine,
                                     const std::string& engine) {
  try {
    const MappedFile file(place_of(folder, machine, engine));
    if (!file.is_own()) return {};
    const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()),
                                file.bytes().size());
    const size_t line = text.find('\n');
    if (line == std::string_view::npos) return {};
    const std::string_view plan = text.substr(line + 1);
    if (json_from(text.substr(0, line)) != title(machine, engine, plan)) return {};
    return std::string(plan);
  } catch (const Error&) {
    return {};
  }
}

void write_plan(const fs::path& folder, const json& machine, const std::string& engine,
                const std::string& plan) {
  fs::create_directories(folder);
  write_file_atomically(place_of(folder, machine, engine),
                        title(machine, engine, plan).dump() + "\n" + plan);
}

}  // namespace dae
