// The simulated NCCL: calls as the real one has them, of which it looks at every argument.
#include "runtime/nccl.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "tests/simulated_gpu/transfers.h"

struct ncclComm {
  std::shared_ptr<simulated::Member> member;
};

namespace simulated {
namespace {

using dae::nccl::Communicator;
using dae::nccl::kSuccess;
using dae::nccl::UniqueId;

constexpr int kUnhandledCudaError = 1, kInvalidArgument = 4, kInvalidUsage = 5, kRemoteError = 6;

// By the first bytes of the unique id.
std::map<uint64_t, std::shared_ptr<Clique>>& cliques() {
  static std::map<uint64_t, std::shared_ptr<Clique>> all;
  return all;
}

uint64_t number_of(const UniqueId& id) {
  uint64_t number = 0;
  std::memcpy(&number, id.bytes, sizeof(number));
  return number;
}

int get_unique_id(UniqueId* id) {
  const Turn turn;
  static uint64_t made = 0;
  made++;
  std::memcpy(id->bytes, &made, sizeof(made));
  cliques()[made] = std::make_shared<Clique>();
  return kSuccess;
}

int refuse(int status, const std::string& why) {
  report(why);
  return status;
}

// Returns when all ranks have come, as the real one does.
int init_rank(Communicator* made, int ranks, UniqueId id, int rank) {
  const Turn turn;
  const auto found = cliques().find(number_of(id));
  if (found == cliques().end() || rank < 0 || rank >= ranks)
    return refuse(kInvalidArgument, fmt::format("ncclCommInitRank: rank {} of {}", rank, ranks));
  const std::shared_ptr<Clique> clique = found->second;
  clique->members.resize(static_cast<size_t>(ranks));
  for (const auto& other : clique->members)
    if (other && (other->rank == rank || other->device == current_device()))
      return refuse(kInvalidUsage,
                    fmt::format("ncclCommInitRank: rank {} and rank {}, both on device {}",
                                other->rank, rank, current_device()));
  auto member = std::make_shared<Member>();
  member->rank = rank;
  member->device = current_device();
  member->owner = std::this_thread::get_id();
  member->clique = clique;
  clique->members[static_cast<size_t>(rank)] = member;
  *made = new ncclComm{member};
  something_changed();
  while (std::count(clique->members.begin(), clique->members.end(), nullptr) > 0) let_others();
  return kSuccess;
}

void leave(Communicator of) {
  Member& member = *of->member;
  for (const cudaGraphExec_t exec : state().graphs)
    for (const CUgraph_st::Node& node : exec->graph.nodes)
      if (node.transfer && node.transfer->member == of->member) {
        report(
            fmt::format("rank {}'s communicator goes, and waits for ever for a graph that holds "
                        "{}",
                        member.rank, node.name));
        break;
      }
  member.gone = true;
  Clique& clique = *member.clique;
  const bool all_gone = std::all_of(clique.members.begin(), clique.members.end(),
                                    [](const auto& m) { return m->gone; });
  if (all_gone) std::erase_if(cliques(), [&](const auto& c) { return c.second.get() == &clique; });
  delete of;
  something_changed();
}

int destroy(Communicator of) {
  const Turn turn;
  const Member& member = *of->member;
  for (const auto* const unmatched : {&member.clique->given, &member.clique->taken})
    for (const auto& [way, parts] : *unmatched)
      for (const auto& [transfer, part] : parts)
        if (transfer->member == of->member)
          report(fmt::format(
              "rank {}'s {}: what goes from rank {} to rank {} has never met the other side",
              member.rank, transfer->step.empty() ? "transfer" : transfer->step, way.first,
              way.second));
  leave(of);
  return kSuccess;
}

int abort(Communicator of) {
  const Turn turn;
  of->member->aborted = true;
  leave(of);
  return kSuccess;
}

int async_error(Communicator of, int* error) {
  const Turn turn;
  *error = state().devices[static_cast<size_t>(of->member->device)].broken ? kUnhandledCudaError
                                                                           : state().nccl_result;
  return kSuccess;
}

// --- Groups of calls --------------------------------------------------------------------------------

struct Group {
  int depth = 0;
  std::shared_ptr<Transfer> transfer;  // of all calls since it began
  cudaStream_t stream = nullptr;
};
thread_local Group group;

void check_overlaps(const Transfer& t, const std::string& name) {
  const auto meet = [](const Part& a, const Part& b) {
    return a.data < b.data + b.bytes && b.data < a.data + a.bytes;
  };
  for (size_t i = 0; i < t.takes.size(); i++) {
    for (const Part& given : t.gives)
      if (meet(given, t.takes[i]))
        report(fmt::format("{} receives into {}, which it also sends", name,
                           describe_address(t.takes[i].data)));
    for (size_t j = 0; j < i; j++)
      if (meet(t.takes[j], t.takes[i]))
        report(fmt::format("{} receives twice into {}", name, describe_address(t.takes[i].data)));
  }
}

// What the calls touch has to be among what the plan's step says it does.
void check_declared(const Access& access, const CUstream_st& stream, const std::string& name) {
  if (stream.announced.empty()) return;
  const auto* const begin = static_cast<const char*>(access.data);
  for (const Access& said : stream.accesses) {
    const auto* const from = static_cast<const char*>(said.data);
    if (begin >= from && begin + access.bytes <= from + said.bytes && said.write == access.write)
      return;
  }
  report(fmt::format("{} {} {}, which its step does not say", name,
                     access.write ? "writes" : "reads", describe_address(access.data)));
}

int enqueue_group() {
  const std::shared_ptr<Transfer> transfer = std::exchange(group.transfer, nullptr);
  if (!transfer) return kSuccess;
  if (broken()) return kUnhandledCudaError;
  CUstream_st* const stream = resolve(group.stream);
  const std::string call = "NCCL's transfer";
  if (!stream) return refuse(kInvalidArgument, call + " on a stream that does not exist");
  if (stream->device != transfer->member->device || !is_here(*stream, call))
    return refuse(kInvalidUsage,
                  fmt::format("{}: a communicator of device {} on stream {}, which is of device {}",
                              call, transfer->member->device, stream->number, stream->device));
  transfer->step = stream->announced;
  const std::string name = stream->announced.empty() ? call : stream->announced + " (" + call + ")";
  std::vector<Access> accesses = stream->accesses;
  const auto note = [&](const std::vector<Part>& parts, bool write) {
    for (const Part& part : parts) {
      accesses.push_back({part.data, part.bytes, write});
      check_declared(accesses.back(), *stream, name);
    }
  };
  note(transfer->gives, false);
  note(transfer->takes, true);
  check_overlaps(*transfer, name);
  enqueue(*stream, name, std::move(accesses), {}, transfer);
  return kSuccess;
}

int call(bool gives, void* data, size_t count, int type, int peer, Communicator by, void* stream) {
  const Turn turn;
  const char* const name = gives ? "ncclSend" : "ncclRecv";
  const Member& member = *by->member;
  if (peer < 0 || peer >= static_cast<int>(member.clique->members.size()) || peer == member.rank)
    return refuse(kInvalidArgument,
                  fmt::format("{}: rank {} has no peer {}", name, member.rank, peer));
  constexpr size_t kSizes[] = {1, 1, 4, 4, 8, 8, 2, 4, 8, 2};  // of ncclDataType_t
  if (type < 0 || type >= static_cast<int>(std::size(kSizes)))
    return refuse(kInvalidArgument, fmt::format("{}: there is no type {}", name, type));
  const size_t bytes = count * kSizes[type];
  if (!is_device_memory(data, bytes) || device_of(data) != member.device)
    return refuse(kInvalidArgument, fmt::format("{}: {} is not memory of device {}", name,
                                                describe_address(data), member.device));
  if (!group.transfer) {
    group.transfer = std::make_shared<Transfer>();
    group.transfer->member = by->member;
    group.stream = static_cast<cudaStream_t>(stream);
  } else if (group.transfer->member != by->member || group.stream != stream) {
    return refuse(kInvalidUsage, fmt::format("{}: a group of two communicators or streams", name));
  }
  Part part;
  part.peer = peer;
  part.data = static_cast<char*>(data);
  part.count = count;
  part.bytes = bytes;
  part.type = type;
  (gives ? group.transfer->gives : group.transfer->takes).push_back(std::move(part));
  return group.depth == 0 ? enqueue_group() : kSuccess;
}

int send(const void* from, size_t count, int type, int peer, Communicator by, void* stream) {
  return call(true, const_cast<void*>(from), count, type, peer, by, stream);
}
int receive(void* to, size_t count, int type, int peer, Communicator by, void* stream) {
  return call(false, to, count, type, peer, by, stream);
}
int group_start() {
  group.depth++;
  return kSuccess;
}
int group_end() {
  const Turn turn;
  if (group.depth == 0) return refuse(kInvalidUsage, "ncclGroupEnd: no group has begun");
  return --group.depth == 0 ? enqueue_group() : kSuccess;
}

const char* error_string(int error) {
  switch (error) {
    case kSuccess:
      return "no error";
    case kUnhandledCudaError:
      return "unhandled cuda error";
    case kInvalidArgument:
      return "invalid argument";
    case kRemoteError:
      return "remote process exited or there was a network error";
    default:
      return "invalid usage";
  }
}
const char* last_error(Communicator) {
  return "";
}

}  // namespace
}  // namespace simulated

namespace dae::nccl {

const Library& library() {
  static const Library the = {.get_unique_id = simulated::get_unique_id,
                              .init_rank = simulated::init_rank,
                              .destroy = simulated::destroy,
                              .abort = simulated::abort,
                              .async_error = simulated::async_error,
                              .group_start = simulated::group_start,
                              .group_end = simulated::group_end,
                              .send = simulated::send,
                              .receive = simulated::receive,
                              .error_string = simulated::error_string,
                              .last_error = simulated::last_error};
  return the;
}

}  // namespace dae::nccl
