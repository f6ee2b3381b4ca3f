#include "tools/manual.h"

#include <dae/version.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>
#include <vector>

#include "runtime/error.h"

namespace dae {
namespace {

// An option as the shells need it.
struct Known {
  std::vector<std::string> names;  // "--sigma"; none of what has a place instead
  std::string help, group, otherwise;
  std::string value;                 // "TEXT", empty for a flag
  std::vector<std::string> choices;  // where only these are allowed
  bool is_path() const { return choices.empty() && value == "TEXT"; }
};

// CLI11 has what a value must be in its type's name: "TEXT:{auto,cpu,cuda}", "FLOAT:0 to 255".
Known known(const CLI::Option& option) {
  Known k{.names = {},
          .help = option.get_description(),
          .group = option.get_group(),
          .otherwise = option.get_default_str(),
          .value = {},
          .choices = {}};
  for (const std::string& name : option.get_snames()) k.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) k.names.push_back("--" + name);
  if (option.get_expected_max() == 0) return k;
  const std::string type = option.get_type_name();
  const size_t colon = type.find(':');
  k.value = type.substr(0, colon);
  if (colon == std::string::npos || type[colon + 1] != '{') return k;
  std::istringstream list(type.substr(colon + 2, type.find('}') - colon - 2));
  for (std::string choice; std::getline(list, choice, ',');) k.choices.push_back(choice);
  return k;
}

std::vector<Known> options_of(const CLI::App& app) {
  std::vector<Known> options;
  for (const CLI::Option* option : app.get_options())
    if (option->nonpositional()) options.push_back(known(*option));
  return options;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

// --- The manual page: man(7) ----------------------------------------------------------------------

std::string roff(const std::string& text) {
  std::string line = replaced(replaced(text, "\\", "\\e"), "-", "\\-");
  if (line.starts_with('.') || line.starts_with('\'')) line.insert(0, "\\&");
  return line;
}

// Lines that are indented stay as they are; others are paragraphs' words.
std::string roff_lines(const std::string& text) {
  std::istringstream lines(text);
  std::string page;
  bool literal = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && literal != line.starts_with(' ')) {
      page += literal ? ".EE\n" : ".PP\n.EX\n";
      literal = !literal;
    }
    page += line.empty() ? (literal ? "\n" : ".PP\n") : roff(line) + "\n";
  }
  return page + (literal ? ".EE\n" : "");
}

std::string item(const std::string& what, const std::string& help) {
  return fmt::format(".TP\n{}\n{}\n", what, roff(help));
}

std::string page_of(const CLI::App& app, const std::string& name) {
  const std::string about = app.get_description();
  // What the program is for, in the one line that a NAME section is: the description's first sentence.
  const std::string first = replaced(about.substr(0, about.find_first_of(".:")), "\n", " ");
  std::string synopsis = fmt::format(".B {}\n[\\fIOPTIONS\\fR]", roff(name));
  std::string places;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const std::string place = roff(option->get_name(true));
    synopsis += option->get_required() ? fmt::format(" \\fI{}\\fR", place)
                                       : fmt::format(" [\\fI{}\\fR]", place);
    places += item(fmt::format("\\fI{}\\fR", place), option->get_description());
  }
  std::map<std::string, std::string> groups;
  std::vector<std::string> order;
  for (const Known& k : options_of(app)) {
    std::string what = fmt::format("\\fB{}\\fR", roff(fmt::format("{}", fmt::join(k.names, ", "))));
    if (!k.value.empty())
      what += fmt::format(
          " \\fI{}\\fR",
          roff(k.choices.empty() ? k.value : fmt::format("{}", fmt::join(k.choices, "|"))));
    const std::string otherwise = k.otherwise.empty() ? "" : fmt::format(" [{}]", k.otherwise);
    if (!groups.contains(k.group)) order.push_back(k.group);
    groups[k.group] += item(what, k.help + otherwise);
  }
  std::string page = fmt::format(
      ".TH {} 1 \"\" \"dae {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n"
      ".SH SYNOPSIS\n{}\n.SH DESCRIPTION\n{}",
      roff(replaced(name, "\"", "")), version(), roff(name), roff(first), synopsis,
      roff_lines(about));
  if (!places.empty()) page += ".SH ARGUMENTS\n" + places;
  for (const std::string& group : order) {
    std::string heading = group;
    for (char& c : heading) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    page += fmt::format(".SH \"{}\"\n{}", roff(heading), groups[group]);
  }
  return page;
}

