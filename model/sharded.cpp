#include "model/sharded.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/shards.h"
#include "runtime/error.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

constexpr int64_t kPart = 64;  // what the parts of the gradients are whole multiples of: 256 bytes

// Where of so many parts one begins.
int64_t part_begin(int64_t count, int parts, int part) {
  const int64_t whole = ceil_div(count, kPart);
  return std::min(count, whole * part / parts * kPart);
}

class GradientSum {
 public:
  GradientSum(Builder& builder, const Objective& objective, const ShardedBatch& batch,
              const Sharding& sharding)
      : first_(builder),
        plan_(builder.plan()),
        objective_(objective),
        batch_(batch),
        sharding_(sharding),
        mine_(shards_of(sharding.shards, sharding.size(), sharding.rank())) {}

  void add() {
    if (sharding_.size() > 1 && batch_.exchange != 0) first_.divide_gradients(kBuckets);
    for (const ShardRange& branch : branches_of(sharding_.shards, mine_))
      add_branch(branch, branches_++);
    if (sharding_.size() == 1) return add_sum("gradients.mean", {slot(0)}, {}, scale(), slot(0), 0);
    // Backward begins with the last layer, whose gradient is the last of all.
    const std::vector<int64_t> begins = first_.gradient_parts();
    int64_t end = plan_.shape(slot(0)).count();
    for (size_t i = begins.size(); i-- > 0;) {
      add_exchange({begins[i], end}, i + 1 == begins.size());
      end = begins[i];
    }
  }

 private:
  float scale() const { return 1.0f / static_cast<float>(sharding_.shards); }

  // Gradients of a branch: the first lie where those of the step will.
  TensorId slot(size_t i) {
    if (i == 0) return first_.gradients();
    const std::string name = fmt::format("gradients.{}", i);
    const TensorId known = plan_.find_if_any(name);  // of a step before, in a plan of two
    return known != kNoTensor
               ? known
               : plan_.external(name, plan_.shape(first_.gradients()), first_.dtype(), Role::state);
  }

  // Puts the sum of the branch into a slot; those behind are free for what it takes.
  void add_branch(ShardRange branch, size_t into) {
    if (branch.end - branch.begin == 1) return add_pass(branch.begin, into);
    add_branch({branch.begin, middle(branch)}, into);
    add_branch({middle(branch), branch.end}, into + 1);
    add_sum(fmt::format("gradients.{}-{}", branch.begin, branch.end), {slot(into), slot(into + 1)},
            {{0, 1}}, 1, slot(into), 0);
  }

  // The part of a tensor {n, ...} that is this rank's shard `shard`.
  TensorId of_shard(TensorId all, int64_t shard) {
    if (all == kNoTensor) return kNoTensor;
    const Shape& s = plan_.shape(all);
    const int64_t views = s[0] / (mine_.end - mine_.begin);
    const Shape part = s.rank() == 1 ? Shape{views} : Shape{views, s[1], s[2], s[3]};
    return plan_.slice(all, fmt::format("{}[{}]", plan_.tensors()[all].name, shard),
                       (shard - mine_.begin) * part.count(), part);
  }

  void add_pass(int64_t shard, size_t into) {
    const TensorId x = of_shard(batch_.corrupted, shard);
    const auto run = [&](Builder& pass) {
      pass.has_input(x, of_shard(batch_.rounded, shard));
      objective_.add_to(pass, x, of_shard(batch_.clean, shard), record(shard, shard + 1),
                        of_shard(batch_.told, shard));
    };
    if (shard == mine_.begin) return run(first_);
    Builder pass = first_.another_pass(slot(into));
    run(pass);
  }

  TensorId record(int64_t begin, int64_t end) {
    const int64_t size = objective_.record_size();
    return plan_.slice(batch_.records, fmt::format("losses[{}-{}]", begin, end), begin * size,
                       {(end - begin) * size});
  }

  void add_sum(const std::string& name, const std::vector<TensorId>& parts,
               const std::vector<TreeMerge>& merges, float factor, TensorId y, int stream) {
    if (plan_.shape(y).count() == 0) return;
    plan_.add({.op = "tree_sum",
               .name = name,
               .phase = Phase::backward,
               .stream = stream,
               .reads = parts,
               .writes = {y},
               .run = [=](const Queue& q, const TensorTable& t) {
                 std::array<Tensor, kMostTreeParts> tensors;
                 for (size_t i = 0; i < parts.size(); i++) tensors[i] = t[parts[i]];
                 tree_sum(q, std::span(tensors).first(parts.size()), merges, factor, t[y]);
               }});
  }

  // --- Between ranks ------------------------------------------------------------------------------

