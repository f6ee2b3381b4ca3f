// mma/FORM/SHAPE/ours and .../cudnn: what this project's kernels on tensor cores compute at once,
// and the same by cuDNN's engines and the kernels between them, which are what the plan chooses from
// (model/residual_form.h, kernels/layers/mma_candidates.h). SHAPE is the map's: the two levels of
// the unet that such kernels are for. On a GPU in bf16 alone. Bytes are those that `ours` must move.
#include <fmt/core.h>

#include <deque>

#include "kernels/activation.h"
#include "kernels/bias.h"
#include "kernels/conv3x3_mma.h"
#include "kernels/conv3x3_mma_weights.h"
#include "kernels/layers/cuda_libraries.h"
#include "kernels/layers/engines.h"
#include "kernels/partial_sums.h"
#include "kernels/residual_block.h"
#include "profiling/bench.h"
#include "runtime/varied_buffer.h"

namespace dae {
namespace {

using cuda_libraries::Convolution;
using cuda_libraries::Direction;
using Call = std::function<void(const Queue&)>;

// Tensors, and routines with their workspaces, for as long as one benchmark runs.
class Bench {
 public:
  explicit Bench(const Shape& map) : map_(map), filters_{map[3], 3, 3, map[3]} {}

  Tensor tensor(const Shape& shape, DType dtype = DType::bf16) {
    memory_.push_back(varied_buffer(Device::cuda, shape.count(), dtype));
    return {memory_.back().data(), shape, dtype};
  }
  Tensor map() { return tensor(map_); }
  Tensor filters() { return tensor(filters_); }
  Tensor biases() { return tensor({map_[3]}); }

  Convolution problem(Direction direction) const {
    return {.direction = direction, .x = map_, .w = filters_, .y = map_, .dtype = DType::bf16};
  }
  // A call of the library's routine on these operands.
  Call call(const std::shared_ptr<Routine>& routine, const std::vector<Tensor>& operands) {
    memory_.emplace_back(Device::cuda, routine->workspace_bytes());
    void* const workspace = memory_.back().data();
    std::vector<const void*> data;
    for (const Tensor& operand : operands) data.push_back(operand.data);
    return [=](const Queue& q) { routine->run(q.stream, data, workspace); };
  }
  Call forward(bool addend, bool relu, const std::vector<Tensor>& operands) {
    Convolution p = problem(Direction::forward);
    p.bias = true;
    p.addend = addend;
    p.relu = relu;
    return call(cuda_libraries::plan_by_library(p), operands);
  }
  Call gradient(Direction direction, const std::vector<Tensor>& operands) {
    return call(cuda_libraries::plan_by_library(problem(direction)), operands);
  }

