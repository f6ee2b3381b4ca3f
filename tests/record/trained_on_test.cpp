// Which pictures a run has seen, wherever one looks at them from.
#include "record/trained_on.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

TEST(TrainedOn, IsWhatTheDatasetHasAndWasNotHeldOut) {
  const TemporaryFolder folder;
  for (const char* const name : {"photos/a", "photos2", "others"})
    std::filesystem::create_directories(folder.file(name));
  RunConfig run;
  run.dataset = folder.file("photos/");
  run.held_out = {"a/b.jpg", "h\\xfc.jpg"};  // as it is written where a name is no UTF-8
  const auto seen = [&](const std::string& path, const std::string& name) {
    return trained_on(run, folder.file(path))(name);
  };
  EXPECT_FALSE(seen("photos", "a/b.jpg"));
  EXPECT_FALSE(seen("photos", "h\xfc.jpg"));
  EXPECT_TRUE(seen("photos", "a/c.jpg"));
  EXPECT_TRUE(seen("photos", "b.jpg"));
  // A folder in it and one around it.
  EXPECT_FALSE(seen("photos/a", "b.jpg"));
  EXPECT_TRUE(seen("photos/a", "c.jpg"));
  EXPECT_FALSE(seen(".", "photos/a/b.jpg"));
  EXPECT_TRUE(seen(".", "photos/a/c.jpg"));
  EXPECT_FALSE(seen(".", "others/c.jpg"));
  // Others, by whatever name.
  EXPECT_FALSE(seen("others", "a/c.jpg"));
  EXPECT_FALSE(seen("photos2", "a/c.jpg"));
  EXPECT_TRUE(seen("others/../photos", "a/c.jpg"));
  EXPECT_FALSE(seen("photos", "../others/c.jpg"));
  EXPECT_EQ(validated_on(run), run.dataset);
}

// Datasets are often links, and whoever looks at the pictures may come by another.
TEST(TrainedOn, LinksLeadToTheSamePictures) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("photos/a"));
  std::filesystem::create_directory_symlink(folder.file("photos"), folder.file("link"));
  RunConfig run;
  run.held_out = {"a/b.jpg"};
  for (const auto& [trained, looked_at] : {std::pair{"photos", "link"}, {"link", "photos"}}) {
    run.dataset = folder.file(trained);
    const auto seen = trained_on(run, folder.file(looked_at));
    EXPECT_TRUE(seen("a/c.jpg")) << trained;
    EXPECT_FALSE(seen("a/b.jpg")) << trained;
  }
}

// What is held out then lies elsewhere: a picture of the same name was trained on.
TEST(TrainedOn, AnotherValidationHoldsNothingOut) {
  RunConfig run;
  run.dataset = "photos";
  run.validation = "others";
  run.held_out = {"a/b.jpg"};
  EXPECT_TRUE(trained_on(run, "photos")("a/b.jpg"));
  EXPECT_FALSE(trained_on(run, "others")("a/b.jpg"));
  EXPECT_EQ(validated_on(run), "others");
}

}  // namespace
}  // namespace dae::test
