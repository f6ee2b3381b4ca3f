// The JSON files that tests read. One source parses them all: nlohmann's parser takes seconds to compile.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dae::test {

// Throws std::runtime_error, which names the file, where there is none or it is no JSON.
nlohmann::json json_file(const std::filesystem::path& path);

// tests/fixtures/NAME.
nlohmann::json json_fixture(const std::string& name);

// The names of what an object holds, in alphabetical order: "name seed state".
std::string keys_of(const nlohmann::json& object);

}  // namespace dae::test
