// The graph that cuDNN is given for a convolution of kernels/layers/cuda_libraries.h and what is
// fused with it. Included only where there is a cudnn_graph.h.
#pragma once

#include <vector>

#include "kernels/layers/cuda_libraries.h"
#include "kernels/layers/cudnn_backend.h"

namespace dae::cudnn {

// The operations, and all descriptors they refer to.
struct Graph {
  std::vector<Descriptor> kept;
  Descriptor graph{CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR};
};
Graph graph_of(const cuda_libraries::Convolution& problem);

// By which numbers the graph knows a problem's operands, in the order of cuda_libraries.h.
std::vector<int64_t> uids_of(const cuda_libraries::Convolution& problem);

}  // namespace dae::cudnn
