// The record of what a run was computed on, and what is said when it is resumed on something else.
#include "record/device_record.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/text.h"
#include "runtime/device.h"
#include "tests/support/json_file.h"
#include "tests/support/on_device.h"
#include "tests/support/variants.h"

namespace dae::test {
namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;

json gpu_record() {
  return json_from(R"({"kind": "cuda", "gpu": "A", "driver": 13000, "runtime": 13000,
    "cudnn": 91002, "cublaslt": 130100, "engines": {"conv 1": {"engine": "57", "seconds": 0.1},
                                "conv 2": {"engine": "3", "seconds": 0.2}}})");
}

TEST(DeviceRecord, TheSameDeviceDiffersInNothing) {
  EXPECT_EQ(device_changes(gpu_record(), gpu_record()), Lines{});
  EXPECT_EQ(device_changes(describe_device(Device::cpu), describe_device(Device::cpu)), Lines{});
  json now = gpu_record();
  now["engines"]["conv 1"]["seconds"] = 0.3;  // measured again
  now["engines"]["conv 3"]["engine"] = "9";   // of a plan that the run did not have then
  EXPECT_EQ(device_changes(gpu_record(), now), Lines{});
}

TEST(DeviceRecord, EveryDifferenceIsNamed) {
  json now = gpu_record();
  now["gpu"] = "B";
  now["driver"] = 13010;
  now["runtime"] = 13020;
  now["cudnn"] = 91300;
  now["cublaslt"] = 130200;
  now["engines"]["conv 2"]["engine"] = "4";
  EXPECT_EQ(device_changes(gpu_record(), now),
            (Lines{"GPU was A and is B", "CUDA driver was 13000 and is 13010",
                   "CUDA runtime was 13000 and is 13020", "cuDNN was 91002 and is 91300",
                   "cuBLASLt was 130100 and is 130200", "engine of conv 2 was 3 and is 4"}));
  EXPECT_EQ(device_changes(gpu_record(), describe_device(Device::cpu)),
            Lines{"device was cuda and is cpu"});
}

class DeviceRecordOf : public OnDevice {};

TEST_P(DeviceRecordOf, ADeviceSaysAllThatItsBitsDependOn) {
  EXPECT_EQ(keys_of(describe_device(GetParam())),
            GetParam() == Device::cpu ? "kind" : "cublaslt cudnn driver engines gpu kind runtime");
}

// The simulated GPU's driver is younger than its runtime.
TEST_P(DeviceRecordOf, AGpuIsNotedAsItDescribesItself) {
  if (GetParam() == Device::cpu) GTEST_SKIP() << "the CPU is not described";
  const GpuDescription gpu = describe_gpu();
  const json noted = describe_device(GetParam());
  EXPECT_EQ(noted["gpu"], gpu.name);
  EXPECT_EQ(noted["driver"], gpu.driver);
  EXPECT_EQ(noted["runtime"], gpu.runtime);
}

INSTANTIATE_TEST_SUITE_P(Devices, DeviceRecordOf, testing::ValuesIn(tested_devices()),
                         [](const auto& device) { return tested_name(device.param); });

TEST(DeviceRecord, EveryDifferenceOfSoftwareIsNamed) {
  const json then = json_from(R"({"dae": "0.1.0", "oneDNN": "2.6.3", "instruction_set": 231,
    "cpu": "A", "threads": 2, "compiler": "12.2.0"})");
  EXPECT_EQ(software_changes(then, then), Lines{});
  const json now = json_from(R"({"dae": "0.2.0", "oneDNN": "3.0.0", "instruction_set": 63,
    "cpu": "B", "threads": 1, "compiler": "14.1.0"})");
  EXPECT_EQ(software_changes(then, now),
            (Lines{"dae was 0.1.0 and is 0.2.0", "oneDNN was 2.6.3 and is 3.0.0",
                   "the compiler was 12.2.0 and is 14.1.0", "the CPU was A and is B",
                   "oneDNN's instruction set was 231 and is 63", "threads was 2 and is 1"}));
  EXPECT_EQ(software_changes(json(), now), Lines{});
}

TEST(DeviceRecord, OldRunsWithoutARecordDifferInNothing) {
  EXPECT_EQ(device_changes(json(), gpu_record()), Lines{});
  EXPECT_EQ(device_changes(json::object(), gpu_record()), Lines{});
}

}  // namespace
}  // namespace dae::test
