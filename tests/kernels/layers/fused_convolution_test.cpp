// What the GPU's libraries are asked to fuse with a gradient of feature maps
// (kernels/layers/cuda_libraries.h), each form against fp64 loops: by cuDNN on a GPU, by its
// stand-in on the simulated one. And the same one by one, where that is chosen from
// (kernels/layers/unfused.h).
#include "kernels/layers/cuda_libraries.h"
#include "kernels/layers/unfused.h"
#include "kernels/partial_sums.h"
#include "runtime/device.h"
#include "runtime/memory.h"
#include "tests/support/op_case.h"
#include "tests/support/reference_conv.h"

namespace dae::test {
namespace {

using cuda_libraries::Convolution;
using cuda_libraries::Direction;

const char* const kNames[] = {"in", "w", "result"};

std::string name_of_form(const Convolution& p) {
  const char* const convolution = p.direction == Direction::forward ? "back_up"
                                  : p.stride == 2                   ? "up"
                                                                    : "dgrad";
  return fmt::format("{}{}{}{}{}{}", convolution, p.addend ? "_add" : "", p.bias ? "_bias" : "",
                     p.relu ? "_relu" : "", p.gate ? "_gate" : "", p.sums ? "_sums" : "");
}

using Planner = std::shared_ptr<Routine> (*)(const Convolution&);

OpCase make_case(const Convolution& p, Planner plan) {
  OpCase made;
  made.gpu_only = true;
  made.name = name_of_form(p) + "_" + to_string(Tensor{nullptr, p.x});
  const std::vector<Tensor> operands = cuda_libraries::operands_of(p);
  std::vector<std::string> names(kNames, kNames + 3);
  if (p.bias) names.push_back("bias");
  if (p.addend) names.push_back("addend");
  if (p.gate) names.push_back("gate");
  if (p.sums) names.push_back("sums");
  for (size_t i = 0; i < names.size(); i++)
    made.args.push_back(
        {.name = names[i],
         .shape = names[i] == "sums" ? Shape{operands[i].shape[1]} : operands[i].shape,
         .role = i == 2 || names[i] == "sums" ? Role::out : Role::in});
  made.args[1].low = -0.1;
  made.args[1].high = 0.1;
  made.run = [p, plan](const Queue& q, const std::vector<Tensor>& t) {
    Convolution problem = p;
    problem.dtype = t[0].dtype;
    const std::shared_ptr<Routine> routine = plan(problem);
    const Buffer workspace(q.device, routine->workspace_bytes());
    std::vector<const void*> data;
    for (const Tensor& tensor : t) data.push_back(tensor.data);
    const Shape rows = p.sums ? Shape{routine->sum_rows(), t.back().shape[0]} : Shape{0};
    const Buffer left(q.device, static_cast<size_t>(rows.count()) * sizeof(float));
    if (p.sums) data.back() = left.data();
    routine->run(q.stream, data, workspace.data());
    if (p.sums) {
      EXPECT_LE(rows[0], cuda_libraries::operands_of(problem).back().shape[0]);
      const PartialSum sum[] = {{{left.data(), rows}, t.back()}};
      sum_partials(q, sum);
    }
    synchronize_device();  // before the workspace goes
  };
  made.reference = [p](std::vector<Values>& values) {
    ConvSpec spec{.x = p.x, .y = p.y};
    spec.kernel = static_cast<int>(p.w[1]);
    spec.stride = p.stride;
    spec.bias = false;
    const bool forward = p.direction == Direction::forward;
    Values& dx = values[2];
    dx = forward ? conv_forward(spec, values[0], values[1], {}, {})
                 : conv_backward_data(spec, values[0], values[1]);
    const auto channels = static_cast<size_t>(forward ? p.y[3] : p.x[3]);
    size_t next = 3;
    if (p.bias) {
      for (size_t i = 0; i < dx.size(); i++) dx[i] += values[next][i % channels];
      next++;
    }
    if (p.addend) {
      for (size_t i = 0; i < dx.size(); i++) dx[i] += values[next][i];
      next++;
    }
    for (double& value : dx)
      if (p.relu && value < 0) value = 0;
    if (p.gate) {
      for (size_t i = 0; i < dx.size(); i++)
        if (!(values[next][i] > 0)) dx[i] = 0;
      next++;
    }
    if (!p.sums) return;
    values[next].assign(channels, 0);
    for (size_t i = 0; i < dx.size(); i++) values[next][i % channels] += dx[i];
  };
  // Numbers below 4, of which a channel has some hundred.
  made.tolerance = {0.05, 1e-3,
                    "an engine may add what it has rounded to bf16, or what it has not"};
  return made;
}

std::vector<OpCase> cases() {
  const Convolution square{.direction = Direction::backward_data,
                           .x = {2, 10, 12, 32},
                           .w = {32, 3, 3, 32},
                           .y = {2, 10, 12, 32}};
  const Convolution wide{.direction = Direction::backward_data,
                         .x = {1, 16, 17, 64},
                         .w = {32, 3, 3, 64},
                         .y = {1, 16, 17, 32}};
  const Convolution up{.direction = Direction::backward_data,
                       .x = {2, 12, 16, 32},
                       .w = {64, 4, 4, 32},
                       .y = {2, 6, 8, 64},
                       .stride = 2};
  Convolution back_up = up;
  back_up.direction = Direction::forward;
  std::vector<Convolution> problems;
  // Each of these fields set, beside those that the base has.
  using Fields = std::vector<bool Convolution::*>;
  const auto add = [&](Convolution p, Fields fields) {
    for (bool Convolution::*const field : fields) p.*field = true;
    problems.push_back(p);
  };
  using C = Convolution;
  for (const Convolution& base : {square, wide})
    for (const Fields& fields :
         {Fields{&C::addend}, Fields{&C::gate}, Fields{&C::sums}, Fields{&C::gate, &C::sums},
          Fields{&C::addend, &C::sums}, Fields{&C::addend, &C::gate},
          Fields{&C::addend, &C::gate, &C::sums}})
      add(base, fields);
  for (const Fields& fields :
       {Fields{&C::bias}, Fields{&C::bias, &C::relu}, Fields{&C::bias, &C::addend},
        Fields{&C::bias, &C::addend, &C::relu}, Fields{&C::bias, &C::addend, &C::relu, &C::sums}})
    add(up, fields);
  for (const Fields& fields : {Fields{&C::sums}, Fields{&C::gate, &C::sums}}) add(back_up, fields);
  std::vector<OpCase> made;
  for (const Convolution& p : problems) {
    made.push_back(make_case(p, cuda_libraries::plan_by_library));
    if (unfused::candidates(p).empty()) continue;
    made.push_back(make_case(p, unfused::routine_of));
    made.back().name += "_one_by_one";
  }
  std::vector<OpCase> in_two_bytes;
  for (const OpCase& op_case : in_bf16(made, {"sums"}))
    if (op_case.args[0].dtype == DType::bf16) in_two_bytes.push_back(op_case);
  return in_two_bytes;
}

DAE_OP_TEST(FusedConvolution, cases());

}  // namespace
}  // namespace dae::test
