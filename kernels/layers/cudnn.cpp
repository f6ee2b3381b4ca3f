#include "kernels/layers/cudnn.h"

#include "runtime/error.h"

#if defined(DAE_HAS_CUDA) && __has_include(<cudnn_graph.h>)
#include <algorithm>
#include <chrono>
#include <optional>

#include "kernels/layers/cudnn_graph.h"
#include "runtime/device.h"
#include "runtime/memory.h"

namespace dae::cudnn {
namespace {

using cuda_libraries::Candidate;
using cuda_libraries::Convolution;

constexpr size_t kMostWorkspace = size_t{512} << 20;
constexpr int kMostOffered = 64;

// A GPU as cuDNN describes it: what engines are asked for and built for.
using Gpu = std::shared_ptr<const Descriptor>;
const Gpu& gpu_at_hand() {
  static const Gpu the = [] {
    Descriptor made(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    made.set(CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, std::vector<cudnnHandle_t>{handle()})
        .finalize("asking for the GPU's description");
    return std::make_shared<const Descriptor>(std::move(made));
  }();
  return the;
}

// --- Engines ----------------------------------------------------------------------------------

// Whether an engine gives the same bits in every run and computes as precisely as the problem says.
bool acceptable(const Descriptor& engine, DType dtype) {
  for (const auto note : engine.get<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                                                 CUDNN_TYPE_NUMERICAL_NOTE,
                                                                 CUDNN_NUMERICAL_NOTE_TYPE_COUNT))
    if (note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC ||
        note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS ||
        note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION ||
        (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE && dtype == DType::f32))  // TF32
      return false;
  return true;
}

// Whether the engine's kernels are compiled when it is built.
bool compiles(const Descriptor& engine) {
  for (const auto note : engine.get<cudnnBackendBehaviorNote_t>(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE,
                                                                CUDNN_TYPE_BEHAVIOR_NOTE,
                                                                CUDNN_BEHAVIOR_NOTE_TYPE_COUNT))
    if (note == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) return true;
  return false;
}

std::string engine_name(const Descriptor& config, const Descriptor& engine) {
  const auto index = engine.get<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1);
  std::string name = fmt::format("engine {}", index.empty() ? -1 : index[0]);
  const char* before = ", knobs ";
  for (const Descriptor& knob :
       config.get(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR,
                  CUDNN_KNOB_TYPE_COUNTS)) {
    const auto type =
        knob.get<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1);
    const auto value = knob.get<int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1);
    if (type.empty() || value.empty()) continue;
    name += fmt::format("{}{}={}", before, static_cast<int>(type[0]), value[0]);
    before = " ";
  }
  return name;
}

// An engine with its settings. Nothing is built: one whose kernels are compiled at run time takes a
// second or two.
struct Configuration {
  std::string name;
  bool compiles;
  Descriptor config;
};
std::vector<Configuration> configurations_for(const Graph& graph, DType dtype, const Gpu& gpu) {
  std::vector<Configuration> found;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph.graph)
        .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, std::vector{mode})
        .set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *gpu);
    if (library().finalize(heuristics.raw()) != CUDNN_STATUS_SUCCESS) continue;
    for (Descriptor& config : heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                             CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, kMostOffered)) {
      const std::vector<Descriptor> engine =
          config.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1);
      if (engine.empty() || !acceptable(engine[0], dtype)) continue;
      const std::string name = engine_name(config, engine[0]);
      if (std::any_of(found.begin(), found.end(), [&](const auto& c) { return c.name == name; }))
        continue;
      found.push_back({name, compiles(engine[0]), std::move(config)});
    }
  }
  return found;
}

// An engine that can run a problem. Calls of several layers with one problem share it.
struct Engine {
  Descriptor plan;
  size_t workspace;
};
std::shared_ptr<const Engine> engine_of(const std::string& name, Descriptor plan) {
  const auto bytes =
      plan.get<int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1);
  const size_t workspace = bytes.empty() ? 0 : static_cast<size_t>(bytes[0]);
  if (workspace > kMostWorkspace) fail("{} wants {} of workspace", name, show_bytes(workspace));
  return std::make_shared<Engine>(Engine{std::move(plan), workspace});
}

PlanStore& plan_store() {
  static PlanStore the;
  return the;
}

// None where it has not been kept, or cuDNN does not take it.
std::optional<Descriptor> kept_plan(const std::string& engine, const Gpu& gpu) {
  const PlanStore& store = plan_store();
  const std::optional<std::string> text = store.find ? store.find(engine) : std::nullopt;
  if (!text) return {};
  try {
    Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *gpu)
        .set(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
             std::vector<char>(text->begin(), text->end()))
        .finalize("reading a plan");
    return plan;
  } catch (const DeviceLost&) {
    throw;
  } catch (const Error&) {
    forget_device_error();
    return {};
  }
}

