// The engines of cuDNN and cuBLASLt that earlier processes chose on this machine: measuring them
// takes most of a GPU program's start, and two measurements may choose differently. They stand in
// engines.jsonl in the cache folder, a JSON object a line: the GPU and versions it holds for, the
// problem, the engine. The file may be deleted, copied to a machine of the same kind, or written by
// several processes at once.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "kernels/layers/engines.h"
#include "runtime/queue.h"

namespace dae {

// What is planned on the GPU from here on takes the engines that the file has for it, and adds what
// it has to choose; what cuDNN compiled lies beside (record/plan_file.h). Throws Error when there is no GPU. A
// file that cannot be read or written costs the time of choosing anew, no more.
void share_engines();

// What networks are to be computed on from here on; on a GPU its engines are shared. Throws
// FieldError of `device`, saying why, when it cannot be.
void use_for_networks(Device device);

// The lines of a file that are of this `machine`, the last of a problem last. What is damaged or
// cut off is passed over.
std::vector<cuda_libraries::Choice> read_engines(const std::filesystem::path& path,
                                                 const nlohmann::json& machine);
void add_engine(const std::filesystem::path& path, const nlohmann::json& machine,
                const cuda_libraries::Choice& choice);

}  // namespace dae
