// Files of compiled engines: read as they were written, or not at all.
#include "record/plan_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <span>

#include "data/files.h"
#include "runtime/error.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const json kMachine = {{"gpu", "A"}, {"driver", 13000}, {"cudnn", 91900}};
const std::string kEngine = "forward of 16x64x64x32: engine 57, knobs 2=5";
const std::string kPlan("{\"a\":\n1}\0\x80\n", 12);

class PlanFile : public testing::Test {
 protected:
  PlanFile() { write_plan(plans_, kMachine, kEngine, kPlan); }
  std::optional<std::string> read() const { return read_plan(plans_, kMachine, kEngine); }
  fs::path file() const { return fs::directory_iterator(plans_)->path(); }
  // In its place: a file system may write one to the disk at once that was emptied first.
  static void overwrite(const fs::path& place, std::span<const uint8_t> bytes) {
    std::fstream(place, std::ios::binary | std::ios::in | std::ios::out)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    fs::resize_file(place, bytes.size());
  }

  TemporaryFolder folder_;
  fs::path plans_ = folder_.path() / "cache" / "plans";
};

TEST_F(PlanFile, GivesBackWhatWasWritten) {
  EXPECT_EQ(read(), kPlan);
  EXPECT_EQ(file().extension(), ".plan");
  write_plan(plans_, kMachine, "another", "");
  write_plan(plans_, kMachine, kEngine, "newer");
  EXPECT_EQ(read(), "newer");
  EXPECT_EQ(read_plan(plans_, kMachine, "another"), "");
  EXPECT_EQ(files_below(plans_).files.size(), 2u);
}

TEST_F(PlanFile, HoldsForTheSameEngineGpuAndLibrariesAlone) {
  EXPECT_EQ(read_plan(plans_, kMachine, "another"), std::nullopt);
  EXPECT_EQ(read_plan(folder_.path() / "nowhere", kMachine, kEngine), std::nullopt);
  for (const char* const field : {"gpu", "driver", "cudnn"}) {
    json other = kMachine;
    other[field] = "B";
    EXPECT_EQ(read_plan(plans_, other, kEngine), std::nullopt) << field;
    // Nor where somebody has put it in the place of the other's.
    const fs::path mine = file();
    TemporaryFolder theirs;
    write_plan(theirs.path(), other, kEngine, kPlan);
    const fs::path place = fs::directory_iterator(theirs.path())->path();
    fs::copy_file(mine, place, fs::copy_options::overwrite_existing);
    EXPECT_EQ(read_plan(theirs.path(), other, kEngine), std::nullopt) << field;
  }
}

TEST_F(PlanFile, IsNotReadOnceABitHasFlippedOrItsEndIsMissing) {
  const std::vector<uint8_t> whole = read_file(file());
  const fs::path place = file();
  for (size_t bit = 0; bit < 8 * whole.size(); bit++) {
    std::vector<uint8_t> damaged = whole;
    damaged[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    overwrite(place, damaged);
    EXPECT_EQ(read(), std::nullopt) << "bit " << bit;
  }
  for (size_t length = 0; length < whole.size(); length++) {
    overwrite(place, std::span(whole).first(length));
    EXPECT_EQ(read(), std::nullopt) << length << " bytes";
  }
  overwrite(place, whole);
  EXPECT_EQ(read(), kPlan);
}

TEST_F(PlanFile, IsNotReadFromSomebodyElse) {
  if (chown(file().c_str(), 65534, 65534) != 0)
    GTEST_SKIP() << "needs the right to give a file away";
  EXPECT_EQ(read(), std::nullopt);
}

TEST_F(PlanFile, SaysWhyItCannotBeWritten) {
  std::ofstream(folder_.file("a file")) << "x";
  EXPECT_ANY_THROW(write_plan(folder_.path() / "a file", kMachine, kEngine, kPlan));
}

}  // namespace
}  // namespace dae::test
