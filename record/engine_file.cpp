#include "record/engine_file.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "data/files.h"
#include "data/text.h"
#include "record/device_record.h"
#include "runtime/error.h"

namespace dae {

using nlohmann::json;
namespace fs = std::filesystem;

void share_engines() {
  const json machine = describe_gpu_and_libraries();
  std::vector<fs::path> files;
  for (const fs::path& folder : cache_folders()) files.push_back(folder / "engines.jsonl");
  std::vector<cuda_libraries::Choice> earlier;  // of a problem the last holds: the best folder's
  for (auto file = files.rbegin(); file != files.rend(); ++file)
    for (cuda_libraries::Choice& choice : read_engines(*file, machine))
      earlier.push_back(std::move(choice));
  cuda_libraries::remember(earlier, [=](const cuda_libraries::Choice& choice) {
    for (const fs::path& file : files) try {
        fs::create_directories(file.parent_path());
        add_engine(file, machine, choice);
        return;
      } catch (const std::exception&) {  // the next folder, or the next process chooses anew
      }
  });
}

std::vector<cuda_libraries::Choice> read_engines(const fs::path& path, const json& machine) {
  std::vector<cuda_libraries::Choice> found;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    json read;
    try {
      read = json_from(line);
    } catch (const Error&) {
      continue;
    }
    if (!read.is_object() || read.value("machine", json()) != machine) continue;
    const auto problem = read.find("problem"), engine = read.find("engine");
    if (problem == read.end() || engine == read.end() || !problem->is_string() ||
        !engine->is_string())
      continue;
    found.push_back({.problem = *problem, .engine = *engine});
  }
  return found;
}

void add_engine(const fs::path& path, const json& machine, const cuda_libraries::Choice& choice) {
  json line = to_json(choice);
  line["machine"] = machine;
  line["problem"] = choice.problem;
  append_line(path, line.dump() + "\n");
}

void use_for_networks(Device device) {
  if (device == Device::cpu) return;
  if (const std::string why = why_no_networks_on_cuda(); !why.empty())
    fail_field("device", "cuda: {}", why);
  share_engines();
}

}  // namespace dae
