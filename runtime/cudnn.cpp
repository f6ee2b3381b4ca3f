#include "runtime/cudnn.h"

#include "runtime/error.h"

#if defined(DAE_HAS_CUDA) && __has_include(<cudnn_graph.h>)
#include <algorithm>
#include <map>
#include <optional>

#include "runtime/cuda_timer.h"
#include "runtime/cudnn_backend.h"
#include "runtime/engines.h"
#include "runtime/memory.h"

namespace dae::cudnn {
namespace {

using cuda_libraries::Convolution;
using cuda_libraries::Direction;

constexpr size_t kMostWorkspace = size_t{512} << 20;
constexpr int kMostOffered = 64, kTimedRuns = 5;
constexpr int64_t kAlignment = 16;  // weights are slices of a flat buffer, 128 or 256 bytes apart

// What plans are made for: this machine's GPU, or a description.
struct Target {
  Descriptor device{CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR};
  bool present = true;
};
std::optional<Target>& described_target() {
  static std::optional<Target> target;
  return target;
}
const Target& target() {
  if (described_target()) return *described_target();
  static const Target the = [] {
    Target made;
    made.device
        .set(CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, std::vector<cudnnHandle_t>{handle()})
        .finalize("asking for the GPU's description");
    return made;
  }();
  return the;
}

// --- The graph of one convolution -------------------------------------------------------------

enum Uid : int64_t { kX = 1, kW, kY, kBias, kAddend, kConvolved, kBiased, kAdded };

// An image of NHWC order as cuDNN counts it: dimensions N, C, H, W with NHWC strides. Filters
// {K, kernel, kernel, C} have the same form.
Descriptor tensor(Uid uid, const Shape& s, DType dtype, bool intermediate = false) {
  using I64 = std::vector<int64_t>;
  Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const auto type = dtype == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{type})
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, I64{s[0], s[3], s[1], s[2]})
      .set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64,
           I64{s[1] * s[2] * s[3], 1, s[2] * s[3], s[3]})
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, I64{uid})
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, I64{kAlignment});
  if (intermediate) d.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, std::vector<char>{1});
  d.finalize("describing a tensor");
  return d;
}

Descriptor convolution(const Convolution& p) {
  const std::vector<int64_t> ones{1, 1}, pad{p.pad, p.pad}, stride{p.stride, p.stride};
  Descriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, std::vector<int64_t>{2})
      .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT})
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
           std::vector{CUDNN_CROSS_CORRELATION})
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, pad)
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, pad)
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, stride)
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, ones)
      .finalize("describing a convolution");
  return d;
}

struct Attributes {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t x, w, y, conv, alpha, beta;
};
Attributes attributes_of(Direction direction) {
  switch (direction) {
    case Direction::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case Direction::backward_data:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case Direction::backward_weights:
      break;
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

Descriptor pointwise(cudnnPointwiseMode_t mode) {
  Descriptor d(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  d.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, std::vector{mode})
      .set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT})
      .finalize("describing a pointwise operation");
  return d;
}

std::string describe(const Convolution& p) {
  const char* const what = p.direction == Direction::forward         ? "forward"
                           : p.direction == Direction::backward_data ? "data gradient"
                                                                     : "weight gradient";
  return fmt::format("{} of {} {} by {} to {}, stride {}{}{}{}", what, name_of(p.dtype),
                     to_string(p.x), to_string(p.w), to_string(p.y), p.stride,
                     p.bias ? ", bias" : "", p.addend ? ", addend" : "", p.relu ? ", ReLU" : "");
}

// What one problem's operation writes.
Uid result_of(Direction direction) {
  return direction == Direction::forward ? kY : direction == Direction::backward_data ? kX : kW;
}

// The operations, and all descriptors they refer to.
struct Graph {
  std::vector<Descriptor> kept;
  Descriptor graph{CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR};
};

