#include "record/run_config.h"

#include <dae/version.h>

#include <dnnl.hpp>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "data/files.h"
#include "data/hash.h"
#include "data/text.h"
#include "model/shards.h"
#include "runtime/error.h"
#include "runtime/field.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

using nlohmann::json;

constexpr char kHash[] = "hash";
// As TrainingOptions takes them.
constexpr int64_t kMostSide = 65536, kMostCrops = 65536;

NetworkKind parse_kind(const std::string& name) {
  for (const NetworkKind kind : {NetworkKind::fc, NetworkKind::conv, NetworkKind::unet})
    if (name == name_of(kind)) return kind;
  fail("there is no model named {}", name);
}

DType parse_precision(const std::string& name) {
  if (name == "fp32") return DType::f32;
  if (name == "bf16") return DType::bf16;
  fail("there is no precision named {}", name);
}

template <class T>
void read_whole(const json& object, const char* key, T& number,
                T most = std::numeric_limits<T>::max()) {
  number = static_cast<T>(whole_number(object.at(key), key, most));
}

// Checked before it is a float: beyond a float's range there is no conversion.
template <class T>
void read_number(const json& object, const char* key, double low, double high, T& number) {
  const auto value = object.at(key).get<double>();
  check_field(key, value, low, high);
  number = static_cast<T>(value);
}

void read_optimizer(const json& optimizer, RunConfig& c) {
  constexpr double kBelowOne = 1 - 0x1p-24;
  constexpr uint64_t kMostSteps = uint64_t{1} << 53;  // sums of them are whole in every type
  read_number(optimizer, "learning_rate", 0, 1, c.schedule.peak);
  read_whole(optimizer, "steps", c.schedule.total, kMostSteps);
  read_whole(optimizer, "warmup", c.schedule.warmup, kMostSteps);
  if (optimizer.contains("start"))
    read_whole(optimizer, "start", c.schedule.start, c.schedule.total);
  read_number(optimizer, "beta1", 0, kBelowOne, c.adam.beta1);
  read_number(optimizer, "beta2", 0, kBelowOne, c.adam.beta2);
  read_number(optimizer, "epsilon", 1e-30, 1, c.adam.epsilon);
  read_number(optimizer, "weight_decay", 0, 1e6, c.adam.weight_decay);
  read_number(optimizer, "clip_norm", 0, 1e30, c.adam.clip_norm);
  read_number(optimizer, "ema_decay", 0, 1, c.adam.ema_decay);
}

// Of a configuration without its own.
std::string hash_of(json configuration) {
  configuration.erase(kHash);
  Hash hash;
  hash.add(file_text(configuration));
  return hash.digits();
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

}  // namespace

json to_json(const RunConfig& c) {
  const NetworkConfig& n = c.network;
  json corruption = {{"order", name_of(c.corruption.order)},
                     {"clip", c.corruption.clip},
                     {"quantize", c.corruption.quantize}};
  for (const RangeField& field : range_fields())
    corruption[field.name] = to_string(c.corruption.*field.range);
  return {
      {"model",
       {{"kind", name_of(n.kind)},
        {"size", n.size},
        {"width", n.width},
        {"blocks", n.blocks},
        {"levels", n.levels},
        {"stem", n.stem},
        {"latent", n.latent},
        {"skips", n.skips},
        {"global", n.global},
        {"residual", n.residual},
        {"noise_input", n.noise_input},
        {"precision", n.dtype == DType::bf16 ? "bf16" : "fp32"}}},
      {"corruption", corruption},
      {"optimizer",
       {{"learning_rate", c.schedule.peak},
        {"warmup", c.schedule.warmup},
        {"steps", c.schedule.total},
        {"start", c.schedule.start},
        {"beta1", c.adam.beta1},
        {"beta2", c.adam.beta2},
        {"epsilon", c.adam.epsilon},
        {"weight_decay", c.adam.weight_decay},
        {"clip_norm", c.adam.clip_norm},
        {"ema_decay", c.adam.ema_decay}}},
      {"data",
       {{"dataset", c.dataset},
        {"validation", c.validation},
        {"pairs", c.given},
        {"max_side", c.max_side},
        {"held_out", c.held_out}}},
      {"from", c.from},
      {"loss", to_string(c.loss)},
      {"budget", c.budget},
      {"batch", c.batch},
      {"shards", c.shards},
      {"seed", c.seed},
  };
}

