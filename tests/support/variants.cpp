#include "tests/support/variants.h"

namespace dae::test {

std::vector<Variant> variants(Device) {
  return {{"as it is", [] {}}};
}
std::vector<Variant> many_variants(Device device) {
  return variants(device);
}
Watcher watcher() {
  return Watcher::none;
}
void watch_launches() {}
std::vector<Device> tested_devices() {
  return {Device::cpu, Device::cuda};
}
std::string tested_name(Device device) {
  return name_of(device);
}

}  // namespace dae::test