// The convolution, then what is done to its result in registers: addend, bias, ReLU (in this order
// cuDNN has ready kernels for it; with the bias first it has to compile one). Results between the
// operations are virtual and f32; the last one is the problem's, rounded once.
Graph graph_of(const Convolution& p) {
  Graph g;
  g.kept.reserve(24);  // references into it stay valid
  std::vector<cudnnBackendDescriptor_t> operations;
  const auto keep = [&](Descriptor d) -> const Descriptor& {
    g.kept.push_back(std::move(d));
    return g.kept.back();
  };
  struct Pointwise {
    cudnnPointwiseMode_t mode;
    const Descriptor* operand;
  };
  const Uid result = result_of(p.direction);
  const Shape& result_shape = result == kY ? p.y : result == kX ? p.x : p.w;
  std::vector<Pointwise> pointwise_steps;
  if (p.addend)
    pointwise_steps.push_back({CUDNN_POINTWISE_ADD, &keep(tensor(kAddend, result_shape, p.dtype))});
  if (p.bias)
    pointwise_steps.push_back(
        {CUDNN_POINTWISE_ADD, &keep(tensor(kBias, {1, 1, 1, p.y[3]}, p.dtype))});
  if (p.relu) pointwise_steps.push_back({CUDNN_POINTWISE_RELU_FWD, nullptr});

  // The result of operation `i` of all: virtual, but for the last.
  const Uid between[] = {kConvolved, kBiased, kAdded};
  const auto result_descriptor = [&](size_t i) -> const Descriptor& {
    return i == pointwise_steps.size() ? keep(tensor(result, result_shape, p.dtype))
                                       : keep(tensor(between[i], result_shape, DType::f32, true));
  };
  const Descriptor* last = &result_descriptor(0);
  const auto operand = [&](Uid uid, const Shape& shape) -> const Descriptor& {
    return uid == result ? *last : keep(tensor(uid, shape, p.dtype));
  };
  const Attributes a = attributes_of(p.direction);
  Descriptor operation(a.operation);
  operation.set(a.x, operand(kX, p.x))
      .set(a.w, operand(kW, p.w))
      .set(a.y, operand(kY, p.y))
      .set(a.conv, keep(convolution(p)))
      .set(a.alpha, CUDNN_TYPE_FLOAT, std::vector<float>{1})
      .set(a.beta, CUDNN_TYPE_FLOAT, std::vector<float>{0})
      .finalize("describing the operation");
  operations.push_back(keep(std::move(operation)).raw());
  for (size_t i = 0; i < pointwise_steps.size(); i++) {
    const Descriptor& next = result_descriptor(i + 1);
    Descriptor step(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    step.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, keep(pointwise(pointwise_steps[i].mode)))
        .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *last);
    if (pointwise_steps[i].operand)
      step.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *pointwise_steps[i].operand);
    step.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, next).finalize("describing a pointwise step");
    operations.push_back(keep(std::move(step)).raw());
    last = &next;
  }
  g.graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, operations)
      .finalize("building the graph");
  return g;
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

// An engine that can run a problem. Calls of several layers with one problem share it.
struct Engine {
  std::string name;
  Descriptor plan;
  size_t workspace;
};

std::vector<std::shared_ptr<const Engine>> engines_for(const Graph& graph, DType dtype) {
  std::vector<std::shared_ptr<const Engine>> found;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph.graph)
        .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, std::vector{mode})
        .set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, target().device);
    if (library().finalize(heuristics.raw()) != CUDNN_STATUS_SUCCESS) continue;
    for (const Descriptor& config : heuristics.get(
             CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, kMostOffered)) {
      const std::vector<Descriptor> engine =
          config.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1);
      if (engine.empty() || !acceptable(engine[0], dtype)) continue;
      Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config)
          .set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, target().device);
      if (library().finalize(plan.raw()) != CUDNN_STATUS_SUCCESS) continue;  // offered, not able
      const auto bytes =
          plan.get<int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1);
      const size_t workspace = bytes.empty() ? 0 : static_cast<size_t>(bytes[0]);
      if (workspace <= kMostWorkspace)
        found.push_back(
            std::make_shared<Engine>(engine_name(config, engine[0]), std::move(plan), workspace));
    }
    if (!found.empty()) break;  // the fallback engines are for want of others
  }
  return found;
}

