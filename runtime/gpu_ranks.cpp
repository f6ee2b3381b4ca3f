#include "runtime/gpu_ranks.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <vector>

#include "runtime/device.h"
#include "runtime/error.h"

namespace dae {
namespace {

constexpr std::chrono::seconds kOthersSpeakWithin(10);  // tools/program.cpp: one after the other

using Line = std::array<char, 64>;

// A launcher may show each process a GPU of its own, so it is told by what it is called on its bus.
void take_own_gpu(Communicator& ranks) {
  const std::string here = ranks.machine(ranks.rank());
  int before = 0;  // ranks of this machine
  for (int rank = 0; rank < ranks.rank(); rank++) before += ranks.machine(rank) == here;
  use_gpu(before % std::max(count_gpus(), 1));
  std::vector<Line> gpus(static_cast<size_t>(ranks.size()));
  Line& own = gpus[static_cast<size_t>(ranks.rank())];
  current_gpu_on_bus().copy(own.data(), own.size() - 1);
  tell_each_other(ranks, gpus.data(), sizeof(Line));
  for (int b = 0; b < ranks.size(); b++)
    for (int a = 0; a < b; a++)
      if (ranks.machine(a) == ranks.machine(b) &&
          gpus[static_cast<size_t>(a)] == gpus[static_cast<size_t>(b)])
        fail(
            "{} and rank {} would share a GPU, of which each rank needs one: launch no more ranks "
            "on a machine than it has GPUs, or give --device cpu",
            describe(ranks, a), b);
}

}  // namespace

GpuRanks::GpuRanks(Communicator& ranks) : ranks_(ranks) {
  take_own_gpu(ranks);
  const nccl::Library& library = nccl::library();
  nccl::UniqueId id{};
  if (ranks.rank() == 0) check(library.get_unique_id(&id), "to find a meeting point");
  broadcast(ranks, &id, sizeof(id));
  check(library.init_rank(&nccl_, ranks.size(), id, ranks.rank()), "to meet");
}

// The end of NCCL's own is a meeting, to which ranks whose work was cut short do not come.
GpuRanks::~GpuRanks() {
  if (std::uncaught_exceptions() > exceptions_) abort();
  if (nccl_) nccl::library().destroy(nccl_);
}

void GpuRanks::exchange(std::span<const Message> give, std::span<const Message> take,
                        void* stream) {
  const nccl::Library& library = nccl::library();
  check(library.group_start(), "to exchange");
  for (const Message& m : take)
    check(library.receive(m.data, m.bytes, nccl::kBytes, m.peer, nccl_, stream), "to receive");
  for (const Message& m : give)
    check(library.send(m.data, m.bytes, nccl::kBytes, m.peer, nccl_, stream), "to send");
  check(library.group_end(), "to exchange");
}

// NCCL may notice a rank that is gone before that has said what it has, and does not name it.
void GpuRanks::wait(const cuda::Event& event) {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> noticed;
  ranks_.await([&] {
    if (event.is_over()) return true;
    int error = nccl::kSuccess;
    check(nccl::library().async_error(nccl_, &error), "to go on");
    if (error == nccl::kSuccess || error == nccl::kInProgress) return false;
    if (!noticed) noticed = Clock::now();
    if (Clock::now() - *noticed > kOthersSpeakWithin) check(error, "to exchange");
    return false;
  });
}

void GpuRanks::abort() {
  if (nccl_) nccl::library().abort(nccl_);
  nccl_ = nullptr;
}

void GpuRanks::check(int status, const char* what) const {
  if (status == nccl::kSuccess) return;
  const nccl::Library& library = nccl::library();
  const char* const more = nccl_ ? library.last_error(nccl_) : nullptr;
  throw RankLost(
      fmt::format("NCCL: {}: {} {}", what, library.error_string(status), more ? more : ""));
}

}  // namespace dae
