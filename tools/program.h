// What every program does around its own work: options, errors as one line, exit codes, Ctrl-C.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "corrupt/spec.h"
#include "runtime/queue.h"

namespace dae {

// Parses the command line and runs `body`. Exit codes: what body returns; 2 for a command line that
// makes no sense, 1 for anything that failed; both end in one line "NAME: what is wrong".
int run_program(const std::string& name, CLI::App& app, int argc, char** argv,
                const std::function<int()>& body);

// --device auto|cpu|cuda, --threads N. Throws Error when a GPU is asked for and there is none.
struct DeviceOptions {
  std::string device = "auto";
  int threads = 0;

  void add_to(CLI::App& app);
  Device apply() const;
};

// --noise a:b and the other ranges, --order, --clip, --quantize. Only what was given is changed.
struct CorruptionOptions {
  std::string noise, blur, brightness, channel, order, clip, quantize;

  void add_to(CLI::App& app);
  CorruptSpec apply(CorruptSpec spec) const;
};

// "on" or "off"; anything else is a UsageError naming the option.
bool parse_switch(const std::string& option, const std::string& text);

// From here on Ctrl-C (or SIGTERM) only sets a flag; a second one ends the program at once.
void catch_interrupts();
bool interrupted();

}  // namespace dae
