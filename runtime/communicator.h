// The processes that take part in one training run, its ranks, and how they reach each other.
//
// There is one way: every rank says what it gives to which other and what it takes from which, and all
// of it has happened when the call returns. Sums, broadcasts and meetings are made of that, here and in
// model/sharded.h, in an order that is ours: a library's own sum has other bits on another number of
// ranks.
#pragma once

#include <dae/error.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace dae {

// What one rank gives to another, or takes from it. Between two ranks messages meet in the order in which
// both list them, and are as long on either side.
struct Message {
  int peer;
  void* data;  // only read where it is given
  size_t bytes;
};

// What ends this rank, rank 0 has been told and says.
class SaidByRankZero : public Error {
 public:
  using Error::Error;
};

// A rank that is gone, hangs, or cannot be reached any more.
class RankLost : public Error {
 public:
  using Error::Error;
};

class Communicator {
 public:
  Communicator() = default;
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  virtual int rank() const = 0;  // from 0: the one that writes and tells
  virtual int size() const = 0;
  virtual std::string machine(int rank) const = 0;  // its host name

  // Host memory. Returns when what is taken is there and what is given may be written again. Throws
  // RankLost naming one that is waited for and has given no sign of life for as long as join_ranks() (ranks/join.h) was told;
  // one that is busy gives signs. Time for which this process was stopped itself does not count.
  virtual void exchange(std::span<const Message> give, std::span<const Message> take) = 0;

  // Waits for what others have a part in without exchange(), until `over` says that it has happened. Throws
  // RankLost as exchange() does, naming whichever rank gives no sign of life.
  virtual void await(const std::function<bool()>& over) = 0;
};

// "rank 2 on node7".
std::string describe(int rank, const std::string& machine);
std::string describe(const Communicator& ranks, int rank);

// What rank 0 has in `data` goes to every other's; all call it with as many bytes.
void broadcast(Communicator& ranks, void* data, size_t bytes);
std::string broadcast(Communicator& ranks, std::string text);

// What every rank says, in their order, on rank 0; nothing on the others.
std::vector<std::string> gather(Communicator& ranks, const std::string& text);

// Of as many places of `bytes` as there are ranks each has filled its own; then all have all.
void tell_each_other(Communicator& ranks, void* places, size_t bytes);

// Returns once every rank has called it.
void meet(Communicator& ranks);

}  // namespace dae
