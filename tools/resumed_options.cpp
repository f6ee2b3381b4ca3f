#include "tools/resumed_options.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "corrupt/spec.h"
#include "model/loss_spec.h"
#include "record/feature_file.h"
#include "record/run_config.h"
#include "record/run_folder.h"
#include "runtime/error.h"
#include "tools/program.h"

namespace dae {
namespace {

// Where config.json has what an option says.
constexpr std::pair<const char*, const char*> kFixed[] = {
    {"--model", "/model/kind"},
    {"--size", "/model/size"},
    {"--width", "/model/width"},
    {"--blocks", "/model/blocks"},
    {"--levels", "/model/levels"},
    {"--stem", "/model/stem"},
    {"--latent", "/model/latent"},
    {"--skips", "/model/skips"},
    {"--global", "/model/global"},
    {"--residual", "/model/residual"},
    {"--noise-input", "/model/noise_input"},
    {"--precision", "/model/precision"},
    {"--from", "/from"},
    {"--batch", "/batch"},
    {"--shards", "/shards"},
    {"--seed", "/seed"},
    {"--lr", "/optimizer/learning_rate"},
    {"--loss", "/loss"},
    {"--max-side", "/data/max_side"},
    {"--order", "/corruption/order"},
    {"--clip", "/corruption/clip"},
    {"--quantize", "/corruption/quantize"},
};

std::optional<double> number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// What is given, as the configuration would have it: "25" is a range from 25 to 25.
std::string as_recorded(const std::string& option, const std::string& given) {
  if (option == "--from") return named_network(given).string();
  if (option == "--loss") return to_string(parse_loss(given));
  for (const RangeField& field : range_fields())
    if (option == option_of(field)) return to_string(parse_range(field.name, given));
  return given;
}

std::string shown(const nlohmann::json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
  return value == "" ? "none" : value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

void refuse_contradictions(const CLI::App& app, const std::filesystem::path& run) {
  if (app.count("--features") > 0) {
    const auto given = app.get_option("--features")->as<std::string>();
    const FeatureNetwork wants = load_features(given);
    const std::filesystem::path own = run / kFeatureFile;
    if (!std::filesystem::exists(own) || load_features(own).values != wants.values)
      fail_usage("--features {}: the run has others, which --resume cannot change", given);
  }
  // As it is written today: an older file lacks what there was not.
  const nlohmann::json config = to_json(read_run_config(run));
  const auto compare = [&](const std::string& option, const std::string& place) {
    if (app.count(option) == 0) return;
    const auto given = app.get_option(option)->as<std::string>();
    const std::string has = shown(config.at(nlohmann::json::json_pointer(place)));
    const std::string wants = as_recorded(option, given);
    const auto a = number(wants), b = number(has);
    if (a && b ? *a != *b : wants != has)
      fail_usage("{} {}: the run has {}, which --resume cannot change; start a new run for that",
                 option, given, has);
  };
  for (const auto& [option, place] : kFixed) compare(option, place);
  for (const RangeField& field : range_fields())
    compare(option_of(field), std::string("/corruption/") + field.name);
}

}  // namespace dae
