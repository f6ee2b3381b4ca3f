// In steady state a training step allocates nothing in this project's code. Every malloc during
// some steps is counted, by whether a frame of oneDNN or OpenMP stands between it and the step:
// what those libraries take a call is theirs, and must only not grow.
#include <dlfcn.h>
#include <execinfo.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>

#include "train/trainer.h"

#if defined(__SANITIZE_ADDRESS__)
TEST(Allocation, StepsAllocateNothing) {
  GTEST_SKIP() << "AddressSanitizer has its own malloc";
}
#else

namespace {

std::atomic<bool> counting = false;
std::atomic<int> ours = 0, libraries = 0;
thread_local bool inside = false;

void note_allocation() {
  if (!counting || inside) return;
  inside = true;
  void* frames[64];
  const int depth = backtrace(frames, 64);
  bool library = false;
  for (int i = 0; i < depth; i++) {
    Dl_info info;
    if (dladdr(frames[i], &info) && info.dli_fname &&
        (std::strstr(info.dli_fname, "libdnnl") || std::strstr(info.dli_fname, "libgomp")))
      library = true;
  }
  (library ? libraries : ours)++;
  inside = false;
}

}  // namespace

extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);

void* malloc(size_t bytes) {
  note_allocation();
  return __libc_malloc(bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  note_allocation();
  return __libc_memalign(alignment, bytes);
}
}

namespace dae {
namespace {

class Allocation : public testing::TestWithParam<std::tuple<NetworkKind, const char*>> {};

TEST_P(Allocation, StepsAllocateNothing) {
  void* warm[4];
  backtrace(warm, 4);  // loads what it needs, which allocates
  std::vector<uint8_t> pixels(64 * 64 * 3, 100);
  TrainerConfig config;
  const auto [kind, loss] = GetParam();
  config.network = {.kind = kind, .size = 32, .width = 16, .blocks = 1, .latent = 64};
  config.loss = parse_loss(loss);
  config.features.widths = {8, 16};
  config.features.values.resize(static_cast<size_t>(feature_parameters({8, 16}).count()), 0.01f);
  config.batch = 2;
  const auto trainer = make_trainer(config, {{pixels.data(), 64 * 3, 64, 64}});
  for (int i = 0; i < 3; i++) trainer->run(1);
  const auto count = [&](int steps) {
    ours = libraries = 0;
    counting = true;
    for (int i = 0; i < steps; i++) trainer->run(1);
    counting = false;
    EXPECT_EQ(ours, 0) << "allocations in " << steps << " steps";
    return libraries.load();
  };
  const int first = count(2), second = count(2);
  EXPECT_EQ(first, second) << "the libraries' allocations grow";
  EXPECT_GT(first, 0) << "oneDNN allocates a vector a call; the counter does not see it";
}

// Rank 0 of three, whose messages go nowhere.
class Nowhere final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 3; }
  std::string machine(int) const override { return "nowhere"; }
  void exchange(std::span<const Message> give, std::span<const Message>) override {
    given += give.size();
  }
  void await(const std::function<bool()>&) override {}
  size_t given = 0;
};

// Each step begins with it.
TEST(Allocation, TellingOtherRanksAllocatesNothing) {
  Nowhere ranks;
  int told = 0;
  broadcast(ranks, &told, sizeof(told));
  ours = 0;
  counting = true;
  for (int i = 0; i < 3; i++) broadcast(ranks, &told, sizeof(told));
  counting = false;
  EXPECT_EQ(ours, 0);
  EXPECT_EQ(ranks.given, 8u);
}

// The counter itself: an allocation of this program's own is seen.
TEST(AllocationCounter, SeesAnAllocation) {
  ours = 0;
  counting = true;
  std::vector<int>* volatile held = new std::vector<int>(1000);
  counting = false;
  EXPECT_GE(ours, 2);
  delete held;
}

std::string kind_name(const testing::TestParamInfo<Allocation::ParamType>& info) {
  const auto& [kind, loss] = info.param;
  return std::string(name_of(kind)) + (parse_loss(loss).is_plain_mse() ? "" : "_all_losses");
}
INSTANTIATE_TEST_SUITE_P(
    Networks, Allocation,
    testing::Combine(testing::Values(NetworkKind::fc, NetworkKind::conv, NetworkKind::unet),
                     testing::Values("mse", "mse+l1+ssim+ms_ssim+dct+perceptual")),
    kind_name);

}  // namespace
}  // namespace dae
#endif
