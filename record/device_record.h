// What a run was computed on: recorded in config.json, and compared when the run is resumed, since
// another GPU, library or engine may round otherwise.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kernels/layers/engines.h"
#include "runtime/queue.h"

namespace dae {

// {"kind": "cpu"}, or {"kind": "cuda", "gpu", "driver", "runtime", "cudnn", "cublaslt", "engines"}:
// the engines of all convolutions and dense layers planned so far, by problem.
nlohmann::json describe_device(Device device);

// {"gpu", "driver", "runtime", "cudnn", "cublaslt"}: what the choice of an engine depends on.
// Throws Error when there is no GPU.
nlohmann::json describe_gpu_and_libraries();

// {"engine", "candidates", "workspace", "seconds"}.
nlohmann::json to_json(const cuda_libraries::Choice& choice);

// What is planned from here on takes the engines that a record holds, where they are still offered.
void reuse_engines(const nlohmann::json& then);

// What differs, a line each; empty when bits need not. A convolution that only one of them has is
// no difference. Records that lack a field, or are not there at all, differ in nothing.
std::vector<std::string> device_changes(const nlohmann::json& then, const nlohmann::json& now);

// The same of two descriptions by describe_build() (run_config.h) of what ran on a CPU: libraries,
// instruction set, threads.
std::vector<std::string> software_changes(const nlohmann::json& then, const nlohmann::json& now);

}  // namespace dae
