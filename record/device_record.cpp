#include "record/device_record.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kernels/layers/cublaslt.h"
#include "kernels/layers/cudnn.h"
#include "runtime/device.h"

namespace dae {

using nlohmann::json;

namespace {

std::string shown(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

struct Field {
  const char* key;
  std::string name;  // for people
};

void compare(const json& then, const json& now, const std::vector<Field>& fields,
             std::vector<std::string>& changes) {
  if (!then.is_object() || !now.is_object()) return;
  for (const auto& [key, name] : fields)
    if (then.contains(key) && now.contains(key) && then[key] != now[key])
      changes.push_back(
          fmt::format("{} was {} and is {}", name, shown(then[key]), shown(now[key])));
}

}  // namespace

json describe_gpu_and_libraries() {
  const GpuDescription gpu = describe_gpu();
  return {{"gpu", gpu.name},
          {"driver", gpu.driver},
          {"runtime", gpu.runtime},
          {"cudnn", cudnn::version()},
          {"cublaslt", cublaslt::version()}};
}

json to_json(const cuda_libraries::Choice& choice) {
  return {{"engine", choice.engine},
          {"candidates", choice.candidates},
          {"workspace", choice.workspace},
          {"seconds", choice.seconds}};
}

json describe_device(Device device) {
  if (device == Device::cpu) return {{"kind", "cpu"}};
  json described = describe_gpu_and_libraries(), engines = json::object();
  for (const cuda_libraries::Choice& choice : cuda_libraries::choices())
    engines[choice.problem] = to_json(choice);
  described["kind"] = "cuda";
  described["engines"] = engines;
  return described;
}

void reuse_engines(const json& then) {
  if (!then.is_object() || !then.contains("engines")) return;
  std::vector<cuda_libraries::Choice> recorded;
  for (const auto& [problem, choice] : then["engines"].items())
    if (choice.is_object() && choice.contains("engine") && choice["engine"].is_string())
      recorded.push_back({.problem = problem, .engine = choice["engine"]});
  cuda_libraries::reuse(recorded);
}

std::vector<std::string> device_changes(const json& then, const json& now) {
  std::vector<std::string> changes;
  compare(then, now,
          {{"kind", "device"},
           {"gpu", "GPU"},
           {"driver", "CUDA driver"},
           {"runtime", "CUDA runtime"},
           {"cudnn", "cuDNN"},
           {"cublaslt", "cuBLASLt"}},
          changes);
  if (then.is_object() && then.contains("engines") && now.contains("engines"))
    for (const auto& [problem, choice] : now["engines"].items())
      if (then["engines"].contains(problem))
        compare(then["engines"][problem], choice, {{"engine", "engine of " + problem}}, changes);
  return changes;
}

std::vector<std::string> software_changes(const json& then, const json& now) {
  std::vector<std::string> changes;
  compare(then, now,
          {{"dae", "dae"},
           {"oneDNN", "oneDNN"},
           {"compiler", "the compiler"},
           {"cpu", "the CPU"},
           {"instruction_set", "oneDNN's instruction set"},
           {"threads", "threads"}},
          changes);
  return changes;
}

}  // namespace dae
