// What the stand-in headers and the tests need of the simulated GPU. README.md explains it.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

namespace simulated {

// --- How it runs: results may depend on none of this ------------------------------------------

// In which order the threads of a block, and the blocks of a launch, get to run.
enum class ThreadOrder { forward, reversed, warps_reversed, random };
// When queued work runs: at once; only when the host must wait for it; at random moments between;
// late, but copies as early as their streams and events let them.
enum class Schedule { eager, latest, random, copies_first };

struct Settings {
  ThreadOrder order = ThreadOrder::forward;
  Schedule schedule = Schedule::eager;
  uint64_t seed = 1;
  // Under ThreadSanitizer: the threads of a launch are one thread to it. Making it one for each is what
  // takes the time there, and races between launches need none.
  bool launches_as_threads = false;
  // Of each launch only so many of its blocks run, the last ones; 0: all. For tensors that are larger than
  // there is memory or time for, of which a test looks at the end.
  size_t last_blocks = 0;
};
Settings& settings();

// How many GPUs there are: one, but for a test that asks for more. After each test it is one again, and the
// current one of the test's own thread.
inline constexpr int kMostDevices = 8;
void set_devices(int count);

// How much memory a GPU has, the pool's included. What is in use stays in use. After each test it
// is as it was.
inline constexpr size_t kCapacity = size_t{2} << 30;
void set_capacity(size_t bytes);

// Breaks a GPU: the work after the next `operations` fails with `error`, nothing runs any more,
// and from then on every call returns it, as after an illegal address. mend() gives sound GPUs
// again, as a new process would have.
void fail_after(uint64_t operations, cudaError_t error, int device = 0);
// What NCCL says from then on where it is asked whether something has gone wrong, a ncclResult_t. The work goes on.
void fail_nccl(int result);
void mend();

// --- What it found ----------------------------------------------------------------------------

// Errors in the simulated program, in order. The tests' listener takes them after each test and
// fails it if there are any.
void report(const std::string& finding);
std::vector<std::string> take_findings();

// --- What a stream's work touches -------------------------------------------------------------

struct Access {
  const void* data;
  size_t bytes;
  bool write;
};
// What is enqueued on `stream` from now on belongs to `name`, which says it touches this and no
// more (until the next announcement there). Vector clocks then prove that every two conflicting
// accesses are ordered by streams, events and host waits. Copies and memsets announce themselves.
void announce(cudaStream_t stream, const std::string& name, std::vector<Access> accesses);

// Operations of kernels that have run, for the tests' own checks.
struct Counters {
  uint64_t launches = 0, blocks = 0, threads = 0, switches = 0;
};
const Counters& counters();
// Allocations, streams, events and executable graphs made so far.
uint64_t resources_made();

// --- For the stand-in headers -----------------------------------------------------------------

// What a block's static arrays may take, and all together, for which launch() asks where a block has
// dynamic ones (runtime/cuda_kernel.h).
inline constexpr size_t kSharedLimit = 48 << 10, kSharedMost = 227 << 10;

void launch(const char* op, dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
            std::function<void()> body);
// What a library would put on the stream.
void enqueue_library_call(const std::string& name, cudaStream_t stream, std::function<void()> work);
void* shared_array(const char* key, size_t bytes, size_t alignment, const char* name,
                   const char* file, int line);
void* dynamic_shared();
void enter_block_collective(void* storage, int threads);

// tensor_cores.cpp: the warp's product by the layouts of the PTX ISA; `mine` is this lane's a[0] to
// a[3], b0, b1.
using Fragments = std::array<uint32_t, 6>;
void mma_m16n8k16(float (&sum)[4], const Fragments& mine, const char* file, int line);
// Where the rows start that the warp's lanes bring; each must lie in the block's shared memory,
// aligned.
std::array<const unsigned char*, 32> meet_for_rows(const void* row, const char* file, int line);

// async_copies.cpp: 16 bytes on their way to shared memory.
struct AsyncCopy {
  void* to;
  unsigned char bytes[16];
};
// Whether both ends are where and as they must be; `from` may be null.
bool check_async_copy(const void* to, const void* from, const char* file, int line);
void begin_async_copy(const AsyncCopy& copy);
void commit_async_copies();
// The next that is over when all but the current thread's last `pending` groups are; false: none.
bool next_async_copy(unsigned pending, AsyncCopy& copy);

// --- Between the simulator's own files --------------------------------------------------------

// turns.cpp: host threads call the runtime one at a time. Every call has one; one inside another is its part.
class Turn {
 public:
  Turn();
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
};

// block.cpp: runs all blocks of a launch, now.
void run_kernel(const char* op, dim3 grid, dim3 block, size_t shared_bytes,
                const std::function<void()>& body);
// protection.cpp: work on the device may touch the device's memory while one lives. What was touched is closed
// at its end: where several run with no host code between them, one around them all spares it each of them.
class OpenMemory {
 public:
  OpenMemory();
  ~OpenMemory();
  OpenMemory(const OpenMemory&) = delete;
  OpenMemory& operator=(const OpenMemory&) = delete;
};
bool memory_is_open();
// One piece of work: named if it touches what it may not, or wrote just outside an allocation.
class DeviceWork {
 public:
  explicit DeviceWork(const std::string& name);
  ~DeviceWork();
  DeviceWork(const DeviceWork&) = delete;
  DeviceWork& operator=(const DeviceWork&) = delete;

 private:
  const OpenMemory open_;
};
// protection.cpp: the host may not touch the pinned allocation at `data` until it is released as
// often as it was held; `op` is named when it does.
void hold_pinned(const void* data, const std::string& op);
void release_pinned(const void* data);
bool is_device_memory(const void* data, size_t bytes);
bool is_pinned_memory(const void* data, size_t bytes);
// pool.cpp: what is behind cudaMallocAsync. Memory is `freed` when the call has been made, and
// gone when the work has run: any later access is an error.
cudaError_t allocate_from_pool(void** data, size_t bytes);
size_t pool_allocation_bytes(const void* data);  // 0: not the start of one that is still there
void mark_freed(const void* data);
void return_to_pool(const void* data);
bool is_freed(const void* data);
// "allocation 3 (4096 bytes) at +128": where an address lies, for messages.
std::string describe_address(const void* data);
// order.cpp: forgets the history of freed memory.
void forget(const void* data, size_t bytes);
// memory.cpp: whose memory it is; -1: no device's.
int device_of(const void* data);
// errors.cpp, graphs.cpp, device.cpp, of the calling thread and its current device
int current_device();
cudaError_t set_error(cudaError_t error);
bool capturing();
bool broken();
cudaError_t failure();  // what every call returns once the GPU is broken; before, success
void count_resource();

}  // namespace simulated