// --- Completions ----------------------------------------------------------------------------------

// In the single quotes of a shell.
std::string in_quotes(const std::string& text) {
  return "'" + replaced(text, "'", "'\\''") + "'";
}

std::string bash_of(const std::vector<Known>& options, const std::string& name) {
  std::string words, cases;
  for (const Known& k : options) {
    words += fmt::format(" {}", fmt::join(k.names, " "));
    if (k.value.empty()) continue;
    const std::string reply =
        k.is_path() ? "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$now\")"
                    : fmt::format("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$now\")",
                                  fmt::join(k.choices, " "));
    cases += fmt::format("    {}) {}; return ;;\n", fmt::join(k.names, "|"), reply);
  }
  const std::string function = "_" + replaced(name, "-", "_");
  return fmt::format(
      "# bash completion of {0}\n{1}() {{\n  local now=${{COMP_WORDS[COMP_CWORD]}} "
      "before=${{COMP_WORDS[COMP_CWORD-1]}}\n  COMPREPLY=()\n  case $before in\n{2}  esac\n"
      "  if [[ $now == -* ]]; then\n    mapfile -t COMPREPLY < <(compgen -W '{3}' -- \"$now\")\n"
      "  else\n    compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$now\")\n  "
      "fi\n}}\n"
      "complete -F {1} {0}\n",
      name, function, cases, words.substr(1));
}

// Brackets and colons have a meaning in what _arguments is given.
std::string zsh_of(const std::vector<Known>& options, const std::string& name) {
  std::string text = fmt::format("#compdef {}\n_arguments \\\n", name);
  const auto plain = [](std::string help) {
    for (const char* const mark : {"[", "]", ":"})
      help = replaced(help, mark, std::string("\\") + mark);
    return help;
  };
  for (const Known& k : options)
    for (const std::string& option : k.names) {
      std::string word = fmt::format("{}[{}]", option, plain(k.help));
      if (!k.value.empty())
        word += fmt::format(":{}:{}", plain(k.value),
                            k.is_path()         ? "_files"
                            : k.choices.empty() ? ""
                                                : fmt::format("({})", fmt::join(k.choices, " ")));
      text += "  " + in_quotes(word) + " \\\n";
    }
  return text + "  '*:file:_files'\n";
}

std::string fish_of(const std::vector<Known>& options, const std::string& name) {
  std::string text = fmt::format("# fish completion of {}\n", name);
  for (const Known& k : options) {
    text += fmt::format("complete -c {}", name);
    for (const std::string& option : k.names)
      text += option.starts_with("--") ? " -l " + option.substr(2) : " -s " + option.substr(1);
    if (!k.value.empty()) text += k.is_path() ? " -rF" : " -x";
    if (!k.choices.empty())
      text += " -a " + in_quotes(fmt::format("{}", fmt::join(k.choices, " ")));
    text += " -d " + in_quotes(k.help) + "\n";
  }
  return text;
}

}  // namespace

std::string manual(const CLI::App& app, const std::string& name, const std::string& kind) {
  if (kind == "man") return page_of(app, name);
  if (kind == "bash") return bash_of(options_of(app), name);
  if (kind == "zsh") return zsh_of(options_of(app), name);
  if (kind == "fish") return fish_of(options_of(app), name);
  fail_usage("--manual {}: give man, bash, zsh or fish", kind);
}

}  // namespace dae