void keep_plan(const std::string& engine, const Descriptor& plan) {
  const auto count = plan.count(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR);
  const std::vector<char> text =
      plan.get<char>(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, count);
  plan_store().keep(engine, {text.begin(), text.end()});
}

std::shared_ptr<const Engine> build(const Convolution& problem, const Configuration& configuration,
                                    const Gpu& gpu) {
  const std::string engine = fmt::format("{}: {}", describe(problem), configuration.name);
  if (std::optional<Descriptor> kept = kept_plan(engine, gpu))
    return engine_of(configuration.name, *std::move(kept));
  const auto begin = std::chrono::steady_clock::now();
  Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration.config)
      .set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *gpu)
      .finalize(("building " + configuration.name).c_str());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (plan_store().keep && took.count() >= plan_store().long_seconds) keep_plan(engine, plan);
  return engine_of(configuration.name, std::move(plan));
}

class Planned : public Routine {
 public:
  Planned(const Convolution& problem, std::shared_ptr<const Engine> engine)
      : problem_(describe(problem)),
        engine_(std::move(engine)),
        uids_(uids_of(problem)),
        pointers_(uids_.size()) {}

  size_t workspace_bytes() const override { return engine_->workspace; }

  // The descriptor of a call's arguments is kept: a plan's addresses stay, and making it allocates.
  using Routine::run;
  void run(void* stream, std::span<const void* const> data, void* workspace) override {
    if (!pack_ || !std::equal(data.begin(), data.end(), pointers_.begin(), pointers_.end()) ||
        workspace != packed_workspace_)
      pack(data, workspace);
    check(library().set_stream(handle(), static_cast<cudaStream_t>(stream)), "setting the stream");
    check(library().execute(handle(), engine_->plan.raw(), pack_->raw()), problem_.c_str());
  }

 private:
  void pack(std::span<const void* const> data, void* workspace) {
    if (data.size() != uids_.size()) fail("cuDNN: {} was given {} operands", problem_, data.size());
    pack_.reset();  // should what follows fail, the next call makes it anew
    std::transform(data.begin(), data.end(), pointers_.begin(),
                   [](const void* p) { return const_cast<void*>(p); });
    packed_workspace_ = workspace;
    Descriptor made(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    made.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, uids_)
        .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers_)
        .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, std::vector{workspace})
        .finalize("packing a call's arguments");
    pack_ = std::move(made);
  }

  std::string problem_;  // for errors
  std::shared_ptr<const Engine> engine_;
  std::vector<int64_t> uids_;
  std::vector<void*> pointers_;
  void* packed_workspace_ = nullptr;
  std::optional<Descriptor> pack_;
};

std::vector<Candidate> candidates_for(const Convolution& problem, const Gpu& gpu) {
  std::vector<Candidate> found;
  for (Configuration& offered : configurations_for(graph_of(problem), problem.dtype, gpu)) {
    const auto configuration = std::make_shared<const Configuration>(std::move(offered));
    found.push_back({{configuration->name, configuration->compiles}, [=] {
                       const std::shared_ptr<const Engine> engine =
                           build(problem, *configuration, gpu);
                       return [=] { return std::make_shared<Planned>(problem, engine); };
                     }});
  }
  return found;
}

}  // namespace

std::vector<Candidate> candidates(const Convolution& problem) {
  return candidates_for(problem, gpu_at_hand());
}

std::vector<Candidate> candidates(const Convolution& problem, const std::string& described) {
  Descriptor made(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  made.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
           std::vector<char>(described.begin(), described.end()))
      .finalize("reading the description of a GPU");
  return candidates_for(problem, std::make_shared<const Descriptor>(std::move(made)));
}

std::string describe_gpu() {
  const std::vector<char> text =
      gpu_at_hand()->get<char>(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, 1 << 16);
  return {text.begin(), text.end()};
}

void keep_plans(PlanStore store) {
  plan_store() = std::move(store);
}

int64_t version() {
  return static_cast<int64_t>(library().version());
}

}  // namespace dae::cudnn

#else

namespace dae::cudnn {
namespace {

[[noreturn]] void fail_without_cudnn() {
  fail("this build has no cuDNN part (nvcc or cudnn_graph.h was not found)");
}

}  // namespace

std::vector<cuda_libraries::Candidate> candidates(const cuda_libraries::Convolution&) {
  fail_without_cudnn();
}
std::vector<cuda_libraries::Candidate> candidates(const cuda_libraries::Convolution&,
                                                  const std::string&) {
  fail_without_cudnn();
}
std::string describe_gpu() {
  fail_without_cudnn();
}
void keep_plans(PlanStore) {}
int64_t version() {
  fail_without_cudnn();
}

}  // namespace dae::cudnn

#endif
