#include "runtime/cudnn.h"

#include "runtime/error.h"

#if defined(DAE_HAS_CUDA) && __has_include(<cudnn_graph.h>)
#include <cudnn_graph.h>
#include <dlfcn.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/cuda_check.h"
#include "runtime/device.h"
#include "runtime/memory.h"

namespace dae::cudnn {
namespace {

using cuda_libraries::Convolution;
using cuda_libraries::Direction;

constexpr size_t kMostWorkspace = size_t{512} << 20;
constexpr int kMostTimed = 8, kTimedRuns = 5;
constexpr int64_t kAlignment = 16;  // weights are slices of a flat buffer, 256 bytes apart

// --- The library ------------------------------------------------------------------------------

struct Library {
  decltype(&::cudnnBackendCreateDescriptor) create = nullptr;
  decltype(&::cudnnBackendDestroyDescriptor) destroy = nullptr;
  decltype(&::cudnnBackendSetAttribute) set = nullptr;
  decltype(&::cudnnBackendGetAttribute) get = nullptr;
  decltype(&::cudnnBackendFinalize) finalize = nullptr;
  decltype(&::cudnnBackendExecute) execute = nullptr;
  decltype(&::cudnnCreate) create_handle = nullptr;
  decltype(&::cudnnSetStream) set_stream = nullptr;
  decltype(&::cudnnGetErrorString) error_string = nullptr;
  decltype(&::cudnnGetLastErrorString) last_error = nullptr;
  decltype(&::cudnnGetVersion) version = nullptr;
};

const Library& library() {
  static const Library the = [] {
    void* const so = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
    if (!so)
      fail(
          "cuDNN 9 is needed for --device cuda and cannot be opened ({}): install it, or name its "
          "folder in LD_LIBRARY_PATH",
          dlerror());
    Library l;
    const auto load = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(so, name));
      if (!function) fail("libcudnn.so.9 has no {}: another version than 9?", name);
    };
    load(l.create, "cudnnBackendCreateDescriptor");
    load(l.destroy, "cudnnBackendDestroyDescriptor");
    load(l.set, "cudnnBackendSetAttribute");
    load(l.get, "cudnnBackendGetAttribute");
    load(l.finalize, "cudnnBackendFinalize");
    load(l.execute, "cudnnBackendExecute");
    load(l.create_handle, "cudnnCreate");
    load(l.set_stream, "cudnnSetStream");
    load(l.error_string, "cudnnGetErrorString");
    load(l.last_error, "cudnnGetLastErrorString");
    load(l.version, "cudnnGetVersion");
    return l;
  }();
  return the;
}

void check(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char reason[512] = {};
  library().last_error(reason, sizeof(reason));
  fail("cuDNN: {} failed: {} {}", what, library().error_string(status), reason);
}

cudnnHandle_t handle() {
  static const cudnnHandle_t the = [] {
    cudnnHandle_t made = nullptr;
    check(library().create_handle(&made), "making a handle");
    return made;
  }();
  return the;
}

// --- Descriptors ------------------------------------------------------------------------------

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    check(library().create(type, &raw_), "making a descriptor");
  }
  ~Descriptor() {
    if (raw_) library().destroy(raw_);
  }
  Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  cudnnBackendDescriptor_t raw() const { return raw_; }

  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                  const std::vector<T>& values) {
    check(library().set(raw_, name, type, static_cast<int64_t>(values.size()), values.data()),
          "setting an attribute");
    return *this;
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& other) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::vector{other.raw()});
  }
  Descriptor& finalize(const char* what) {
    check(library().finalize(raw_), what);
    return *this;
  }
  template <class T>
  std::vector<T> get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                     int64_t most) const {
    std::vector<T> values(static_cast<size_t>(most));
    int64_t count = 0;
    check(library().get(raw_, name, type, most, &count, values.data()), "reading an attribute");
    values.resize(static_cast<size_t>(std::min(count, most)));
    return values;
  }

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
};

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

std::vector<Choice>& choices_made() {
  static std::vector<Choice> made;
  return made;
}

// --- The graph of one convolution -------------------------------------------------------------

enum Uid : int64_t { kX = 1, kW, kY, kB, kConvolved, kBiased };

// An image of NHWC order as cuDNN counts it: dimensions N, C, H, W with NHWC strides. Filters
// {K, kernel, kernel, C} have the same form.
Descriptor tensor(Uid uid, const Shape& s, bool intermediate = false) {
  using I64 = std::vector<int64_t>;
  Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT})
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
  return fmt::format("{} of {} by {} to {}, stride {}{}{}", what, to_string(p.x), to_string(p.w),
                     to_string(p.y), p.stride, p.bias ? ", bias" : "", p.relu ? ", ReLU" : "");
}

