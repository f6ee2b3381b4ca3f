#include "tests/support/variants.h"

#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/simulator.h"

namespace dae::test {
namespace {

using simulated::Schedule;
using simulated::ThreadOrder;

std::function<void()> with(ThreadOrder order, Schedule schedule, uint64_t seed) {
  return [=] { simulated::settings() = {order, schedule, seed}; };
}

}  // namespace

std::vector<Variant> variants(Device) {
  std::vector<Variant> list = {
      {"in order", with(ThreadOrder::forward, Schedule::eager, 1)},
      {"threads reversed, as late as possible", with(ThreadOrder::reversed, Schedule::latest, 1)},
      {"warps reversed", with(ThreadOrder::warps_reversed, Schedule::random, 1)},
      {"random", with(ThreadOrder::random, Schedule::random, 2)}};
  // The sanitizers find what they look for in any order, and are slow.
  if (watcher() != Watcher::none) list.resize(1);
  return list;
}
std::vector<Variant> many_variants(Device device) {
  std::vector<Variant> list = variants(device);
  list.push_back({"copies first", with(ThreadOrder::forward, Schedule::copies_first, 1)});
  for (uint64_t seed = 3; seed <= 21; seed++)
    list.push_back({"random, seed " + std::to_string(seed),
                    with(ThreadOrder::forward, Schedule::random, seed)});
  return list;
}
Watcher watcher() {
  return simulated::kAsan ? Watcher::address : simulated::kTsan ? Watcher::thread : Watcher::none;
}
void watch_launches() {
  simulated::settings().launches_as_threads = true;
}
std::vector<Device> tested_devices() {
  return {Device::cuda};
}
std::string tested_name(Device) {
  return "simulated";
}

}  // namespace dae::test
