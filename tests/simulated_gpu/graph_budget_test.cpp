// How many nodes the graph of unet's training step has, against model/plan_budgets.json: its launches of kernels and its
// calls of libraries' engines, so that one more shows here. What engines launch beside their own kernel does not. Their
// number does not depend on sizes, so pictures are small.
//
// Simulated GPU: without sanitizers (it counts launches, of which those need more)
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "kernels/layers/mma_candidates.h"
#include "model/residual_form.h"
#include "tests/simulated_gpu/work.h"
#include "tests/support/form_in_use.h"
#include "tests/support/json_file.h"
#include "tests/support/sharded_run.h"
#include "train/step_pipeline.h"

namespace dae::test {
namespace {

// Of a step: half of a pair's.
int64_t nodes_of_step() {
  const Pictures pictures;
  TrainerConfig config;
  config.device = Device::cuda;
  config.network = {.size = 8, .dtype = DType::bf16};
  config.batch = 1;
  const auto trainer = make_trainer(config, pictures.sources);
  trainer->run(2);
  trainer->run(2);  // captures the graph
  const cuda::Graph& graph = dynamic_cast<const StepPipeline&>(*trainer).graph();
  const auto nodes =
      static_cast<int64_t>(static_cast<cudaGraphExec_t>(graph.get())->graph.nodes.size());
  EXPECT_EQ(nodes % 2, 0);
  return nodes / 2;
}

void expect_kept(const std::string& name) {
  const nlohmann::json budgets =
      json_file(std::filesystem::path(DAE_SOURCE) / "model/plan_budgets.json");
  EXPECT_EQ(nodes_of_step(), budgets.at(name).at("nodes").get<int64_t>()) << name;
}

TEST(SimulatedGraphBudget, IsKept) {
  expect_kept("unet on cuda");
}

TEST(SimulatedGraphBudget, IsKeptByOwnKernels) {
  nodes_of_step();  // plans what is to be exchanged
  const FormInUse use(kResidualWithFilters, mma::kEngine);
  expect_kept("unet on cuda, own kernels");
}

}  // namespace
}  // namespace dae::test