// Operands in the order of cuda_libraries.h.
std::vector<int64_t> uids_of(const Convolution& p) {
  switch (p.direction) {
    case Direction::forward: {
      std::vector<int64_t> uids = {kX, kW, kY};
      if (p.bias) uids.push_back(kBias);
      if (p.addend) uids.push_back(kAddend);
      return uids;
    }
    case Direction::backward_data:
      return {kY, kW, kX};
    case Direction::backward_weights:
      break;
  }
  return {kX, kY, kW};
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
  void run(void* stream, std::initializer_list<const void*> data, void* workspace) override {
    if (!pack_ || !std::equal(data.begin(), data.end(), pointers_.begin(), pointers_.end()) ||
        workspace != packed_workspace_)
      pack(data, workspace);
    check(library().set_stream(handle(), static_cast<cudaStream_t>(stream)), "setting the stream");
    check(library().execute(handle(), engine_->plan.raw(), pack_->raw()), problem_.c_str());
  }

 private:
  void pack(std::initializer_list<const void*> data, void* workspace) {
    if (data.size() != uids_.size()) fail("cuDNN: {} was given {} operands", problem_, data.size());
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

// Median seconds of a call on memory of its own.
double time_engine(const Convolution& p, const std::shared_ptr<const Engine>& engine) {
  Planned routine(p, engine);
  const auto bytes = [&](const Shape& shape) {
    return static_cast<size_t>(shape.count()) * size_of(p.dtype);
  };
  const Buffer x(Device::cuda, bytes(p.x)), w(Device::cuda, bytes(p.w)),
      y(Device::cuda, bytes(p.y)), bias(Device::cuda, bytes({p.y[3]})),
      addend(Device::cuda, p.addend ? bytes(p.y) : 0),
      space(Device::cuda, routine.workspace_bytes());
  const auto run = [&] {
    const void *const px = x.data(), *const pw = w.data(), *const py = y.data();
    switch (p.direction) {
      case Direction::forward:
        if (p.bias && p.addend)
          routine.run(nullptr, {px, pw, py, bias.data(), addend.data()}, space.data());
        else if (p.bias || p.addend)
          routine.run(nullptr, {px, pw, py, p.bias ? bias.data() : addend.data()}, space.data());
        else
          routine.run(nullptr, {px, pw, py}, space.data());
        break;
      case Direction::backward_data:
        routine.run(nullptr, {py, pw, px}, space.data());
        break;
      case Direction::backward_weights:
        routine.run(nullptr, {px, py, pw}, space.data());
        break;
    }
  };
  return cuda::median_seconds(kTimedRuns, run);
}

std::shared_ptr<const Engine> choose(const Convolution& problem, const std::string& name) {
  const std::vector<std::shared_ptr<const Engine>> engines =
      engines_for(graph_of(problem), problem.dtype);
  if (engines.empty())
    fail("cuDNN {} offers no deterministic {} engine for {}", version(), name_of(problem.dtype),
         name);
  std::vector<cuda_libraries::Offer> offered;
  for (const auto& engine : engines) offered.push_back({engine->name, engine->workspace});
  std::function<double(size_t)> time;
  if (target().present) time = [&](size_t i) { return time_engine(problem, engines[i]); };
  return engines[cuda_libraries::choose("cuDNN " + name, offered, time)];
}

}  // namespace

void plan_without_gpu(const std::string& device_json) {
  Target made;
  made.present = false;
  made.device
      .set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
           std::vector<char>(device_json.begin(), device_json.end()))
      .finalize("reading the description of a GPU");
  described_target() = std::move(made);
}

std::string describe_gpu() {
  const std::vector<char> text = target().device.get<char>(
      CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, 1 << 16);
  return {text.begin(), text.end()};
}

int64_t version() {
  return static_cast<int64_t>(library().version());
}

std::shared_ptr<Routine> plan(const Convolution& problem) {
  static std::map<std::string, std::shared_ptr<const Engine>> chosen;
  const std::string name = describe(problem);
  std::shared_ptr<const Engine>& engine = chosen[name];
  if (!engine) engine = choose(problem, name);
  return std::make_shared<Planned>(problem, engine);
}

}  // namespace dae::cudnn

#else

namespace dae::cudnn {
namespace {

[[noreturn]] void fail_without_cudnn() {
  fail("this build has no cuDNN part (nvcc or cudnn_graph.h was not found); use --device cpu");
}

}  // namespace

void plan_without_gpu(const std::string&) {
  fail_without_cudnn();
}
std::string describe_gpu() {
  fail_without_cudnn();
}
int64_t version() {
  fail_without_cudnn();
}
std::shared_ptr<Routine> plan(const cuda_libraries::Convolution&) {
  fail_without_cudnn();
}

}  // namespace dae::cudnn

#endif
