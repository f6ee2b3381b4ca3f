// A program's manual page, and what a shell completes of its command line: from the options that it has,
// with the words of --help. `NAME --manual KIND` prints them, by which packages are built.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace dae {

// `kind` is man, bash, zsh or fish; `name` is what the program is called where it is installed. Throws
// UsageError for another kind.
std::string manual(const CLI::App& app, const std::string& name, const std::string& kind);

}  // namespace dae
