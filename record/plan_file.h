// Engines of cuDNN that took long to build, kept in the cache folder so that the next process need not compile them:
// plans/HASH.plan, a file each. Its first line is a JSON object that says what it is of, GPU, driver and
// libraries among it, and has a hash of the rest, which is cuDNN's own serialisation. The files may be deleted at
// any time.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace dae {

// Of this `machine` (describe_gpu_and_libraries()), by the name that cuDNN's wrapper gives it. None where there is no such
// file, or it is damaged, of something else, or somebody else's: it holds machine code.
std::optional<std::string> read_plan(const std::filesystem::path& folder,
                                     const nlohmann::json& machine, const std::string& engine);
// Throws Error when it cannot be written.
void write_plan(const std::filesystem::path& folder, const nlohmann::json& machine,
                const std::string& engine, const std::string& plan);

}  // namespace dae
