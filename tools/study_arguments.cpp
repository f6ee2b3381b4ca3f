#include "tools/study_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <string_view>

#include "runtime/error.h"

namespace dae {
namespace {

// The options of one training, and nothing else.
struct OneTraining {
  CLI::App app;
  TrainingArguments arguments;

  OneTraining() {
    app.set_help_flag();
    arguments.add_to(app, "");
  }
};

// In single quotes where a shell would take it for something else.
std::string quoted(const std::string& text) {
  const auto is_plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("+-_./:,@%=").find(c) != std::string_view::npos;
  };
  if (std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts = {""};
  for (const char c : text)
    if (c == at)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

StudyRun run_of(const Setting& common, const Setting& setting, uint64_t seed, Device device) {
  OneTraining one;
  StudyRun run{.setting = setting, .options = {}, .command = {}};
  Setting all = common;
  all.insert(all.end(), setting.begin(), setting.end());
  all.emplace_back("seed", std::to_string(seed));
  std::vector<std::string> words;
  for (const auto& [option, value] : all) {
    words.push_back(fmt::format("--{}={}", option, value));
    run.command += fmt::format("{}--{} {}", run.command.empty() ? "" : " ", option, quoted(value));
  }
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    one.app.parse(words);
  } catch (const CLI::ParseError& error) {
    fail_usage("{}: {}", name_of(setting), error.what());
  }
  run.options = one.arguments.apply(one.app);
  run.options.device = device;
  return run;
}

}  // namespace

void StudyArguments::add_to(CLI::App& app) {
  app.add_option("--vary", vary_,
                 "an option of a training and its values, as in loss=mse,l1; repeated, every "
                 "combination is trained")
      ->type_name("NAME=VALUE,VALUE")
      ->expected(1)
      ->take_all();
  app.add_option("--seeds", seeds_, "runs of each setting, with the numbers from --seed on")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  common_.add_to(app, "of the first run of each setting");
}

std::vector<Varied> StudyArguments::varied() const {
  const OneTraining known;
  std::vector<Varied> all;
  for (const std::string& given : vary_) {
    const size_t equals = given.find('=');
    if (equals == std::string::npos)
      fail_usage("--vary {}: give an option and its values, as in loss=mse,l1", given);
    const Varied one{given.substr(0, equals), split(given.substr(equals + 1), ',')};
    if (one.option == "seed") fail_usage("--vary seed: that is what --seeds is for");
    if (one.option.empty() || !known.app.get_option_no_throw("--" + one.option))
      fail_usage("--vary {}: not an option that trainings can differ in", one.option);
    for (const Varied& other : all)
      if (other.option == one.option)
        fail_usage("--vary {}: it is there twice; give all its values at once", one.option);
    if (std::count(one.values.begin(), one.values.end(), "") > 0)
      fail_usage("--vary {}: a value is empty", given);
    all.push_back(one);
  }
  return all;
}

std::vector<StudyRun> StudyArguments::runs(const CLI::App& app, Device device) const {
  const std::vector<Varied> all = varied();
  for (const Varied& one : all)
    refuse_options(app, {"--" + one.option}, "is varied, too; give it once");
  Setting common;
  const OneTraining known;
  for (const CLI::Option* const option : known.app.get_options()) {
    const std::string name = option->get_name();
    if (name == "--seed" || app.count(name) == 0) continue;
    const auto value = app.get_option(name)->as<std::string>();
    if (!value.empty()) common.emplace_back(name.substr(2), value);
  }
  const uint64_t first = common_.given.seed, count = static_cast<uint64_t>(seeds_);
  if (first > std::numeric_limits<uint64_t>::max() - count)
    fail_usage("--seed {}: there are no {} numbers from there on", first, count);
  std::vector<StudyRun> runs;
  for (uint64_t seed = first; seed < first + count; seed++)
    for (const Setting& setting : product_of(all))
      runs.push_back(run_of(common, setting, seed, device));
  return runs;
}

}  // namespace dae
