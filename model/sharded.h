// A step's gradient from shards (model/shards.h), some of which other ranks compute.
#pragma once

#include "model/objective.h"
#include "runtime/gpu_ranks.h"

namespace dae {

// Which shards of how many this process computes, and the ranks that have the others; those are null
// where it has all. Where they compute on GPUs, these are how they reach each other.
struct Sharding {
  int64_t shards = 1;
  Communicator* ranks = nullptr;
  GpuRanks* gpus = nullptr;

  int size() const { return ranks ? ranks->size() : 1; }
  int rank() const { return ranks ? ranks->rank() : 0; }
};

// Throws FieldError when the shards are no equal parts of the batch, or the ranks have no equal parts of
// the shards.
void check(const Sharding& sharding, int64_t batch);

// What this rank's shards learn from, one after the other in each: views {N, H, W, 3} as Objective has them,
// `told` and `rounded` where there are any, and `records` f32 {shards * record_size()}, external or a slice,
// of all shards. What goes between ranks is put on the stream `exchange`: with one of its own gradients go out in
// up to kBuckets parts, each as soon as backward has made it, while it makes the others.
struct ShardedBatch {
  TensorId corrupted, clean, records, told = kNoTensor, rounded = kNoTensor;
  int exchange = 0;
};
inline constexpr int kBuckets = 4;

// Adds the passes of this rank's shards over the network, forward and backward, and what makes of their
// gradients the mean over all shards, in builder.gradients(). `builder` has no layer yet. With one shard
// it is Objective::add_to() and no more. What is given to other ranks and taken from them is two steps a bucket
// of the op kExchange: each rank sums a part of the gradients, then all get all parts; with the first go the
// records. On a GPU both are work like any other's, and may be captured.
void add_gradients(Builder& builder, const Objective& objective, const ShardedBatch& batch,
                   const Sharding& sharding);

inline constexpr const char* kExchange = "exchange";

}  // namespace dae
