// The simulated NCCL: right programs give right results in every schedule, and what ranks do wrong together is found
// and named. Ranks are threads with a GPU each. Every test's name has `Simulated` in it, which is what its filter
// selects.
//
// Simulated GPU: without sanitizers (host threads are none of its stream's to ThreadSanitizer)
#include <optional>
#include <vector>

#include "runtime/device.h"
#include "runtime/gpu_ranks.h"
#include "tests/simulated_gpu/simulator_parts.h"
#include "tests/support/thread_ranks.h"

namespace dae::test {
namespace {

using cuda::launch;
using simulated::Schedule;
using simulated::take_findings;

constexpr size_t kBytes = 400;

// What a rank has: memory for what it gives and takes, each of a hundred numbers, and two streams.
struct Rank {
  Communicator& ranks;
  GpuRanks gpus;
  Stream stream, other;
  DeviceArray<float> given, taken;
  int peer;

  explicit Rank(Communicator& all)
      : ranks(all), gpus(all), given(100), taken(100), peer(1 - all.rank()) {}

  bool first() const { return ranks.rank() == 0; }
  static void fill(const Stream& on, const DeviceArray<float>& out, float value) {
    simulated::announce(on.handle, "fill", {{out.data(), kBytes, true}});
    launch("fill", fill_kernel, 1, 128, 0, on.handle, out.data(), value, 100);
    simulated::announce(on.handle, "", {});
  }
  void exchange(const char* step, size_t give = kBytes, size_t take = kBytes) {
    simulated::announce(stream.handle, step,
                        {{given.data(), give, false}, {taken.data(), take, true}});
    const Message gives{peer, given.data(), give}, takes{peer, taken.data(), take};
    gpus.exchange({&gives, 1}, {&takes, 1}, stream.handle);
    simulated::announce(stream.handle, "", {});
  }
  void synchronize() const { cudaStreamSynchronize(stream.handle); }
};

class SimulatedNccl : public testing::Test {
 protected:
  SimulatedNccl() { simulated::set_devices(4); }
  ~SimulatedNccl() override { simulated::mend(); }
  static void on(int size, const std::function<void(Communicator&)>& f) {
    ThreadRanks::run(size, f, "node7");
  }
  static void on_two(const std::function<void(Rank&)>& f) {
    on(2, [&](Communicator& ranks) {
      Rank rank(ranks);
      f(rank);
    });
  }
};

TEST_F(SimulatedNccl, GpusGetWhatOthersGiveInEverySchedule) {
  for (uint64_t seed = 0; seed < 12; seed++) {
    simulated::settings().seed = seed;
    simulated::settings().schedule = seed == 0   ? Schedule::eager
                                     : seed == 1 ? Schedule::latest
                                     : seed == 2 ? Schedule::copies_first
                                                 : Schedule::random;
    on_two([](Rank& rank) {
      for (int round = 0; round < 3; round++) {
        Rank::fill(rank.stream, rank.given, static_cast<float>(10 * round + rank.ranks.rank()));
        rank.exchange("exchange");
      }
      rank.synchronize();
      EXPECT_EQ(rank.taken.read(), std::vector<float>(100, static_cast<float>(20 + rank.peer)));
    });
    EXPECT_EQ(take_findings(), std::vector<std::string>{});
  }
}

TEST_F(SimulatedNccl, ExchangesAreCaptured) {
  for (const Schedule schedule : {Schedule::eager, Schedule::latest}) {
    simulated::settings().schedule = schedule;
    on(2, [](Communicator& ranks) {
      const int peer = 1 - ranks.rank();
      GpuRanks gpus(ranks);
      cuda::Stream stream;
      DeviceArray<float> given(100, static_cast<float>(ranks.rank())), taken(100), sum(100);
      const Message gives{peer, given.data(), kBytes}, takes{peer, taken.data(), kBytes};
      cuda::Graph graph(stream, [&] {
        const auto on = static_cast<cudaStream_t>(stream.get());
        gpus.exchange({&gives, 1}, {&takes, 1}, on);
        launch("add", add_kernel, 1, 128, 0, on, taken.data(), sum.data(), 100);
      });
      for (int i = 0; i < 3; i++) graph.launch(stream);
      cuda::Event over;
      over.record(stream);
      gpus.wait(over);
      stream.synchronize();
      EXPECT_EQ(sum.read(), std::vector<float>(100, 3.0f * static_cast<float>(peer)));
      graph = {};
    });
    EXPECT_EQ(take_findings(), std::vector<std::string>{});
  }
}

TEST_F(SimulatedNccl, ACommunicatorThatGoesBeforeItsGraphIsFound) {
  on(2, [](Communicator& ranks) {
    const int peer = 1 - ranks.rank();
    use_gpu(ranks.rank());
    cuda::Stream stream;
    const DeviceArray<float> given(100);
    cuda::Graph graph;
    GpuRanks gpus(ranks);
    const Message gives{peer, given.data(), kBytes};
    const std::span<const Message> messages(&gives, ranks.rank() == 0 ? 1 : 0);
    graph = cuda::Graph(stream, [&] { gpus.exchange(messages, {}, stream.get()); });
  });
  expect_finding("rank 0's communicator goes, and waits for ever for a graph");
}

TEST_F(SimulatedNccl, OtherCountsAreFound) {
  on_two([](Rank& rank) {
    rank.exchange("exchange", rank.first() ? kBytes : 80);
    rank.synchronize();
  });
  expect_finding("rank 1's exchange gives 80 elements where rank 0's exchange takes 400");
}

TEST_F(SimulatedNccl, OtherTypesAreFound) {
  on_two([](Rank& rank) {
    // The calls themselves: GpuRanks has one type.
    nccl::Communicator made = nullptr;
    nccl::UniqueId id{};
    const nccl::Library& library = nccl::library();
    if (rank.first()) library.get_unique_id(&id);
    broadcast(rank.ranks, &id, sizeof(id));
    EXPECT_EQ(library.init_rank(&made, 2, id, rank.ranks.rank()), nccl::kSuccess);
    if (rank.first())
      library.send(rank.given.data(), 100, 7, 1, made, rank.stream.handle);  // floats
    else
      library.receive(rank.taken.data(), 100, 9, 0, made, rank.stream.handle);  // bf16
    rank.synchronize();
    library.destroy(made);
  });
  expect_finding("rank 0's transfer gives elements of type 7 where rank 1's transfer takes type 9");
}

TEST_F(SimulatedNccl, APeerThatThereIsNotIsFound) {
  on_two([](Rank& rank) {
    rank.peer = rank.first() ? 2 : 1;  // beyond the last, and itself
    EXPECT_THROW(rank.exchange("exchange"), RankLost);
  });
  const std::vector<std::string> findings = take_findings();
  ASSERT_EQ(findings.size(), 2);
}

// Of three ranks each waits for the next but one: nobody ever comes.
TEST_F(SimulatedNccl, APeerThatLooksElsewhereIsFound) {
  on(3, [](Communicator& ranks) {
    Rank rank(ranks);
    const int next = (ranks.rank() + 1) % 3;
    const Message gives{next, rank.given.data(), kBytes}, takes{next, rank.taken.data(), kBytes};
    rank.gpus.exchange({&gives, 1}, {&takes, 1}, rank.stream.handle);
    EXPECT_EQ(cudaStreamSynchronize(rank.stream.handle), cudaErrorLaunchTimeout);
    meet(ranks);
    rank.gpus.abort();
  });
  expect_finding("which it never does");
}

TEST_F(SimulatedNccl, OneThatNeverComesIsFound) {
  on_two([](Rank& rank) {
    if (rank.first()) {
      rank.exchange("exchange");
      EXPECT_EQ(cudaStreamSynchronize(rank.stream.handle), cudaErrorLaunchTimeout);
      rank.gpus.abort();
    } else {
      rank.gpus.abort();
    }
  });
  expect_finding("rank 0's exchange waits for rank 1 to take 400 elements, which it never does");
}

TEST_F(SimulatedNccl, WhatNobodyTakesIsFoundInTheEnd) {
  on_two([](Rank& rank) {
    if (rank.first()) {
      const Message gives{1, rank.given.data(), kBytes};
      rank.gpus.exchange({&gives, 1}, {}, rank.stream.handle);
    }
  });
  expect_finding("what goes from rank 0 to rank 1 has never met the other side");
}

TEST_F(SimulatedNccl, AnotherOrderIsFound) {
  on_two([](Rank& rank) {
    rank.exchange(rank.first() ? "exchange of sums" : "exchange of means");
    rank.exchange(rank.first() ? "exchange of means" : "exchange of sums");
    rank.synchronize();
  });
  expect_finding("the ranks enqueue them in different orders");
}

TEST_F(SimulatedNccl, ABufferThatIsUsedAgainTooEarlyIsFound) {
  for (const Schedule schedule : {Schedule::eager, Schedule::latest}) {
    simulated::settings().schedule = schedule;
    on_two([](Rank& rank) {
      rank.exchange("exchange");
      if (rank.first()) Rank::fill(rank.other, rank.given, 7);
      rank.synchronize();
      cudaStreamSynchronize(rank.other.handle);
    });
    expect_finding("nothing orders fill (fill)");
  }
}

TEST_F(SimulatedNccl, AnExchangeBesideWhatItGivesIsFound) {
  for (const Schedule schedule : {Schedule::eager, Schedule::latest}) {
    simulated::settings().schedule = schedule;
    on_two([](Rank& rank) {
      Rank::fill(rank.first() ? rank.other : rank.stream, rank.given, 7);
      rank.exchange("exchange");
      rank.synchronize();
      cudaStreamSynchronize(rank.other.handle);
    });
    expect_finding("nothing orders exchange (NCCL's transfer)");
  }
}

TEST_F(SimulatedNccl, ExchangesOfTwoStreamsThatNothingOrdersAreFound) {
  on_two([](Rank& rank) {
    DeviceArray<float> more_given(100), more_taken(100);
    rank.exchange("exchange");
    const Message gives{rank.peer, more_given.data(), kBytes},
        takes{rank.peer, more_taken.data(), kBytes};
    rank.gpus.exchange({&gives, 1}, {&takes, 1}, rank.other.handle);
    rank.synchronize();
    cudaStreamSynchronize(rank.other.handle);
  });
  expect_finding("of the same communicator");
}

TEST_F(SimulatedNccl, WhatAStepDoesNotSayIsFound) {
  on_two([](Rank& rank) {
    simulated::announce(rank.stream.handle, "exchange", {{rank.given.data(), kBytes, false}});
    const Message gives{rank.peer, rank.given.data(), kBytes},
        takes{rank.peer, rank.taken.data(), kBytes};
    rank.gpus.exchange({&gives, 1}, {&takes, 1}, rank.stream.handle);
    rank.synchronize();
  });
  expect_finding("which its step does not say");
}

TEST_F(SimulatedNccl, OverlapsAreFound) {
  on_two([](Rank& rank) {
    const Message gives{rank.peer, rank.given.data(), kBytes},
        takes{rank.peer, rank.given.data() + 50, kBytes / 2};
    const Message both[] = {gives, {rank.peer, rank.taken.data(), kBytes / 2}};
    rank.gpus.exchange({both, 1}, {&takes, 1}, rank.stream.handle);
    rank.synchronize();
  });
  expect_finding("which it also sends");
}

TEST_F(SimulatedNccl, MemoryAndStreamsOfAnotherGpuAreFound) {
  on_two([](Rank& rank) {
    std::optional<DeviceArray<float>> elsewhere;
    if (rank.first()) {
      use_gpu(2);
      elsewhere.emplace(100);
      use_gpu(0);
    }
    const Message gives{rank.peer, rank.first() ? elsewhere->data() : nullptr, kBytes};
    EXPECT_THROW(rank.gpus.exchange({&gives, 1}, {}, rank.stream.handle), RankLost);
  });
  expect_finding("is not memory of device 0");
}

// A rank that waits looks whether the others live, and lets go of its GPU's work where one does not.
TEST_F(SimulatedNccl, WhoeverWaitsForOneThatIsGoneHearsOfIt) {
  on_two([](Rank& rank) {
    if (!rank.first()) return rank.gpus.abort();
    rank.exchange("exchange");
    cuda::Event over;
    over.record(rank.stream.handle);
    try {
      rank.gpus.wait(over);
      ADD_FAILURE() << "it has waited to the end";
    } catch (const RankLost& lost) {
      EXPECT_STREQ(lost.what(), "rank 1 on node7 is gone");
    }
    rank.gpus.abort();
    EXPECT_EQ(cudaStreamSynchronize(rank.stream.handle), cudaSuccess);
  });
}

TEST_F(SimulatedNccl, TwoRanksOfAMachineDoNotShareAGpu) {
  simulated::set_devices(1);
  std::string said;
  try {
    on(2, [](Communicator& ranks) { GpuRanks{ranks}; });
  } catch (const Error& error) {
    said = error.what();
  }
  EXPECT_EQ(said,
            "rank 0 on node7 and rank 1 would share a GPU, of which each rank needs one: launch no "
            "more ranks on a machine than it has GPUs, or give --device cpu");
}

}  // namespace
}  // namespace dae::test
