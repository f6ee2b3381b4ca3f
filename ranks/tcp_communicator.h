// Ranks that reach each other by TCP alone, where a launcher says no more than where rank 0 is: torchrun, and
// what else sets MASTER_ADDR and MASTER_PORT. Whoever reaches that port while the ranks meet may take part, as with
// MPI and NCCL: it belongs into a cluster's own network (SECURITY.md).
#pragma once

#include <memory>
#include <string>

#include "runtime/communicator.h"

namespace dae {

struct MeetingPoint {
  std::string host;  // where rank 0 is, as the others reach it
  int port = 0;
};

// Returns once all `size` ranks have met; every one has two connections to every other, one of which carries the
// signs of life. Throws Error where rank 0 cannot listen there, and RankLost naming who has not come within `join_within` seconds; afterwards as join_ranks() says of `patience`.
std::unique_ptr<Communicator> join_by_tcp(int rank, int size, const MeetingPoint& point,
                                          double join_within, double patience);

}  // namespace dae
