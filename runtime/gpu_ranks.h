// The GPUs of a run's ranks, one each, and how they reach each other: by NCCL, which is opened here. What goes
// between them is work on a stream, with the same messages as Communicator::exchange(), and may be captured into
// a graph. Sums are made by our own kernels, in our own order: NCCL only carries.
#pragma once

#include <exception>
#include <span>

#include "runtime/communicator.h"
#include "runtime/nccl.h"
#include "runtime/stream.h"

namespace dae {

class GpuRanks {
 public:
  // All ranks make theirs together, before they use a GPU: from here on the current device of the calling thread
  // is this rank's, by its place among the ranks of its machine. Throws Error, the same on all ranks, when two of
  // them would share one.
  explicit GpuRanks(Communicator& ranks);
  // Once all work that exchanges is over; while an error ends the rank, whenever.
  ~GpuRanks();
  GpuRanks(const GpuRanks&) = delete;
  GpuRanks& operator=(const GpuRanks&) = delete;

  // Enqueues it. Device memory; ranks enqueue exchanges in the same order.
  void exchange(std::span<const Message> give, std::span<const Message> take, void* stream);

  // The host waits for the event. Throws RankLost naming a rank that hangs, as Communicator::await() does, or
  // with NCCL's words.
  void wait(const cuda::Event& event);

  // Ends whatever a GPU waits for in vain; nothing is exchanged any more. Graphs that hold an exchange are
  // destroyed before: NCCL waits for them.
  void abort();

 private:
  void check(int status, const char* what) const;

  Communicator& ranks_;
  const int exceptions_ = std::uncaught_exceptions();
  nccl::Communicator nccl_ = nullptr;
};

}  // namespace dae
