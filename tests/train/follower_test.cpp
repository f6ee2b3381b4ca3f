// Rank 0 of a run is lost, here a thread of this process: the others say what is left of the run.
#include "train/follower.h"

#include <gtest/gtest.h>

#include "data/dataset.h"
#include "tests/support/said.h"
#include "tests/support/thread_ranks.h"
#include "tests/support/training_run.h"
#include "train/configured.h"

namespace dae::test {
namespace {

// Of a rank whose machine goes off while it is at work: nothing of it reaches anybody any more.
class LostCommunicator final : public Communicator {
 public:
  explicit LostCommunicator(Communicator& ranks) : ranks_(ranks) {}
  void lose() { lost_ = true; }

  int rank() const override { return ranks_.rank(); }
  int size() const override { return ranks_.size(); }
  std::string machine(int rank) const override { return ranks_.machine(rank); }
  void exchange(std::span<const Message> give, std::span<const Message> take) override {
    if (lost_) throw RankLost("it is off");
    ranks_.exchange(give, take);
  }
  void await(const std::function<bool()>& over) override { ranks_.await(over); }

 private:
  Communicator& ranks_;
  bool lost_ = false;
};

class FollowerTest : public TrainingRun {
 protected:
  struct Off {};

  // What rank 1 says of a run whose rank 0 is lost in its third step.
  std::string said_by_follower(const std::string& out, double save_every) {
    TrainingOptions shared = options(out, 9);
    shared.shards = 2;
    SessionOptions session;
    session.config = configured(shared);
    session.budget = shared.budget;
    session.out = shared.out;
    session.save_every = save_every;
    std::string words;
    const auto take_part = [&](Communicator& communicator) {
      LostCommunicator ranks(communicator);
      SessionOptions own = session;
      own.ranks = &ranks;
      Witness witness;
      if (ranks.rank() > 0) {
        words = said<RankLost>([&] { run_session(own, witness, {}); });
        return;
      }
      witness.on_progress = [&] {
        if (witness.progress.size() < 3) return;
        ranks.lose();
        throw Off();
      };
      run_session(own, witness, {});
    };
    EXPECT_THROW(ThreadRanks::run(2, take_part), Off);
    return words;
  }
};

TEST_F(FollowerTest, SaysWhatIsKeptOfARunWhoseFirstRankIsLost) {
  open_dataset(folder_.file("photos"));  // its cache, which both would write at once
  EXPECT_EQ(said_by_follower("young", 1e9),
            "rank 0 on machine0 is gone; " + folder_.file("young") + " has no checkpoint yet");
  EXPECT_EQ(said_by_follower("old", 0),
            "rank 0 on machine0 is gone; " + folder_.file("old") +
                " keeps its last checkpoint, which it can be resumed from");
}

}  // namespace
}  // namespace dae::test
