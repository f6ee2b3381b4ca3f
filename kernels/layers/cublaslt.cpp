#include "kernels/layers/cublaslt.h"

#include "runtime/error.h"

#ifdef DAE_HAS_CUDA
#include <cublasLt.h>

#include <map>
#include <string>
#include <vector>

#include "kernels/layers/cuda_timer.h"
#include "kernels/layers/engines.h"
#include "runtime/device.h"
#include "runtime/memory.h"
#include "runtime/shared_library.h"
#include "runtime/varied_buffer.h"

#define DAE_STRING(text) #text
#define DAE_SONAME(major) "libcublasLt.so." DAE_STRING(major)

namespace dae::cublaslt {
namespace {

using cuda_libraries::Dense;
using cuda_libraries::Direction;

constexpr size_t kMostWorkspace = size_t{32} << 20;
constexpr int kMostOffered = 16, kTimedRuns = 5;
constexpr uint32_t kAlignment = 16;  // bytes, of every operand

struct Library {
  decltype(&::cublasLtCreate) create = nullptr;
  decltype(&::cublasLtMatmul) matmul = nullptr;
  decltype(&::cublasLtMatmulDescCreate) desc_create = nullptr;
  decltype(&::cublasLtMatmulDescDestroy) desc_destroy = nullptr;
  decltype(&::cublasLtMatmulDescSetAttribute) desc_set = nullptr;
  decltype(&::cublasLtMatrixLayoutCreate) layout_create = nullptr;
  decltype(&::cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
  decltype(&::cublasLtMatmulPreferenceCreate) preference_create = nullptr;
  decltype(&::cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
  decltype(&::cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;
  decltype(&::cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&::cublasLtMatmulAlgoConfigGetAttribute) algo_get = nullptr;
  decltype(&::cublasLtGetStatusString) status_string = nullptr;
  decltype(&::cublasLtGetVersion) version = nullptr;
};

const Library& library() {
  static const Library the = [] {
    const SharedLibrary so(DAE_SONAME(CUBLAS_VER_MAJOR), "cuBLAS");
    Library l;
    so.load(l.create, "cublasLtCreate");
    so.load(l.matmul, "cublasLtMatmul");
    so.load(l.desc_create, "cublasLtMatmulDescCreate");
    so.load(l.desc_destroy, "cublasLtMatmulDescDestroy");
    so.load(l.desc_set, "cublasLtMatmulDescSetAttribute");
    so.load(l.layout_create, "cublasLtMatrixLayoutCreate");
    so.load(l.layout_destroy, "cublasLtMatrixLayoutDestroy");
    so.load(l.preference_create, "cublasLtMatmulPreferenceCreate");
    so.load(l.preference_destroy, "cublasLtMatmulPreferenceDestroy");
    so.load(l.preference_set, "cublasLtMatmulPreferenceSetAttribute");
    so.load(l.heuristic, "cublasLtMatmulAlgoGetHeuristic");
    so.load(l.algo_get, "cublasLtMatmulAlgoConfigGetAttribute");
    so.load(l.status_string, "cublasLtGetStatusString");
    so.load(l.version, "cublasLtGetVersion");
    return l;
  }();
  return the;
}

void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    fail("cuBLASLt: {} failed: {}", what, library().status_string(status));
}

cublasLtHandle_t handle() {
  static const cublasLtHandle_t the = [] {
    cublasLtHandle_t made = nullptr;
    check(library().create(&made), "making a handle");
    return made;
  }();
  return the;
}

cudaDataType_t type_of(DType dtype) {
  return dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

// cuBLASLt's matrices are column-major, so each is the transpose of ours, whose rows are its
// columns: with W = w^T {inputs, outputs}, X = x^T {inputs, batch} and Y = y^T {outputs, batch},
//   forward           Y = W^T X
//   backward_data     dX = W dY
//   backward_weights  dW = X dY^T
struct Matrix {
  int64_t rows, columns;
};
struct Product {
  Matrix a, b, d;
  cublasOperation_t transpose_a, transpose_b;
};
Product product_of(const Dense& p) {
  const Matrix w{p.inputs, p.outputs}, x{p.inputs, p.batch}, y{p.outputs, p.batch};
  switch (p.direction) {
    case Direction::forward:
      return {w, x, y, CUBLAS_OP_T, CUBLAS_OP_N};
    case Direction::backward_data:
      return {w, y, x, CUBLAS_OP_N, CUBLAS_OP_N};
    case Direction::backward_weights:
      break;
  }
  return {x, y, w, CUBLAS_OP_N, CUBLAS_OP_T};
}

std::string describe(const Dense& p) {
  return fmt::format("{} of {} {} rows of {} to {}{}{}", in_words(p.direction), name_of(p.dtype),
                     p.batch, p.inputs, p.outputs, p.bias ? ", bias" : "", p.relu ? ", ReLU" : "");
}

// A product's descriptors, and the way to compute it that was chosen. Shared by layers with one
// problem, but for the bias, whose address is part of the descriptor.
class Planned : public Routine {
 public:
  explicit Planned(const Dense& problem) : problem_(problem), name_(describe(problem)) {
    const Library& l = library();
    const Product product = product_of(problem);
    check(l.desc_create(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F), "describing a product");
    set(CUBLASLT_MATMUL_DESC_TRANSA, product.transpose_a);
    set(CUBLASLT_MATMUL_DESC_TRANSB, product.transpose_b);
    if (problem.bias) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE,
          problem.relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS);
      set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, static_cast<int32_t>(type_of(problem.dtype)));
      // An address that is aligned as biases are, while algorithms are asked for: they may depend
      // on it. run() sets the real one.
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, reinterpret_cast<const void*>(uintptr_t{kAlignment}));
    }
    a_ = layout(product.a);
    b_ = layout(product.b);
    d_ = layout(product.d);
  }
  ~Planned() override {
    const Library& l = library();
    if (operation_) l.desc_destroy(operation_);
    for (const cublasLtMatrixLayout_t matrix : {a_, b_, d_})
      if (matrix) l.layout_destroy(matrix);
  }
  Planned(const Planned&) = delete;
  Planned& operator=(const Planned&) = delete;

