#include "tools/program.h"

#include <dae/denoiser.h>
#include <dae/version.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <dnnl.hpp>
#include <exception>
#include <new>
#include <regex>
#include <thread>

#include "ranks/join.h"
#include "record/engine_file.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/parallel.h"
#include "tools/manual.h"
#include "tools/say.h"

namespace dae {
namespace {

// GNU OpenMP's idle threads spin by default, which costs a factor of three or more when another
// program shares the cores. A short spin keeps 97 percent of the undisturbed speed. libgomp reads
// the variable when it is loaded, before main(), so the program starts itself again.
void limit_openmp_spinning(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  setenv("GOMP_SPINCOUNT", "1000", 1);
  execv("/proc/self/exe", argv);  // where that fails, the program runs on as it is
}

// What is wrong with several ranks, the lowest says; its end is the others' while they wait for their turn.
void wait_for_lower_ranks(const Launch& launch) {
  if (launch.rank > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(5000 + 500 * std::min(launch.rank, 8)));
}

volatile std::sig_atomic_t interrupt_flag = 0;

void on_interrupt(int signal) {
  interrupt_flag = 1;
  std::signal(signal, SIG_DFL);
}

// What a mapped file no longer holds, or its disk no longer gives, ends in this signal when it is read.
void on_bus_error(int) {
  constexpr char kWords[] =
      "a file that was being read became shorter or unreadable (the pictures' cache, a "
      "checkpoint); "
      "nothing of yours was written over: run it again\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kWords, sizeof(kWords) - 1);
  _exit(1);
}

// Under `ulimit -v` oneDNN, its code generator above all, follows the null pointers that it is given in
// place of memory, to members close by.
void on_null_pointer(int, siginfo_t* info, void*) {
  constexpr char kWords[] =
      "not enough memory: a limit is set (ulimit -v), within which this cannot be computed\n";
  if (reinterpret_cast<uintptr_t>(info->si_addr) >= 4096) {
    std::signal(SIGSEGV, SIG_DFL);
    return;  // and faults again, as it would have
  }
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kWords, sizeof(kWords) - 1);
  _exit(1);
}

void name_the_memory_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  struct sigaction action {};
  action.sa_sigaction = on_null_pointer;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
}

// An exception that may not leave where it was thrown: that of one of OpenMP's threads.
void on_terminate() {
  try {
    if (const std::exception_ptr thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    std::fputs("not enough memory\n", stderr);
    _exit(1);
  } catch (...) {
  }
  std::abort();
}

// Packages install "denoise" as "dae-denoise": `prefix` is what a program's name has in front of it.
std::string prefix_of(const std::string& name, const char* called_as) {
  const std::string called = std::filesystem::path(called_as).filename().string();
  return called.ends_with(name) ? called.substr(0, called.size() - name.size()) : "";
}

// The examples in a program's description are commands, each at the start of an indented line or after
// what launches it.
std::string with_prefix(const std::string& description, const std::string& prefix,
                        const std::string& name) {
  const std::regex command("(\n  (?:(?:mpirun|srun) -np? [0-9]+ )?)(?=" + name + " )");
  return prefix.empty() ? description : std::regex_replace(description, command, "$1" + prefix);
}

// An empty value is a shell variable that was not set, as in --out "$OUT": it would leave a default in place, or
// name no file.
void refuse_empty_values(const CLI::App& app) {
  for (const CLI::Option* const option : app.get_options())
    for (const std::string& given : option->results())
      if (given.empty())
        fail_usage("{}: what is given is empty; is a variable unset?", option->get_name());
}

}  // namespace

std::string who(const Launch& launch) {
  std::array<char, 256> machine{};
  gethostname(machine.data(), machine.size() - 1);
  return describe(launch.rank, machine.data()) + ": ";
}

int run_program(const std::string& own_name, CLI::App& app, int argc, char** argv,
                const std::function<int()>& body) {
  limit_openmp_spinning(argv);
  const std::string prefix = prefix_of(own_name, argv[0]), name = prefix + own_name;
  app.description(with_prefix(app.get_description(), prefix, own_name));
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error like a disk that is full
  std::signal(SIGBUS, on_bus_error);
  name_the_memory_limit();
  std::set_terminate(on_terminate);
  // Line by line, whatever reads it: a log of a long run is not held back.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  const Launch launch = launch_of_environment();
  const auto complain = [&](const std::string& message, int code) {
    wait_for_lower_ranks(launch);
    say(stderr, "{}: {}{}\n", name, launch.rank > 0 ? who(launch) : "", printable_line(message));
    return code;
  };
  app.set_version_flag(
      "--version", fmt::format("{} {} ({})\n{}", name, version(), DAE_COMMIT, describe_libraries()),
      "print versions and stop");
  try {
    if (argc == 3 && std::string_view(argv[1]) == "--manual") {
      say("{}", manual(app, name, argv[2]));
      return 0;
    }
    app.parse(argc, argv);
    refuse_empty_values(app);
    const int code = body();
    // Of what is not read again, a full disk would else be known to nobody.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      return complain("cannot write to standard output", 1);
    return code;
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    return complain(fmt::format("{} (see {} --help)", error.what(), name), 2);
  } catch (const SaidByRankZero&) {
    wait_for_lower_ranks(launch);
    return 1;
  } catch (const FieldError& error) {  // a field of the library's options is an option here
    return complain(std::string("--") + error.what(), 2);
  } catch (const UsageError& error) {
    return complain(error.what(), 2);
  } catch (const std::bad_alloc&) {
    return complain("not enough memory; try a smaller --batch, --size or --width", 1);
  } catch (const dnnl::error& error) {  // sizes beyond what it can count or allocate
    return complain(
        fmt::format("oneDNN: {}; try a smaller --batch, --size or --width", error.what()), 1);
  } catch (const std::exception& error) {
    return complain(error.what(), 1);
  }
}

