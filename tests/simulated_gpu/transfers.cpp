// Transfers between GPUs: what each gives meets what another takes, in the order of both, and is compared.
#include "tests/simulated_gpu/transfers.h"

#include <fmt/format.h>

#include <cstring>

namespace simulated {
namespace {

std::shared_ptr<Transfer> stuck;  // the last that could not begin
std::string stuck_because;

std::string name_of(const Transfer& t) {
  return fmt::format("rank {}'s {}", t.member->rank, t.step.empty() ? "transfer" : t.step);
}

void check_pair(const Transfer& giver, const Part& given, const Transfer& taker,
                const Part& taken) {
  if (giver.step != taker.step)
    report(fmt::format("{} meets {}: the ranks enqueue them in different orders", name_of(giver),
                       name_of(taker)));
  else if (given.type != taken.type)
    report(fmt::format("{} gives elements of type {} where {} takes type {}", name_of(giver),
                       given.type, name_of(taker), taken.type));
  else if (given.count != taken.count)
    report(fmt::format("{} gives {} elements where {} takes {}", name_of(giver), given.count,
                       name_of(taker), taken.count));
}

void join(const std::shared_ptr<Transfer>& giver, size_t given,
          const std::shared_ptr<Transfer>& taker, size_t taken) {
  check_pair(*giver, giver->gives[given], *taker, taker->takes[taken]);
  giver->gives[given].partner = taker;
  giver->gives[given].partner_part = taken;
  taker->takes[taken].partner = giver;
  taker->takes[taken].partner_part = given;
}

// All that have to run at once with it; empty where one is missing.
std::vector<OperationPtr> all_with(const OperationPtr& first) {
  std::vector<OperationPtr> all = {first};
  for (size_t i = 0; i < all.size(); i++) {
    const std::shared_ptr<Transfer> t = all[i]->transfer;
    const auto add = [&](const Part& part, const char* does) {
      const std::shared_ptr<Transfer> partner = part.partner.lock();
      const OperationPtr operation = partner ? partner->operation.lock() : nullptr;
      if (!operation) {
        stuck = first->transfer;
        stuck_because = fmt::format("{} waits for rank {} to {} {} elements, which it never does",
                                    name_of(*t), part.peer, does, part.count);
        return false;
      }
      if (std::count(all.begin(), all.end(), operation) == 0) all.push_back(operation);
      return true;
    };
    for (const Part& part : t->gives)
      if (!add(part, "take")) return {};
    for (const Part& part : t->takes)
      if (!add(part, "give")) return {};
  }
  return all;
}

bool run_what_comes_before(const OperationPtr& operation) {
  const std::vector<OperationPtr> after = operation->after;
  for (const OperationPtr& earlier : after)
    if (!earlier->done && !run_until(*earlier->stream, *earlier)) return false;
  while (!operation->done && operation->stream->queue.front() != operation)
    if (!run_front(*operation->stream)) return false;
  return !operation->done;
}

void finish(const OperationPtr& operation) {
  operation->stream->queue.pop_front();
  operation->done = true;
  operation->transfer = nullptr;
}

}  // namespace

std::shared_ptr<Transfer> another(const Transfer& transfer) {
  return std::make_shared<Transfer>(transfer);
}

void post(const std::shared_ptr<Transfer>& transfer, const OperationPtr& operation) {
  transfer->operation = operation;
  Member& me = *transfer->member;
  if (operation->clock.at(me.last_stream) < me.last_index)
    report(
        fmt::format("nothing orders {} (stream {}) after {} (stream {}) of the same communicator",
                    operation->name, operation->stream->number, me.last_name, me.last_stream));
  me.last_name = operation->name;
  me.last_stream = operation->stream->number;
  me.last_index = operation->index;
  Clique& clique = *me.clique;
  const auto meet = [&](std::vector<Part>& parts, bool gives) {
    for (size_t i = 0; i < parts.size(); i++) {
      const int peer = parts[i].peer;
      const auto way = gives ? std::pair(me.rank, peer) : std::pair(peer, me.rank);
      Clique::Unmatched& others = (gives ? clique.taken : clique.given)[way];
      if (others.empty()) {
        (gives ? clique.given : clique.taken)[way].emplace_back(transfer, i);
        continue;
      }
      const auto [other, part] = others.front();
      others.pop_front();
      gives ? join(transfer, i, other, part) : join(other, part, transfer, i);
    }
  };
  meet(transfer->gives, true);
  meet(transfer->takes, false);
}

bool come_together(const OperationPtr& first) {
  if (first->transfer->member->aborted) {
    finish(first);
    return true;
  }
  const std::vector<OperationPtr> all = all_with(first);
  if (all.empty()) return false;
  for (const OperationPtr& one : all)
    if (one->transfer->is_coming) return false;  // each waits for the other
  std::vector<std::shared_ptr<Transfer>> transfers;
  for (const OperationPtr& one : all) transfers.push_back(one->transfer);
  for (const auto& t : transfers) t->is_coming = true;
  const bool come = std::all_of(all.begin(), all.end(), run_what_comes_before) &&
                    std::none_of(all.begin(), all.end(), [](const OperationPtr& one) {
                      return one->done || breaks_at(*one);
                    });
  for (const auto& t : transfers) t->is_coming = false;
  if (!come) {
    if (!first->done) {
      stuck = first->transfer;
      stuck_because = fmt::format("{} waits for another rank that waits for it in turn",
                                  name_of(*first->transfer));
    }
    return first->done;
  }
  {
    const DeviceWork work(first->name);
    for (const auto& t : transfers)
      for (const Part& taken : t->takes) {
        const Part& given = taken.partner.lock()->gives[taken.partner_part];
        std::memcpy(taken.data, given.data, std::min(taken.bytes, given.bytes));
      }
  }
  for (const OperationPtr& one : all) finish(one);
  something_changed();
  return true;
}

bool nobody_comes() {
  for (const auto& member : stuck->member->clique->members) {
    const bool broken = state().devices[static_cast<size_t>(member->device)].broken;
    if (!member->gone && !broken && !is_waiting(member->owner)) return false;
  }
  report(stuck_because);
  stuck = nullptr;
  return true;
}

}  // namespace simulated
