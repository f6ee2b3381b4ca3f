// Ranks as threads of one process, which watch each other: a message that meets one of another length, and
// one that nobody takes, fail the test, and one that nobody gives ends in an Error.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/communicator.h"
#include "runtime/error.h"

namespace dae::test {

class ThreadRanks {
 public:
  // Calls f(communicator) on each of so many threads and waits for all. What one throws is thrown here once
  // all are over, the lowest rank's first. They are all on one `machine`, or each on one of its own.
  static void run(int size, const std::function<void(Communicator&)>& f,
                  const std::string& machine = "") {
    ThreadRanks meeting(size, machine);
    std::vector<std::exception_ptr> thrown(static_cast<size_t>(size));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size; rank++)
      threads.emplace_back([&, rank] {
        Member member(meeting, rank);
        try {
          f(member);
        } catch (...) {
          thrown[static_cast<size_t>(rank)] = std::current_exception();
        }
        meeting.leave(rank);
      });
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& one : thrown)
      if (one) std::rethrow_exception(one);
    for (const auto& [way, messages] : meeting.under_way_)
      EXPECT_TRUE(messages.empty()) << "rank " << way.second << " did not take " << messages.size()
                                    << " messages of rank " << way.first;
  }

 private:
  using Way = std::pair<int, int>;  // from, to
  ThreadRanks(int size, std::string machine)
      : size_(size), machine_(std::move(machine)), gone_(static_cast<size_t>(size)) {}

  class Member final : public Communicator {
   public:
    Member(ThreadRanks& meeting, int rank) : meeting_(meeting), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return meeting_.size_; }
    std::string machine(int rank) const override {
      return meeting_.machine_.empty() ? "machine" + std::to_string(rank) : meeting_.machine_;
    }
    void exchange(std::span<const Message> give, std::span<const Message> take) override {
      std::unique_lock lock(meeting_.mutex_);
      for (const Message& m : give) {
        const auto* const bytes = static_cast<const std::byte*>(m.data);
        meeting_.under_way_[{rank_, m.peer}].emplace_back(bytes, bytes + m.bytes);
      }
      meeting_.changed_.notify_all();
      for (const Message& m : take) {
        std::deque<std::vector<std::byte>>& from = meeting_.under_way_[{m.peer, rank_}];
        meeting_.changed_.wait(
            lock, [&] { return !from.empty() || meeting_.gone_[static_cast<size_t>(m.peer)]; });
        if (from.empty()) throw RankLost(describe(*this, m.peer) + " is gone");
        ASSERT_EQ(from.front().size(), m.bytes) << "from rank " << m.peer << " to " << rank_;
        std::memcpy(m.data, from.front().data(), m.bytes);
        from.pop_front();
      }
    }

    void await(const std::function<bool()>& over) override {
      int in_vain = 0;  // what one gave before it was gone may be on its way
      while (!over()) {
        std::unique_lock lock(meeting_.mutex_);
        for (int peer = 0; peer < size(); peer++)
          if (meeting_.gone_[static_cast<size_t>(peer)] && in_vain++ > 50)
            throw RankLost(describe(*this, peer) + " is gone");
        meeting_.changed_.wait_for(lock, std::chrono::milliseconds(1));
      }
    }

   private:
    ThreadRanks& meeting_;
    int rank_;
  };

  void leave(int rank) {
    const std::lock_guard lock(mutex_);
    gone_[static_cast<size_t>(rank)] = true;
    changed_.notify_all();
  }

  const int size_;
  const std::string machine_;
  std::vector<bool> gone_;  // ranks that take part no more
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Way, std::deque<std::vector<std::byte>>> under_way_;
};

}  // namespace dae::test
