// What may be said again of a run that is resumed.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>

namespace dae {

// Throws UsageError when an option of train_cuda that was given is not as the run in `run` has it,
// naming both: "--width 16: the run has 32". Options that a run does not fix are passed over.
void refuse_contradictions(const CLI::App& app, const std::filesystem::path& run);

}  // namespace dae
