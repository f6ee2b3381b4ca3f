#include "record/engine_file.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "data/files.h"
#include "data/text.h"
#include "kernels/layers/cudnn.h"
#include "record/device_record.h"
#include "record/plan_file.h"
#include "runtime/error.h"

namespace dae {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// Of these folders does `what` with the first in which it can be done.
template <class F>
void in_first_of(const std::vector<fs::path>& folders, const F& what) {
  for (const fs::path& folder : folders) try {
      return what(folder);
    } catch (const std::exception&) {  // the next folder, or the next process does it anew
    }
}

}  // namespace

void share_engines() {
  const json machine = describe_gpu_and_libraries();
  const std::vector<fs::path> folders = cache_folders();
  std::vector<cuda_libraries::Choice> earlier;  // of a problem the last holds: the best folder's
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder)
    for (cuda_libraries::Choice& choice : read_engines(*folder / "engines.jsonl", machine))
      earlier.push_back(std::move(choice));
  cuda_libraries::remember(earlier, [=](const cuda_libraries::Choice& choice) {
    in_first_of(folders, [&](const fs::path& folder) {
      fs::create_directories(folder);
      add_engine(folder / "engines.jsonl", machine, choice);
    });
  });
  cudnn::keep_plans({.find = [=](const std::string& engine) -> std::optional<std::string> {
                       for (const fs::path& folder : folders)
                         if (auto plan = read_plan(folder / "plans", machine, engine)) return plan;
                       return {};
                     },
                     .keep =
                         [=](const std::string& engine, const std::string& plan) {
                           in_first_of(folders, [&](const fs::path& folder) {
                             write_plan(folder / "plans", machine, engine, plan);
                           });
                         }});
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
