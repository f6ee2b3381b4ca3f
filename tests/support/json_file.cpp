#include "tests/support/json_file.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace dae::test {

nlohmann::json json_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  try {
    return nlohmann::json::parse(file);
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
}

nlohmann::json json_fixture(const std::string& name) {
  return json_file(std::filesystem::path(DAE_FIXTURES) / name);
}

std::string keys_of(const nlohmann::json& object) {
  std::string keys;
  for (const auto& [key, value] : object.items()) keys += (keys.empty() ? "" : " ") + key;
  return keys;
}

}  // namespace dae::test
