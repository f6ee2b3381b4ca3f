// NCCL's C calls as runtime/gpu_ranks.cpp needs them, declared here, since Debian has no nccl.h: NVIDIA's has the
// same since version 2.13 (tests/runtime/nccl_test.cpp compares them where there is one).
#pragma once

#include <cstddef>

struct ncclComm;

namespace dae::nccl {

using Communicator = ncclComm*;
struct UniqueId {  // by which ranks find each other
  char bytes[128];
};
inline constexpr int kSuccess = 0, kInProgress = 7;  // of ncclResult_t
inline constexpr int kBytes = 1;                     // of ncclDataType_t: ncclUint8

struct Library {
  int (*get_unique_id)(UniqueId* id) = nullptr;
  int (*init_rank)(Communicator* made, int ranks, UniqueId id, int rank) = nullptr;
  int (*destroy)(Communicator of) = nullptr;
  int (*abort)(Communicator of) = nullptr;
  int (*async_error)(Communicator of, int* error) = nullptr;
  int (*group_start)() = nullptr;
  int (*group_end)() = nullptr;
  int (*send)(const void* from, size_t count, int type, int peer, Communicator by,
              void* stream) = nullptr;
  int (*receive)(void* to, size_t count, int type, int peer, Communicator by,
                 void* stream) = nullptr;
  const char* (*error_string)(int error) = nullptr;
  const char* (*last_error)(Communicator of) = nullptr;
};

// Opened by its soname on the first call; throws Error saying what to install when there is none. The tests'
// simulated GPU has one of its own.
const Library& library();

}  // namespace dae::nccl
