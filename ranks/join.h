// Joining: how a program finds that it was launched as one of several, and the others.
#pragma once

#include <memory>
#include <optional>

#include "ranks/tcp_communicator.h"
#include "runtime/communicator.h"

namespace dae {

// How this process was launched, as mpirun, srun and torchrun say in the environment.
struct Launch {
  int rank = 0, size = 1;
  bool by_mpi = false;  // of MPI's kind, or of PMIx, by which MPI is told
  // MASTER_ADDR and MASTER_PORT: torchrun's, Kubernetes' training operators', a script's own. Where torchrun's agent
  // has the port itself (TORCHELASTIC_USE_AGENT_STORE), the next one.
  std::optional<MeetingPoint> point;
};
Launch launch_of_environment();

// The ranks that this process was launched as one of, which MPI connects where it launched them and is there, else
// TCP; null where it is alone. One that gives no sign of life for `patience` seconds is given up, and one that has
// not come to the meeting point for five times as long, since pods and nodes start one after the other. Throws
// Error saying what to do where others were launched that it cannot reach.
std::unique_ptr<Communicator> join_ranks(double patience);

inline constexpr double kLeastPatience = 5;  // signs come every second

}  // namespace dae
