// What every program does around its own work: options, errors as one line, exit codes, Ctrl-C.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "corrupt/spec.h"
#include "ranks/join.h"
#include "runtime/queue.h"

namespace dae {

// Parses the command line and runs `body`. Exit codes: what body returns; 2 for a command line that
// makes no sense, 1 for anything that failed; both end in one line "NAME: what is wrong". Called with a
// prefix, as packages install it, the program has it in all that it says.
int run_program(const std::string& name, CLI::App& app, int argc, char** argv,
                const std::function<int()>& body);

// Whose line it is: "rank 2 on node7: ".
std::string who(const Launch& launch);

// --device auto|cpu|cuda, --threads N. auto takes the GPU where there is one with the libraries
// that networks need, and says on standard error when those are missing. Throws Error when a GPU is
// asked for and cannot be used.
struct DeviceOptions {
  std::string device = "auto";
  int threads = 0;

  void add_to(CLI::App& app);
  Device apply() const;
};

// --noise a:b and the other ranges, --order, --clip, --quantize. Only what was given is changed.
// `otherwise`: what holds where an option is not given, "as the run"; empty: the defaults.
struct CorruptionOptions {
  std::vector<std::string> ranges;  // as range_fields() has them
  std::string order, clip, quantize;

  void add_to(CLI::App& app, const std::string& otherwise = "");
  CorruptSpec apply(CorruptSpec spec) const;
};

// "--noise" of the range `noise`.
std::string option_of(const RangeField& field);

// "on" or "off"; anything else is a UsageError naming the option.
bool parse_switch(const std::string& option, const std::string& text);

// The absolute path of a network as an option names it: a run folder, a network file, or the word
// `shipped`.
std::filesystem::path named_network(const std::string& given);

// Checks of what CLI11's own let through: NaN passes its ranges, and "-1" is a seed of 2^64 - 1.
CLI::Validator number_between(double low, double high);
void add_seed(CLI::App& app, uint64_t& seed, const std::string& help);

// Throws UsageError when one of these options was given: "--width REASON".
void refuse_options(const CLI::App& app, const std::vector<std::string>& names,
                    const std::string& reason);
// The same for a range of the corruption, --order, or one of `others`.
void refuse_corruption(const CLI::App& app, std::vector<std::string> others,
                       const std::string& reason);
// The same when one was given that is not among these.
void refuse_other_options(const CLI::App& app, const std::vector<std::string>& allowed,
                          const std::string& reason);

// From here on Ctrl-C (or SIGTERM, or the terminal's end) only sets a flag; a second one ends the
// program at once. Writing to a pipe that nobody reads any more is an error, not the end.
void catch_interrupts();
bool interrupted();

}  // namespace dae