 private:
  Shape map_, filters_;
  std::deque<Buffer> memory_;
};

struct Form {
  const char* name;
  int maps, filters;  // moved by `ours`, each once
  int convolutions;   // whose operations it takes
  std::function<Call(Bench&)> ours, cudnn;
  bool (*suits)(const Shape& map) = nullptr;  // where it is not for all maps
};

// From h and dy to dh, dx and the sums of both over pixels, and the filters' gradient by h and dy where it is asked for.
Call gradients_by_us(Bench& b, bool filters) {
  const Tensor dy = b.map(), h = b.map(), dh = b.map(), dx = b.map(), w1 = b.filters(),
               w2 = b.filters(), sums = b.tensor(residual_block_sums(dy.shape), DType::f32);
  if (!filters)
    return [=](const Queue& q) { residual_block_backward(q, dy, w1, w2, h, dh, dx, sums); };
  const Tensor filter_sums = b.tensor(residual_block_filter_sums(dy.shape), DType::f32),
               dw2 = b.tensor({w2.shape.count()});
  return [=](const Queue& q) {
    residual_block_backward(q, dy, w1, w2, h, dh, dx, sums, filter_sums);
    const PartialSum all[] = {{filter_sums, dw2}};
    sum_partials(q, all);
  };
}

// The same by cuDNN's engines and the kernels between them.
Call gradients_by_cudnn(Bench& b, bool filters) {
  const Tensor dy = b.map(), h = b.map(), dh = b.map(), dx = b.map(),
               sums = b.tensor(bias_backward_sums(dy.shape), DType::f32);
  const Call first = b.gradient(Direction::backward_data, {dy, b.filters(), dh}),
             second = b.gradient(Direction::backward_data, {dh, b.filters(), dx}),
             of_filters = filters ? b.gradient(Direction::backward_weights, {h, dy, b.filters()})
                                  : [](const Queue&) {};
  return [=](const Queue& q) {
    first(q);
    relu_bias_backward(q, h, dh, {}, true, sums);
    second(q);
    add(q, dy, dx);
    relu_bias_backward(q, {}, dx, {}, false, sums);
    of_filters(q);
  };
}

const std::vector<Form>& forms() {
  static const std::vector<Form> all = {
      {"conv+bias+relu", 2, 1, 1,
       [](Bench& b) -> Call {
         return [x = b.map(), w = b.filters(), bias = b.biases(), y = b.map()](const Queue& q) {
           conv3x3_mma(q, x, w, bias, y, true);
         };
       },
       [](Bench& b) {
         return b.forward(false, true, {b.map(), b.filters(), b.map(), b.biases()});
       }},
      {"wgrad", 2, 1, 1,
       [](Bench& b) -> Call {
         const Tensor x = b.map(), dy = b.map(), dw = b.filters(),
                      workspace =
                          b.tensor({conv3x3_mma_weights_workspace_count(x.shape)}, DType::f32);
         return [=](const Queue& q) { conv3x3_mma_weights(q, x, dy, dw, workspace); };
       },
       [](Bench& b) {
         return b.gradient(Direction::backward_weights, {b.map(), b.map(), b.filters()});
       }},
      {"residual_block", 3, 2, 2,
       [](Bench& b) -> Call {
         const Tensor x = b.map(), h = b.map(), y = b.map(), w1 = b.filters(), b1 = b.biases(),
                      w2 = b.filters(), b2 = b.biases();
         return [=](const Queue& q) { residual_block(q, x, w1, b1, w2, b2, h, y); };
       },
       [](Bench& b) -> Call {
         const Tensor x = b.map(), h = b.map();
         const Call first = b.forward(false, true, {x, b.filters(), h, b.biases()}),
                    second = b.forward(true, false, {h, b.filters(), b.map(), b.biases(), x});
         return [=](const Queue& q) {
           first(q);
           second(q);
         };
       }},
      {"residual_block_backward", 4, 2, 2, [](Bench& b) { return gradients_by_us(b, false); },
       [](Bench& b) { return gradients_by_cudnn(b, false); }},
      {"residual_block_backward+wgrad", 4, 3, 3, [](Bench& b) { return gradients_by_us(b, true); },
       [](Bench& b) { return gradients_by_cudnn(b, true); }, suits_filter_sums}};
  return all;
}

void time_form(benchmark::State& state, const BenchOptions& options, const Form& form,
               const Shape& map, bool ours) {
  Bench bench(map);
  try {
    time_op(state, options, (ours ? form.ours : form.cudnn)(bench));
  } catch (const cuda_libraries::NoEngine& error) {
    state.SkipWithError(error.what());
    return;
  }
  const auto elements = static_cast<double>(map.count()), channels = static_cast<double>(map[3]),
             filters = 9 * channels * channels;
  report_roofline(state, options, 2 * (form.maps * elements + form.filters * filters),
                  form.convolutions * 2 * elements / channels * filters);
}

}  // namespace

void register_mma_benchmarks(const BenchOptions& options) {
  if (options.device == Device::cpu || options.dtype != DType::bf16) return;
  for (int level = 0; level < 2 && options.size >> level >= 8; level++) {
    const int64_t side = options.size >> level, channels = int64_t{32} << level;
    const Shape map = {options.batch, side, side, channels};
    for (const Form& form : forms()) {
      if (form.suits && !form.suits(map)) continue;
      for (const bool ours : {true, false})
        configure_op(
            benchmark::RegisterBenchmark(
                fmt::format("mma/{}/{}/{}", form.name, to_string(map), ours ? "ours" : "cudnn")
                    .c_str(),
                [=, &form](benchmark::State& state) {
                  time_form(state, options, form, map, ours);
                }),
            options);
    }
  }
}

}  // namespace dae