  struct Given {
    int peer;
    TensorId what;
  };
  void add_step(const std::string& name, std::vector<Given> give, std::vector<Given> take) {
    const auto is_empty = [&](const Given& g) { return plan_.shape(g.what).count() == 0; };
    std::erase_if(give, is_empty);  // of a network with less than a part for each
    std::erase_if(take, is_empty);
    std::vector<TensorId> reads, writes;
    for (const Given& g : give) reads.push_back(g.what);
    for (const Given& g : take) writes.push_back(g.what);
    // A step allocates nothing, so the lists are there before.
    std::vector<Message> gives(give.size()), takes(take.size());
    plan_.add({.op = kExchange,
               .name = name,
               .phase = Phase::backward,
               .stream = batch_.exchange,
               .reads = reads,
               .writes = writes,
               .run = [=, sharding = sharding_](const Queue& q, const TensorTable& t) mutable {
                 for (size_t i = 0; i < give.size(); i++)
                   gives[i] = {give[i].peer, t[give[i].what].data, t[give[i].what].bytes()};
                 for (size_t i = 0; i < take.size(); i++)
                   takes[i] = {take[i].peer, t[take[i].what].data, t[take[i].what].bytes()};
                 if (q.device == Device::cuda)
                   sharding.gpus->exchange(gives, takes, q.stream);
                 else
                   sharding.ranks->exchange(gives, takes);
               }});
  }

  struct Bucket {
    int64_t begin, end;  // elements of the gradients
  };

  TensorId part_of(TensorId gradients, Bucket bucket, int rank) {
    const int ranks = sharding_.size();
    const int64_t count = bucket.end - bucket.begin, begin = part_begin(count, ranks, rank),
                  end = part_begin(count, ranks, rank + 1);
    return plan_.slice(gradients,
                       fmt::format("{}[{}-{}] of rank {}", plan_.tensors()[gradients].name,
                                   bucket.begin, bucket.end, rank),
                       bucket.begin + begin, {end - begin});
  }

  void add_exchange(Bucket bucket, bool with_records) {
    const int ranks = sharding_.size(), me = sharding_.rank();
    const std::string range = fmt::format("[{}-{}]", bucket.begin, bucket.end);
    std::vector<Given> give, take;
    std::vector<TensorId> parts;  // of this rank's part, the sums of every branch
    std::vector<ShardRange> branches;
    for (int peer = 0; peer < ranks; peer++) {
      const ShardRange theirs = shards_of(sharding_.shards, ranks, peer);
      if (peer != me && with_records) {
        give.push_back({peer, record(mine_.begin, mine_.end)});
        take.push_back({peer, record(theirs.begin, theirs.end)});
      }
      for (size_t i = 0; i < branches_ && peer != me; i++)
        give.push_back({peer, part_of(slot(i), bucket, peer)});
      const std::vector<ShardRange> of_peer = branches_of(sharding_.shards, theirs);
      for (size_t i = 0; i < of_peer.size(); i++) {
        branches.push_back(of_peer[i]);
        if (peer == me) {
          parts.push_back(part_of(slot(i), bucket, me));
        } else {
          const Tensor like = plan_.view(part_of(slot(0), bucket, me));
          parts.push_back(plan_.tensor(
              fmt::format("gradients.{}-{}{}", of_peer[i].begin, of_peer[i].end, range), like.shape,
              like.dtype));
          take.push_back({peer, parts.back()});
        }
      }
    }
    add_step("branches" + range, give, take);
    add_sum("gradients.mean" + range, parts, merges_of(sharding_.shards, branches), scale(),
            part_of(slot(0), bucket, me), batch_.exchange);
    give.clear();
    take.clear();
    for (int peer = 0; peer < ranks; peer++)
      if (peer != me) {
        give.push_back({peer, part_of(slot(0), bucket, me)});
        take.push_back({peer, part_of(slot(0), bucket, peer)});
      }
    add_step("means" + range, give, take);
  }

  Builder& first_;
  Plan& plan_;
  const Objective& objective_;
  const ShardedBatch& batch_;
  const Sharding& sharding_;
  const ShardRange mine_;
  size_t branches_ = 0;  // this rank has so many, in as many slots
};

}  // namespace

void check(const Sharding& sharding, int64_t batch) {
  const int64_t shards = sharding.shards;
  const int ranks = sharding.size();
  if (shards < 1 || shards > kMostShards)
    fail_field("shards", "{}: give 1 to {}", shards, kMostShards);
  if (shards % ranks != 0)
    fail_field(
        "shards",
        "{}: {} ranks cannot share them equally; launch as many as divide them, or begin a run "
        "with a multiple of {}",
        shards, ranks, ranks);
  if (batch % shards != 0)
    fail_field("batch", "{}: give a multiple of {}, the number of shards", batch, shards);
}

void add_gradients(Builder& builder, const Objective& objective, const ShardedBatch& batch,
                   const Sharding& sharding) {
  if (sharding.shards > 1) return GradientSum(builder, objective, batch, sharding).add();
  builder.has_input(batch.corrupted, batch.rounded);
  objective.add_to(builder, batch.corrupted, batch.clean, batch.records, batch.told);
}

}  // namespace dae
