#include "record/run_config.h"

#include <dae/version.h>

#include <dnnl.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "runtime/error.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

using nlohmann::json;

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
      {"seed", c.seed},
  };
}

RunConfig run_config_from_json(const json& j, const std::string& file) {
  try {
    RunConfig c;
    const json &model = j.at("model"), &corruption = j.at("corruption"),
               &optimizer = j.at("optimizer"), &data = j.at("data");
    c.network.kind = parse_kind(model.at("kind"));
    model.at("size").get_to(c.network.size);
    model.at("width").get_to(c.network.width);
    model.at("blocks").get_to(c.network.blocks);
    c.network.levels = model.value("levels", c.network.levels);
    c.network.stem = model.value("stem", c.network.stem);
    model.at("latent").get_to(c.network.latent);
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
    optimizer.at("learning_rate").get_to(c.schedule.peak);
    optimizer.at("warmup").get_to(c.schedule.warmup);
    optimizer.at("steps").get_to(c.schedule.total);
    c.schedule.start = optimizer.value("start", uint64_t{0});
    optimizer.at("beta1").get_to(c.adam.beta1);
    optimizer.at("beta2").get_to(c.adam.beta2);
    optimizer.at("epsilon").get_to(c.adam.epsilon);
    optimizer.at("weight_decay").get_to(c.adam.weight_decay);
    optimizer.at("clip_norm").get_to(c.adam.clip_norm);
    optimizer.at("ema_decay").get_to(c.adam.ema_decay);
    data.at("dataset").get_to(c.dataset);
    data.at("validation").get_to(c.validation);
    c.given = data.value("pairs", c.given);
    data.at("max_side").get_to(c.max_side);
    data.at("held_out").get_to(c.held_out);
    c.from = j.value("from", c.from);
    c.loss = parse_loss(j.at("loss").get<std::string>());
    check(c.loss, c.network.size);
    j.at("budget").get_to(c.budget);
    j.at("batch").get_to(c.batch);
    j.at("seed").get_to(c.seed);
    return c;
  } catch (const json::exception& error) {
    fail("{} is not a run's configuration: {}", file, error.what());
  } catch (const Error& error) {
    fail("{} is not a run's configuration: {}", file, error.what());
  }
}

json read_run_json(const std::filesystem::path& run) {
  const std::filesystem::path path = run / "config.json";
  std::error_code ignored;
  if (!std::filesystem::is_directory(run, ignored))
    fail("{}: there is no such run folder; train_cuda makes one", run.string());
  std::ifstream file(path);
  if (!file) fail("{}: not a run folder: it has no config.json", run.string());
  json parsed = json::parse(file, nullptr, false);
  if (parsed.is_discarded()) fail("{}: not valid JSON", path.string());
  return parsed;
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