  std::vector<cublasLtMatmulHeuristicResult_t> offers() const {
    const Library& l = library();
    cublasLtMatmulPreference_t preference = nullptr;
    check(l.preference_create(&preference), "making a preference");
    // Not in place: there, the partial sums of a split are added as they come.
    const uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t name, const auto& value) {
      check(l.preference_set(preference, name, &value, sizeof(value)), "making a preference");
    };
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, schemes);
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kMostWorkspace);
    // Weights are slices of a flat buffer; left alone cuBLASLt counts on 256 bytes.
    for (const auto operand :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      prefer(operand, kAlignment);
    std::vector<cublasLtMatmulHeuristicResult_t> found(kMostOffered);
    int count = 0;
    const cublasStatus_t status = l.heuristic(handle(), operation_, a_, b_, d_, d_, preference,
                                              kMostOffered, found.data(), &count);
    l.preference_destroy(preference);
    check(status, "asking for algorithms");
    found.resize(static_cast<size_t>(count));
    std::erase_if(found, [](const auto& offer) { return offer.state != CUBLAS_STATUS_SUCCESS; });
    return found;
  }
  void use(const cublasLtMatmulHeuristicResult_t& offer) { chosen_ = offer; }

  size_t workspace_bytes() const override { return chosen_.workspaceSize; }

  using Routine::run;
  void run(void* stream, std::span<const void* const> operand, void* workspace) override {
    if (operand.size() < (problem_.bias ? 4 : 3))
      fail("cuBLASLt: {} was given {} operands", name_, operand.size());
    // Ours are x, w, y | dy, w, dx | x, dy, dw; cuBLASLt's a and b as product_of() has them.
    const bool weights_first = problem_.direction != Direction::backward_weights;
    const void *const a = operand[weights_first ? 1 : 0], *const b = operand[weights_first ? 0 : 1];
    if (problem_.bias) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, operand[3]);
    const float one = 1, zero = 0;
    void* const d = const_cast<void*>(operand[2]);
    check(library().matmul(handle(), operation_, &one, a, a_, b, b_, &zero, d, d_, d, d_,
                           &chosen_.algo, workspace, chosen_.workspaceSize,
                           static_cast<cudaStream_t>(stream)),
          name_.c_str());
  }

 private:
  template <class T>
  void set(cublasLtMatmulDescAttributes_t name, T value) {
    check(library().desc_set(operation_, name, &value, sizeof(value)), "describing a product");
  }
  cublasLtMatrixLayout_t layout(const Matrix& m) const {
    cublasLtMatrixLayout_t made = nullptr;
    check(library().layout_create(&made, type_of(problem_.dtype), static_cast<uint64_t>(m.rows),
                                  static_cast<uint64_t>(m.columns), m.rows),
          "describing a matrix");
    return made;
  }

  Dense problem_;
  std::string name_;  // for errors
  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t a_ = nullptr, b_ = nullptr, d_ = nullptr;
  cublasLtMatmulHeuristicResult_t chosen_ = {};
};

