// Allocations of the simulated GPU: what the files share that make memory, give the pool its own,
// and keep everybody from what is not theirs. Each has pages of its own: guard bytes on both sides
// of the data, NaN poison inside, and an unmapped page at either end.
#pragma once

#include <sys/mman.h>

#include <list>
#include <map>

#include "tests/simulated_gpu/simulator.h"

namespace simulated {

inline constexpr size_t kPage = 4096;

struct Allocation {
  int number = 0, device = 0;
  bool pinned = false, pooled = false, freed = false;
  char* mapping = nullptr;
  size_t mapped = 0;
  char* data = nullptr;
  size_t bytes = 0;
  std::map<std::string, int> holds;  // by operation, of pinned memory
  bool open = false;                 // to the work that is running

  char* inner() const { return mapping + kPage; }
  size_t inner_bytes() const { return mapped - 2 * kPage; }
  bool contains(const void* p) const { return p >= data && p < data + bytes; }
  bool has_near(const void* p) const { return p >= inner() && p < inner() + inner_bytes(); }
  bool is_the_hosts() const { return pinned && holds.empty(); }
};

std::map<char*, Allocation>& allocations();  // by the mapping's address
// Of those that went back to the pool the last are remembered. They stay unmapped, so that an
// access faults instead of finding someone else's memory.
std::list<Allocation>& returned();
// In which an address lies, the pages around it included; none when there is no such.
Allocation* find(const void* p);
const Allocation* find_returned(const void* p);
std::string name_of(const Allocation& a);

struct Pool {
  size_t used = 0, reserved = 0;  // reserved: taken from the device, and not given back
  uint64_t threshold = 0;
};
struct Usage {
  size_t capacity = kCapacity, device_bytes = 0;  // without the pool's
  Pool pool;
};
Usage& usage(int device = current_device());

cudaError_t allocate(void** data, size_t bytes, bool pinned, bool pooled = false);
// Reports what was written just outside an allocation that can be read now.
void check_guards(const Allocation& a, const std::string& by);

// protection.cpp: who may touch the allocation, as mprotect has it, and what becomes of others.
void protect(const Allocation& a, int protection);
void catch_faults();

}  // namespace simulated