// The operations, and all descriptors they refer to.
struct Graph {
  std::vector<Descriptor> kept;
  Descriptor graph{CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR};
};

Graph graph_of(const Convolution& p) {
  Graph g;
  std::vector<cudnnBackendDescriptor_t> operations;
  const auto keep = [&](Descriptor d) -> const Descriptor& {
    g.kept.push_back(std::move(d));
    return g.kept.back();
  };
  g.kept.reserve(16);  // references into it stay valid
  const bool fused = p.bias || p.relu;
  const Descriptor& x = keep(tensor(kX, p.x));
  const Descriptor& w = keep(tensor(kW, p.w));
  const Descriptor& convolved = keep(tensor(fused ? kConvolved : kY, p.y, fused));
  const Descriptor& conv = keep(convolution(p));
  const Attributes a = attributes_of(p.direction);
  const std::vector<float> one{1}, zero{0};
  const Descriptor& op = keep(std::move(Descriptor(a.operation)
                                            .set(a.x, x)
                                            .set(a.w, w)
                                            .set(a.y, convolved)
                                            .set(a.conv, conv)
                                            .set(a.alpha, CUDNN_TYPE_FLOAT, one)
                                            .set(a.beta, CUDNN_TYPE_FLOAT, zero)
                                            .finalize("describing the operation")));
  operations.push_back(op.raw());
  const Descriptor* last = &convolved;
  const auto then = [&](cudnnPointwiseMode_t mode, const Descriptor* operand,
                        const Descriptor& result) {
    const Descriptor& how = keep(pointwise(mode));
    Descriptor d(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    d.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how)
        .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *last);
    if (operand) d.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *operand);
    d.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, result).finalize("describing a pointwise step");
    operations.push_back(keep(std::move(d)).raw());
    last = &result;
  };
  if (p.bias) {
    const Descriptor& bias = keep(tensor(kB, {1, 1, 1, p.y[3]}));
    const Descriptor& biased = keep(tensor(p.relu ? kBiased : kY, p.y, p.relu));
    then(CUDNN_POINTWISE_ADD, &bias, biased);
  }
  if (p.relu) then(CUDNN_POINTWISE_RELU_FWD, nullptr, keep(tensor(kY, p.y)));
  g.graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, operations)
      .finalize("building the graph");
  return g;
}

// --- Engines ----------------------------------------------------------------------------------

// Whether an engine gives the same bits in every run, and all 24 bits of f32.
bool acceptable(const Descriptor& config, std::string& name) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  std::vector<cudnnBackendDescriptor_t> raw{engine.raw()};
  int64_t count = 0;
  check(library().get(config.raw(), CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                      &count, raw.data()),
        "reading an engine");
  const auto index = engine.get<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1);
  name = index.empty() ? "unknown" : fmt::format("engine {}", index[0]);
  for (const auto note : engine.get<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                                                 CUDNN_TYPE_NUMERICAL_NOTE,
                                                                 CUDNN_NUMERICAL_NOTE_TYPE_COUNT))
    if (note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC ||
        note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS ||
        note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE)  // of f32: TF32
      return false;
  return true;
}

struct Candidate {
  std::string engine;
  Descriptor plan;
  size_t workspace;
};

std::vector<Candidate> candidates_of(const Graph& graph) {
  std::vector<Candidate> found;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph.graph)
        .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, std::vector{mode})
        .set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, target().device);
    if (library().finalize(heuristics.raw()) != CUDNN_STATUS_SUCCESS) continue;
    int64_t count = 0;
    check(library().get(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                        CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
          "counting engines");
    std::vector<Descriptor> configs;
    std::vector<cudnnBackendDescriptor_t> raw;
    for (int64_t i = 0; i < count; i++) {
      configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
      raw.push_back(configs.back().raw());
    }
    check(library().get(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                        CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count, raw.data()),
          "reading engines");
    for (int64_t i = 0; i < count; i++) {
      std::string engine;
      if (!acceptable(configs[i], engine)) continue;
      Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configs[i])
          .set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, target().device);
      if (library().finalize(plan.raw()) != CUDNN_STATUS_SUCCESS) continue;  // offered, not able
      const auto bytes =
          plan.get<int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1);
      const size_t workspace = bytes.empty() ? 0 : static_cast<size_t>(bytes[0]);
      if (workspace <= kMostWorkspace) found.push_back({engine, std::move(plan), workspace});
    }
    if (!found.empty()) break;  // the fallback engines are for want of others
  }
  return found;
}

class Planned : public Routine {
 public:
  Planned(Descriptor plan, size_t workspace, std::vector<int64_t> uids)
      : plan_(std::move(plan)), workspace_(workspace), uids_(std::move(uids)) {
    pointers_.resize(uids_.size());
  }