std::string name_of(const cublasLtMatmulAlgo_t& algo) {
  const auto get = [&](cublasLtMatmulAlgoConfigAttributes_t name) {
    int32_t value = -1;
    size_t written = 0;
    library().algo_get(&algo, name, &value, sizeof(value), &written);
    return value;
  };
  // All that tells one algorithm from another: a recorded name stands for the same bits.
  return fmt::format(
      "algorithm {}, tile {}, stages {}, split {}, sum {}, swizzle {}, option {}, shape {}, "
      "cluster {}",
      get(CUBLASLT_ALGO_CONFIG_ID), get(CUBLASLT_ALGO_CONFIG_TILE_ID),
      get(CUBLASLT_ALGO_CONFIG_STAGES_ID), get(CUBLASLT_ALGO_CONFIG_SPLITK_NUM),
      get(CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME), get(CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING),
      get(CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION), get(CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID),
      get(CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID));
}

// Memory for a product's operands, in the order of cuda_libraries.h.
std::vector<Buffer> operands_for(const Dense& p) {
  const int64_t x = p.batch * p.inputs, w = p.inputs * p.outputs, y = p.batch * p.outputs;
  std::vector<int64_t> counts = p.direction == Direction::forward         ? std::vector{x, w, y}
                                : p.direction == Direction::backward_data ? std::vector{y, w, x}
                                                                          : std::vector{x, y, w};
  if (p.bias) counts.push_back(p.outputs);
  std::vector<Buffer> operands;
  for (const int64_t count : counts)
    operands.push_back(varied_buffer(Device::cuda, count, p.dtype));
  return operands;
}

}  // namespace

std::shared_ptr<Routine> plan(const Dense& problem) {
  static std::map<std::string, cublasLtMatmulHeuristicResult_t> chosen;
  const std::string name = describe(problem);
  auto routine = std::make_shared<Planned>(problem);
  if (!cuda_available()) return routine;  // planning can be tested, running it cannot
  auto known = chosen.find(name);
  if (known == chosen.end()) {
    const std::vector<cublasLtMatmulHeuristicResult_t> offers = routine->offers();
    if (offers.empty())
      throw cuda_libraries::NoEngine(fmt::format("cuBLASLt offers no algorithm for {}", name));
    std::vector<Buffer> operands;  // made when the first is timed
    cuda_libraries::Candidates candidates;
    for (const auto& offer : offers) candidates.offered.push_back({name_of(offer.algo)});
    candidates.build = [&](size_t i) {
      routine->use(offers[i]);
      return offers[i].workspaceSize;
    };
    candidates.time = [&](size_t) {
      if (operands.empty()) operands = operands_for(problem);
      return cuda::median_seconds(kTimedRuns, *routine, operands);
    };
    known =
        chosen.emplace(name, offers[cuda_libraries::choose("cuBLASLt " + name, candidates)]).first;
  }
  routine->use(known->second);
  return routine;
}

void open() {
  library();
}

int64_t version() {
  return static_cast<int64_t>(library().version());
}

}  // namespace dae::cublaslt

#else

namespace dae::cublaslt {

void open() {
  fail("this build has no CUDA part: build it where nvcc is, or use the CPU");
}
int64_t version() {
  open();
  return 0;
}
std::shared_ptr<Routine> plan(const cuda_libraries::Dense&) {
  open();
  return nullptr;
}

}  // namespace dae::cublaslt

#endif