RunConfig run_config_from_json(const json& j, const std::string& file) {
  try {
    RunConfig c;
    const json &model = j.at("model"), &corruption = j.at("corruption"),
               &optimizer = j.at("optimizer"), &data = j.at("data");
    c.network.kind = parse_kind(model.at("kind"));
    read_whole(model, "size", c.network.size);
    read_whole(model, "width", c.network.width);
    read_whole(model, "blocks", c.network.blocks);
    if (model.contains("levels")) read_whole(model, "levels", c.network.levels);
    if (model.contains("stem")) read_whole(model, "stem", c.network.stem);
    read_whole(model, "latent", c.network.latent);
    model.at("skips").get_to(c.network.skips);
    model.at("global").get_to(c.network.global);
    model.at("residual").get_to(c.network.residual);
    c.network.noise_input = model.value("noise_input", c.network.noise_input);
    c.network.dtype = parse_precision(model.at("precision"));
    check(c.network);
    for (const RangeField& field : range_fields()) {
      Range& range = c.corruption.*field.range;
      // One that is off otherwise may be younger than the file.
      if (range.present || corruption.contains(field.name))
        range = parse_range(field.name, corruption.at(field.name).get<std::string>());
    }
    c.corruption.order = parse_order(corruption.at("order").get<std::string>());
    corruption.at("clip").get_to(c.corruption.clip);
    corruption.at("quantize").get_to(c.corruption.quantize);
    validate(c.corruption);
    read_optimizer(optimizer, c);
    data.at("dataset").get_to(c.dataset);
    data.at("validation").get_to(c.validation);
    c.given = data.value("pairs", c.given);
    read_whole(data, "max_side", c.max_side, kMostSide);
    data.at("held_out").get_to(c.held_out);
    c.from = j.value("from", c.from);
    c.loss = parse_loss(j.at("loss").get<std::string>());
    check(c.loss, c.network.size);
    j.at("budget").get_to(c.budget);
    read_whole(j, "batch", c.batch, kMostCrops);
    if (c.batch < 1) fail("batch is 0, expected 1 to {}", kMostCrops);
    if (j.contains("shards")) read_whole(j, "shards", c.shards, kMostShards);
    read_whole(j, "seed", c.seed);
    return c;
  } catch (const json::exception& error) {
    fail("{} is not a run's configuration: {}", file, error.what());
  } catch (const Error& error) {
    fail("{} is not a run's configuration: {}", file, error.what());
  }
}

void write_run_json(const std::filesystem::path& run, json configuration) {
  configuration[kHash] = hash_of(configuration);
  write_file_atomically(run / "config.json", std::string_view(file_text(configuration)));
}

json read_run_json(const std::filesystem::path& run) {
  const std::filesystem::path path = run / "config.json";
  std::error_code ignored;
  if (!std::filesystem::is_directory(run, ignored))
    fail("{}: there is no such run folder; train_cuda makes one", run.string());
  if (!std::filesystem::exists(path, ignored))
    fail("{}: not a run folder: it has no config.json", run.string());
  const std::vector<uint8_t> bytes = read_file(path);
  json configuration;
  try {
    configuration = json_from({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const Error& error) {
    fail("{}: {}", path.string(), error.what());
  }
  if (configuration.contains(kHash) && configuration[kHash] != hash_of(configuration))
    fail("{}: it is damaged, or was changed by hand; a change is kept without its line {}",
         path.string(), kHash);
  return configuration;
}

RunConfig read_run_config(const std::filesystem::path& run) {
  return run_config_from_json(read_run_json(run), (run / "config.json").string());
}

void settle_precision(NetworkConfig& network, Device device) {
  if (device == Device::cpu) network.dtype = DType::f32;
}

json describe_build() {
  const dnnl_version_t* const onednn = dnnl_version();
  return {{"dae", version()},
          {"oneDNN", fmt::format("{}.{}.{}", onednn->major, onednn->minor, onednn->patch)},
          {"instruction_set", static_cast<int>(dnnl::get_effective_cpu_isa())},
          {"cpu", cpu_name()},
          {"threads", threads()},
          {"compiler", __VERSION__}};
}

}  // namespace dae