  size_t workspace_bytes() const override { return workspace_; }

  // The variant pack is made anew: cuDNN reads it during the call only. It is the one allocation.
  void run(void* stream, std::initializer_list<const void*> data, void* workspace) override {
    std::transform(data.begin(), data.end(), pointers_.begin(),
                   [](const void* p) { return const_cast<void*>(p); });
    Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, uids_)
        .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers_)
        .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, std::vector{workspace})
        .finalize("packing a call's arguments");
    check(library().set_stream(handle(), static_cast<cudaStream_t>(stream)), "setting the stream");
    check(library().execute(handle(), plan_.raw(), pack.raw()), "a convolution");
  }

 private:
  Descriptor plan_;
  size_t workspace_;
  std::vector<int64_t> uids_;
  std::vector<void*> pointers_;
};

// Operands in the order of cuda_libraries.h.
std::vector<int64_t> uids_of(const Convolution& p) {
  switch (p.direction) {
    case Direction::forward:
      return p.bias ? std::vector<int64_t>{kX, kW, kY, kB} : std::vector<int64_t>{kX, kW, kY};
    case Direction::backward_data:
      return {kY, kW, kX};
    case Direction::backward_weights:
      break;
  }
  return {kX, kY, kW};
}

// Median seconds of a call on memory of its own.
double time_candidate(const Convolution& p, Planned& routine) {
  const Buffer x(Device::cuda, p.x.count() * sizeof(float)),
      w(Device::cuda, p.w.count() * sizeof(float)), y(Device::cuda, p.y.count() * sizeof(float)),
      b(Device::cuda, p.y[3] * sizeof(float)), space(Device::cuda, routine.workspace_bytes());
  const auto run = [&] {
    switch (p.direction) {
      case Direction::forward:
        if (p.bias)
          routine.run(nullptr, {x.data(), w.data(), y.data(), b.data()}, space.data());
        else
          routine.run(nullptr, {x.data(), w.data(), y.data()}, space.data());
        break;
      case Direction::backward_data:
        routine.run(nullptr, {y.data(), w.data(), x.data()}, space.data());
        break;
      case Direction::backward_weights:
        routine.run(nullptr, {x.data(), y.data(), w.data()}, space.data());
        break;
    }
  };
  run();
  cudaEvent_t begin = nullptr, end = nullptr;
  DAE_CUDA_CHECK(cudaEventCreate(&begin));
  DAE_CUDA_CHECK(cudaEventCreate(&end));
  std::vector<float> milliseconds;
  for (int i = 0; i < kTimedRuns; i++) {
    DAE_CUDA_CHECK(cudaEventRecord(begin, nullptr));
    run();
    DAE_CUDA_CHECK(cudaEventRecord(end, nullptr));
    DAE_CUDA_CHECK(cudaEventSynchronize(end));
    float took = 0;
    DAE_CUDA_CHECK(cudaEventElapsedTime(&took, begin, end));
    milliseconds.push_back(took);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  std::nth_element(milliseconds.begin(), milliseconds.begin() + kTimedRuns / 2, milliseconds.end());
  return milliseconds[kTimedRuns / 2] * 1e-3;
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

const std::vector<Choice>& choices() {
  return choices_made();
}

int64_t version() {
  return static_cast<int64_t>(library().version());
}

std::shared_ptr<Routine> plan(const Convolution& problem) {
  const Graph graph = graph_of(problem);
  std::vector<Candidate> candidates = candidates_of(graph);
  if (candidates.empty())
    fail("cuDNN {} offers no deterministic f32 engine for {}", version(), describe(problem));
  std::shared_ptr<Planned> best;
  Choice choice{.problem = describe(problem),
                .engine = {},
                .candidates = static_cast<int>(candidates.size())};
  for (size_t i = 0; i < candidates.size() && i < (target().present ? kMostTimed : 1); i++) {
    auto routine = std::make_shared<Planned>(std::move(candidates[i].plan), candidates[i].workspace,
                                             uids_of(problem));
    const double seconds = target().present ? time_candidate(problem, *routine) : 0;
    if (best && seconds >= choice.seconds) continue;
    best = routine;
    choice.engine = candidates[i].engine;
    choice.workspace = candidates[i].workspace;
    choice.seconds = seconds;
  }
  choices_made().push_back(choice);
  return best;
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
const std::vector<Choice>& choices() {
  static const std::vector<Choice> none;
  return none;
}
int64_t version() {
  fail_without_cudnn();
}
std::shared_ptr<Routine> plan(const cuda_libraries::Convolution&) {
  fail_without_cudnn();
}

}  // namespace dae::cudnn

#endif