void DeviceOptions::add_to(CLI::App& app) {
  app.add_option("--device", device, "auto, cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  app.add_option("--threads", threads, "CPU threads; 0 takes every core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
}

Device DeviceOptions::apply() const {
  set_threads(threads);
  if (device == "cpu" || (device == "auto" && !cuda_available())) return Device::cpu;
  const std::string why_not = why_no_networks_on_cuda();
  if (why_not.empty()) {
    share_engines();
    return Device::cuda;
  }
  if (device == "cuda") fail("--device cuda: {}; use --device cpu", why_not);
  say(stderr, "the GPU is not used: {}\n", why_not);
  return Device::cpu;
}

namespace {

// What each range is, for --help.
std::string help_of(const RangeField& field) {
  static const std::map<std::string_view, std::string_view> kHelp = {
      {"noise", "Gaussian noise, standard deviation in units of 1/255"},
      {"blur", "Gaussian blur, standard deviation in pixels"},
      {"brightness", "one factor for the picture"},
      {"channel", "one factor for each of red, green and blue"},
      {"shot",
       "noise that grows with the root of the light, its standard deviation at white in units of "
       "1/255"},
      {"grain", "pixels that noise is smoothed by, as demosaicing does, and no weaker for it"},
      {"common", "how alike the channels' noise is; of 1 it is the same in all"},
      {"jpeg", "quality of a JPEG file that the corrupted picture was"}};
  return fmt::format("{}{}, {:g} to {:g}", field.camera_alone ? "order camera: " : "",
                     kHelp.at(field.name), field.least, field.most);
}

}  // namespace

std::string option_of(const RangeField& field) {
  return std::string("--") + field.name;
}

void CorruptionOptions::add_to(CLI::App& app, const std::string& otherwise) {
  const std::string group =
      "Corruption (ranges a:b, a value a, or off; a:b@0.3 for three pictures of ten)";
  const auto add = [&](const std::string& option, std::string& text, const std::string& help,
                       const std::string& by_default) {
    app.add_option(option, text,
                   fmt::format("{} [{}]", help, otherwise.empty() ? by_default : otherwise))
        ->group(group);
  };
  ranges.resize(range_fields().size());
  for (size_t i = 0; i < ranges.size(); i++) {
    const RangeField& field = range_fields()[i];
    add(option_of(field), ranges[i], help_of(field), to_string(CorruptSpec().*field.range));
  }
  add("--order", order, "classic (noise, blur, factors) or camera (blur, factors, noise)",
      "classic");
  add("--clip", clip, "on or off: clip to [0, 1]", "on");
  add("--quantize", quantize, "on or off: round to 8 bits, as a file would", "on");
}

CorruptSpec CorruptionOptions::apply(CorruptSpec spec) const {
  for (size_t i = 0; i < ranges.size(); i++) {
    const RangeField& field = range_fields()[i];
    if (!ranges[i].empty()) spec.*field.range = parse_range(field.name, ranges[i]);
  }
  if (!order.empty()) spec.order = parse_order(order);
  if (!clip.empty()) spec.clip = parse_switch("--clip", clip);
  if (!quantize.empty()) spec.quantize = parse_switch("--quantize", quantize);
  validate(spec);
  return spec;
}

std::filesystem::path named_network(const std::string& given) {
  return given == "shipped" ? shipped_network()
                            : std::filesystem::absolute(given).lexically_normal();
}

bool parse_switch(const std::string& option, const std::string& text) {
  if (text != "on" && text != "off") fail_usage("{} {}: give on or off", option, text);
  return text == "on";
}

CLI::Validator number_between(double low, double high) {
  const std::string range = fmt::format("{:g} to {:g}", low, high);
  return {[=](std::string& text) {
            double number = 0;
            const char* const end = text.data() + text.size();
            const auto [stopped, error] = std::from_chars(text.data(), end, number);
            const bool sound = error == std::errc() && stopped == end;
            return sound && number >= low && number <= high
                       ? ""
                       : fmt::format("{} is not a number from {}", text, range);
          },
          range};
}

void add_seed(CLI::App& app, uint64_t& seed, const std::string& help) {
  const auto check = [](std::string& text) {
    uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && stopped == end
               ? ""
               : fmt::format("{} is not a whole number from 0 to 2^64 - 1", text);
  };
  app.add_option("--seed", seed, help)->check(CLI::Validator(check, ""))->capture_default_str();
}

void refuse_options(const CLI::App& app, const std::vector<std::string>& names,
                    const std::string& reason) {
  for (const std::string& name : names)
    if (app.count(name) > 0) fail_usage("{} {}", name, reason);
}

void refuse_corruption(const CLI::App& app, std::vector<std::string> others,
                       const std::string& reason) {
  for (const RangeField& field : range_fields()) others.push_back(option_of(field));
  others.emplace_back("--order");
  refuse_options(app, others, reason);
}

void refuse_other_options(const CLI::App& app, const std::vector<std::string>& allowed,
                          const std::string& reason) {
  for (const CLI::Option* option : app.get_options())
    if (option->count() > 0 &&
        std::find(allowed.begin(), allowed.end(), option->get_name()) == allowed.end())
      fail_usage("{} {}", option->get_name(), reason);
}

void catch_interrupts() {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  std::signal(SIGHUP, on_interrupt);
  std::signal(SIGPIPE, SIG_IGN);
}

bool interrupted() {
  return interrupt_flag != 0;
}

}  // namespace dae
