// Ranks of a run, here threads of this process. Rank 0 is lost: the others say what is left of the run. Pictures
// change before another has opened them: it says which it has.
#include "train/follower.h"

#include <gtest/gtest.h>

#include "data/dataset.h"
#include "data/image.h"
#include "tests/support/said.h"
#include "tests/support/thread_ranks.h"
#include "tests/support/training_run.h"
#include "train/configured.h"

namespace dae::test {
namespace {

// Of a rank to which something happens before it reaches others.
class WatchedCommunicator final : public Communicator {
 public:
  explicit WatchedCommunicator(Communicator& ranks) : ranks_(ranks) {}
  std::function<void()> before = [] {};

  int rank() const override { return ranks_.rank(); }
  int size() const override { return ranks_.size(); }
  std::string machine(int rank) const override { return ranks_.machine(rank); }
  void exchange(std::span<const Message> give, std::span<const Message> take) override {
    before();
    ranks_.exchange(give, take);
  }
  void await(const std::function<bool()>& over) override { ranks_.await(over); }

 private:
  Communicator& ranks_;
};

class FollowerTest : public TrainingRun {
 protected:
  struct Off {};

  // Of a run on two ranks.
  SessionOptions session(const std::string& out) const {
    TrainingOptions shared = options(out, 9);
    shared.shards = 2;
    SessionOptions made;
    made.config = configured(shared);
    made.budget = shared.budget;
    made.out = shared.out;
    return made;
  }
  // What rank 1 says of a run whose rank 0 is lost in its third step: its machine goes off.
  std::string said_by_follower(const std::string& out, double save_every) {
    const SessionOptions shared = session(out);
    std::string words;
    const auto take_part = [&](Communicator& communicator) {
      WatchedCommunicator ranks(communicator);
      SessionOptions own = shared;
      own.save_every = save_every;
      own.ranks = &ranks;
      Witness witness;
      if (ranks.rank() > 0) {
        words = said<RankLost>([&] { run_session(own, witness, {}); });
        return;
      }
      witness.on_progress = [&] {
        if (witness.progress.size() < 3) return;
        ranks.before = [] { throw RankLost("it is off"); };
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

// One more is there once rank 0 has opened its own, of which it holds one of five out.
TEST_F(FollowerTest, SaysHowManyPicturesItHasThatAreNotThoseOfTheFirstRank) {
  const SessionOptions shared = session("run");
  const std::string more = folder_.file("photos/more.png");
  const auto take_part = [&](Communicator& communicator) {
    WatchedCommunicator ranks(communicator);
    SessionOptions own = shared;
    own.ranks = &ranks;
    if (ranks.rank() == 0)
      ranks.before = [&] {
        if (!std::filesystem::exists(more)) save_png(more, draw_dead_leaves(3, 9, 40, 48));
      };
    Witness witness;
    run_session(own, witness, {});
  };
  EXPECT_EQ(said([&] { ThreadRanks::run(2, take_part); }),
            "rank 1 on machine1: " + folder_.file("photos") +
                ": its 5 pictures to train on and 1 to validate on are not those of rank 0");
  EXPECT_FALSE(std::filesystem::exists(folder_.file("run")));
}

}  // namespace
}  // namespace dae::test
