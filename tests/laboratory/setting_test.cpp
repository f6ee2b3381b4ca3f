// Which runs the questions of the blur laboratory are answered from, and what they are trained for.
#include "laboratory/setting.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/error.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

TEST(LabSetting, HasEveryRunThatQuestionsAskFor) {
  for (const char* const name : {"small", "full", "large"}) {
    const LabSetting setting = find_setting(name);
    std::set<std::string> names;
    for (const LabRun& run : runs_of(setting)) {
      EXPECT_TRUE(names.insert(run.name).second) << run.name << " twice";
      EXPECT_NO_THROW(check(run.config.network)) << run.name;
      EXPECT_NO_THROW(check(run.config.loss, run.config.network.size)) << run.name;
      EXPECT_NE(run.steps > 0, run.seconds > 0) << run.name;
    }
    for (const char* const asked :
         {lab::kUnet, lab::kUnet2T, lab::kUnet4T, lab::kNoSkips, lab::kNotResidual,
          lab::kBottleneck, lab::kDense, lab::kWide, lab::kCleanSkips, lab::kNoiseAlone,
          lab::kBlurAlone, lab::kLightAlone, lab::kCamera})
      EXPECT_TRUE(names.contains(asked)) << asked;
    for (const char* const model : {"fc", "conv", "unet"})
      EXPECT_TRUE(names.contains(lab::clean_run(model, setting.latents.back()))) << model;
    for (const std::string& loss : setting.losses) {
      EXPECT_TRUE(names.contains(lab::loss_run(loss))) << loss;
      EXPECT_EQ(names.contains(lab::loss_run(loss, true)), setting.seconds > 0) << loss;
    }
  }
  EXPECT_EQ(said<UsageError>([] { find_setting("medium"); }),
            "--train medium: there is no such setting; give small, full or large");
}

// Networks of one question differ in what the question is about alone.
TEST(LabSetting, ChangesOneThingAtATime) {
  std::map<std::string, RunConfig> configs;
  for (const LabRun& run : runs_of(find_setting("small"))) configs[run.name] = run.config;
  const RunConfig& base = configs[lab::kUnet];
  RunConfig no_skips = configs[lab::kNoSkips], l1 = configs[lab::loss_run("l1")];
  EXPECT_FALSE(no_skips.network.skips);
  EXPECT_EQ(to_string(l1.loss), "l1");
  no_skips.network.skips = true;
  l1.loss = base.loss;
  EXPECT_EQ(to_json(no_skips), to_json(base));
  EXPECT_EQ(to_json(l1), to_json(base));
  for (const char* const name : {"small", "full", "large"}) {
    const LabSetting setting = find_setting(name);
    for (const LabRun& run : runs_of(setting)) configs[run.name] = run.config;
    RunConfig skips = configs[lab::kCleanSkips];
    skips.network.skips = false;
    EXPECT_EQ(to_json(skips), to_json(configs[lab::clean_run("unet", setting.latents.back())]))
        << name;
    configs.clear();
  }
  for (const LabRun& run : runs_of(find_setting("small"))) configs[run.name] = run.config;
  // Equal latents: the lowest level of a unet without skips holds as many numbers.
  const NetworkConfig& unet = configs[lab::clean_run("unet", 2048)].network;
  EXPECT_EQ(8 * unet.width * (unet.size / 8) * (unet.size / 8), 2048);
  EXPECT_EQ(configs[lab::clean_run("fc", 2048)].network.latent, 2048);
}

// A run is of T steps unless its name says otherwise.
TEST(LabSetting, SaysHowLongEachRunIs) {
  for (const char* const name : {"small", "full", "large"}) {
    const LabSetting setting = find_setting(name);
    for (const LabRun& run : runs_of(setting)) {
      const bool timed = run.name.ends_with("-seconds");
      EXPECT_EQ(run.seconds, timed ? setting.seconds : 0) << run.name;
      EXPECT_EQ(run.steps, timed                      ? 0
                           : run.name == lab::kUnet2T ? 2 * setting.steps
                           : run.name == lab::kUnet4T ? 4 * setting.steps
                                                      : setting.steps)
          << run.name;
    }
  }
}

// A specialist sees its own kind at all strengths that the others see, and nothing else.
TEST(LabSetting, SpecialistsSeeTheirOwnKindAlone) {
  const Range off{0, 0, false};
  CorruptSpec noise, blur, light, camera;
  noise.blur = noise.brightness = noise.channel = off;
  blur.noise = blur.brightness = blur.channel = off;
  light.noise = light.blur = off;
  camera.order = Order::camera;
  std::map<std::string, CorruptSpec> specs;
  for (const LabRun& run : runs_of(find_setting("small"))) specs[run.name] = run.config.corruption;
  EXPECT_EQ(specs.at(lab::kUnet), CorruptSpec{});
  EXPECT_EQ(specs.at(lab::kNoiseAlone), noise);
  EXPECT_EQ(specs.at(lab::kBlurAlone), blur);
  EXPECT_EQ(specs.at(lab::kLightAlone), light);
  EXPECT_EQ(specs.at(lab::kCamera), camera);
  EXPECT_EQ(light_alone(), light);
  EXPECT_EQ(camera_order(), camera);
  // What they are tested under, at one strength.
  noise.noise = {25, 25};
  blur.blur = {1.5f, 1.5f};
  EXPECT_EQ(noise_of(25), noise);
  EXPECT_EQ(blur_of(1.5f), blur);
}

}  // namespace
}  // namespace dae::test
