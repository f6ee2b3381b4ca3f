// Ways to run one case that must give the same bits. On real devices there is one; the simulated
// GPU has orders of threads and blocks and moments for queued work
// (tests/simulated_gpu/variants.cpp).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/queue.h"

namespace dae::test {

struct Variant {
  std::string name;
  std::function<void()> apply;
};
std::vector<Variant> variants(Device device);
// With many more moments for queued work, for what runs on several streams.
std::vector<Variant> many_variants(Device device);

// What watches each thread of the program: on the simulated GPU a sanitizer may, and is so slow
// that a test may have to leave something to the run without.
enum class Watcher { none, address, thread };
Watcher watcher();
// For the rest of a test whose kernels others watch thread by thread: a sanitizer of threads looks at what
// launches do to each other alone, which is far quicker.
void watch_launches();

// The devices that this build's tests cover: cpu and cuda, or the simulated GPU in cuda's place.
std::vector<Device> tested_devices();
std::string tested_name(Device device);  // "cpu", "cuda", "simulated"

}  // namespace dae::test
