// What lies in a run folder and beside it as text.
#include <nlohmann/json.hpp>
#include <optional>

#include "data/files.h"
#include "data/text.h"
#include "model/network.h"
#include "record/device_record.h"
#include "record/engine_file.h"
#include "record/metrics.h"
#include "record/plan_file.h"
#include "record/run_config.h"
#include "report/html.h"
#include "tests/fuzz/all.h"

namespace dae::fuzz {

namespace fs = std::filesystem;
using nlohmann::json;

// As a run is resumed: the configuration, then what it was computed on. A file without a hash is taken, so
// that the seeds have none.
void config(View input) {
  write("config.json", input);
  const RunConfig read = read_run_config(folder());
  const json then = read_run_json(folder());
  const json device = {{"kind", "cuda"}, {"engines", {{"p", {{"engine", "e"}}}}}};
  device_changes(then.value("device", json()), device);
  software_changes(then.value("software", json()), describe_build());
  reuse_engines(then.value("device", json()));
  expect(run_config_from_json(to_json(read), "again") == read,
         "a configuration changes on its way");
  const NetworkConfig& network = read.network;
  if (network.blocks * network.levels <= 4)
    expect(parameters_of(network).count() > 0, "a network without weights");
}
std::vector<Bytes> config_seeds() {
  std::vector<Bytes> seeds;
  RunConfig made;
  for (const NetworkKind kind : {NetworkKind::unet, NetworkKind::conv, NetworkKind::fc}) {
    made.network = {.kind = kind, .size = 16, .width = 4, .blocks = 1, .levels = 2, .latent = 64};
    json written = to_json(made);
    written["device"] = {{"kind", "cuda"}, {"engines", {{"p", {{"engine", "f"}}}}}};
    seeds.push_back(bytes_of(written.dump()));
  }
  return seeds;
}

// Read, and drawn as the report does.
void metrics(View input) {
  std::string note;
  const std::vector<MetricsRow> rows = read_metrics(write("metrics.csv", input), note);
  html::Curve losses = {"loss", {}, {}}, rates = {"rate", {}, {}};
  for (const MetricsRow& row : rows) {
    metrics_line(row);
    losses.x.push_back(static_cast<double>(row.step));
    losses.y.push_back(row.loss);
    rates.x.push_back(row.seconds);
    rates.y.push_back(row.learning_rate);
  }
  html::plot("Loss", "step", "loss", {losses}, true);
  html::plot("Rates", "seconds", "rate", {rates, losses});
  html::escape(note);
}
std::vector<Bytes> metrics_seeds() {
  const LossSpec sum = parse_loss("mse+0.1*ssim");
  const MetricsRow row = {.step = 10, .seconds = 1.5, .loss = 0.01, .learning_rate = 1e-3};
  MetricsRow judged = row;
  judged.validation_psnr = 20.5;
  judged.terms = {{1, 2}, {3, 4}};
  return {bytes_of(metrics_header({}) + metrics_line(row)),
          bytes_of(metrics_header(sum) + metrics_line(judged) + metrics_line(judged))};
}

void engines(View input) {
  const json machine = {{"gpu", "A"}};
  cuda_libraries::remember(read_engines(write("engines.jsonl", input), machine), {});
}
std::vector<Bytes> engines_seeds() {
  const fs::path path = folder() / "engines.seed";
  add_engine(path, {{"gpu", "A"}}, {.problem = "p", .engine = "engine 57, knobs 2=5"});
  add_engine(path, {{"gpu", "B"}}, {.problem = "p", .engine = "algorithm 66"});
  const Bytes lines = read(path);
  fs::remove(path);
  return {lines};
}

constexpr const char* kEngine = "forward: engine 57";
// Where the file of that engine lies, which is told by its name.
const std::string& place_of_plan() {
  static const std::string the = [] {
    write_plan(folder(), {{"gpu", "A"}}, kEngine, "{}");
    for (const auto& entry : fs::directory_iterator(folder()))
      if (entry.path().extension() == ".plan") return entry.path().filename().string();
    expect(false, "a plan was not written");
    return std::string();
  }();
  return the;
}

void plan(View input) {
  write(place_of_plan().c_str(), input);
  const std::optional<std::string> found = read_plan(folder(), {{"gpu", "A"}}, kEngine);
  expect(!found || text_of(input).ends_with("\n" + *found), "a plan that is not the file's");
}
std::vector<Bytes> plan_seeds() {
  const fs::path place = folder() / place_of_plan();
  write_plan(folder(), {{"gpu", "A"}}, kEngine, R"({"engine": {"engineId": 67}})");
  return {read(place)};
}

}  // namespace dae::fuzz
