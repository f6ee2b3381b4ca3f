// What a run takes of its device's memory, by purpose, known before anything is allocated.
#pragma once

#include <cstddef>
#include <string>

#include "runtime/program.h"

namespace dae {

struct MemoryNeed {
  size_t parameters = 0;  // weights, gradients, moments, EMA, the optimiser's state; the weights
                          // of a perceptual loss
  size_t arena = 0;       // activations and workspaces, which share it
  size_t activations = 0, workspaces = 0;  // what they would take if nothing were shared
  size_t batches = 0;                      // pictures clean and corrupted, draws, losses
  size_t validation = 0;                   // the same, of the views restored between steps
  size_t photographs = 0;  // on a GPU: all of them, or the slots that they are streamed through
  bool resident = false;   // all of them
  size_t pinned = 0;       // host memory that a GPU copies from and to
  size_t checkpoint = 0;   // on the CPU: the copy of weights, EMA and moments that is being saved
  size_t loaded = 0;       // on the CPU: the program with its libraries and what they have compiled

  // What is still to be allocated.
  size_t total() const {
    return parameters + arena + batches + validation + photographs + checkpoint;
  }
};

// Validation runs between steps: it shares the arena and has memory of its own.
struct ValidationNeed {
  size_t arena_bytes = 0, own_bytes = 0;
};

// Sets what a training step's program says by its tensors' roles: all but validation, photographs
// (the table is counted with them) and pinned memory.
MemoryNeed memory_need(const Program& program);

// What a run may plan for: less than is free. On a GPU libraries, graphs and fragments take a
// little as well; a computer's other programs grow.
size_t usable_memory(Device device);

// "memory on the GPU: 94.1 MiB = weights, gradients, ... 71.3, arena 21.0 (...), ..."; on the CPU what the
// process will take as a whole, but for pictures, which the system maps and takes back as it likes.
std::string to_string(const MemoryNeed& need, Device device);

// "94.1 MiB of memory are needed and 80.0 MiB are free on the GPU"
std::string shortage(const MemoryNeed& need, size_t usable, Device device);

}  // namespace dae
