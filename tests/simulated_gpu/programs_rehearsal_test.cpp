// The programs as people run them, with --device cuda, on the simulated GPU: train, resume,
// evaluate, restore and compare, with photographs on the GPU and streamed, with a perceptual loss,
// with too little memory, and on a GPU that breaks. Device memory is protected from the host, so
// any pointer in the wrong hands ends them.
//
// Simulated GPU: without sanitizers (the programs that it starts are built without)
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/image.h"
#include "data/synthetic.h"
#include "tests/support/json_file.h"
#include "tests/support/programs.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

class SimulatedPrograms : public Programs {
 protected:
  void SetUp() override {
    fs::create_directories(path("photos"));
    // Crops are 8 pixels, so the last picture is smaller.
    uint64_t i = 0;
    for (const auto& [height, width] :
         {std::pair<int64_t, int64_t>{40, 64}, {48, 30}, {56, 56}, {12, 90}, {5, 6}}) {
      save_png(path("photos/leaf") + std::to_string(i) + ".png",
               draw_dead_leaves(3, i, height, width));
      i++;
    }
  }

  Outcome run(const std::string& command, const std::string& environment = "") {
    return Programs::run("simulated/" + command, environment);
  }
  Outcome train_on(const std::string& device, const std::string& out, const std::string& more = "",
                   const std::string& environment = "") {
    const std::string batch = more.find("--batch") == std::string::npos ? " --batch 16" : "";
    return run(train("--device " + device + " --precision fp32 --size 8 --width 1 --steps 5" +
                     batch + " --out " + path(out) + " " + more),
               environment);
  }
  Outcome resume(const std::string& out, const std::string& device,
                 const std::string& environment = "") {
    return run("train_cuda --resume --steps 8 --device " + device + " --out " + path(out),
               environment);
  }
  void copy_run(const std::string& from, const std::string& to) {
    fs::copy(path(from), path(to), fs::copy_options::recursive);
  }
};

bool says(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

// What was chosen by time is there for the next process, which has nothing to add, and in the run:
// the form of conv's upsampling, and of a unet's residual blocks by themselves and on the way back.
TEST_F(SimulatedPrograms, TellEachOtherWhichEnginesTheyChose) {
  const auto train_one_step = [&](const std::string& model, const std::string& out) {
    const Outcome outcome = run("train_cuda --dataset synthetic --device cuda --model " + model +
                                " --size 8 --batch 1 --steps 1 --out " + path(out));
    EXPECT_EQ(outcome.code, 0) << outcome.out << outcome.err;
  };
  const std::string unet = "unet --width 32 --levels 1 --blocks 1";
  train_one_step("conv", "first");
  train_one_step(unet, "first-unet");
  const std::string engines = read("cache/dae/engines.jsonl");
  for (const char* problem :
       {"upsample and convolve", "residual block, forward, its middle kept, of bf16 ",
        "residual block, gradients and the second filters', of bf16 "})
    EXPECT_TRUE(says(engines, problem)) << engines;
  EXPECT_TRUE(says(engines, "\"gpu\":\"simulated GPU\"")) << engines;
  EXPECT_TRUE(says(read("first-unet/config.json"),
                   "residual block, gradients and the second filters', of bf16 "));
  train_one_step("conv", "second");
  train_one_step(unet, "second-unet");
  EXPECT_EQ(read("cache/dae/engines.jsonl"), engines);
}

TEST_F(SimulatedPrograms, TrainResumeEvaluateAndRestore) {
  Outcome outcome = train_on("cuda", "run");
  ASSERT_EQ(outcome.code, 0) << outcome.out << outcome.err;
  EXPECT_TRUE(says(outcome.out, "memory on the GPU")) << outcome.out;
  EXPECT_TRUE(says(outcome.out, "(all of them)")) << outcome.out;
  for (const char* name :
       {"config.json", "metrics.csv", "checkpoint.safetensors", "report.html", "samples/final.png"})
    EXPECT_TRUE(fs::exists(path("run/") + name)) << name;
  const auto device = json_file(path("run/config.json"))["device"];
  EXPECT_EQ(device["kind"], "cuda");
  EXPECT_EQ(device["gpu"], "simulated GPU");
  EXPECT_FALSE(device["engines"].empty());

  // The same checkpoint goes on to the same bits, twice; on the CPU with a word of warning.
  copy_run("run", "again");
  copy_run("run", "on_cpu");
  outcome = resume("run", "auto");
  ASSERT_EQ(outcome.code, 0) << outcome.out << outcome.err;
  EXPECT_FALSE(says(outcome.out, "Resumed elsewhere")) << outcome.out;
  ASSERT_EQ(resume("again", "cuda").code, 0);
  EXPECT_EQ(read("run/checkpoint.safetensors"), read("again/checkpoint.safetensors"));
  outcome = resume("on_cpu", "cpu");
  ASSERT_EQ(outcome.code, 0) << outcome.out << outcome.err;
  EXPECT_TRUE(says(outcome.out, "device was cuda and is cpu")) << outcome.out;
  EXPECT_TRUE(says(read("on_cpu/report.html"), "device was cuda and is cpu"));

  // The CPU, whose every op is tested by itself, says what is right.
  for (const std::string view : {"crops", "whole"}) {
    nlohmann::json scores[2];
    for (const std::string on : {"cuda", "cpu"}) {
      outcome = run("evaluate " + path("run") + (view == "crops" ? " --views 1" : "") + " --view " +
                    view + " --device " + on + " --json " + path(on + ".json"));
      ASSERT_EQ(outcome.code, 0) << outcome.err;
      scores[on == "cpu"] = json_file(path(on + ".json"));
    }
    for (const char* row : {"all", "noise", "blur", "clean"})
      EXPECT_NEAR(scores[0][row]["psnr"]["restored"].get<double>(),
                  scores[1][row]["psnr"]["restored"].get<double>(), 0.01)
          << view << " " << row;
  }
  for (const std::string on : {"cuda", "cpu"}) {
    outcome = run("denoise " + path("run") + " " + path("photos") + " --device " + on + " --out " +
                  path(on));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  for (const auto& entry : fs::directory_iterator(path("photos"))) {
    const std::string name = entry.path().filename().string();
    const Image gpu = load_image(path("cuda/" + name)), cpu = load_image(path("cpu/" + name));
    ASSERT_EQ(gpu.pixels.size(), cpu.pixels.size());
    for (size_t i = 0; i < gpu.pixels.size(); i++)
      ASSERT_LE(std::abs(gpu.pixels[i] - cpu.pixels[i]), 1) << name << " " << i;
  }
}

// The last row of metrics.csv, by column.
std::map<std::string, double> last_metrics(const std::string& csv) {
  std::istringstream lines(csv);
  std::string header, line, last;
  std::getline(lines, header);
  while (std::getline(lines, line)) last = line;
  std::istringstream names(header), values(last);
  std::map<std::string, double> row;
  for (std::string name, value; std::getline(names, name, ',') && std::getline(values, value, ',');)
    row[name] = value.empty() ? NAN : std::stod(value);
  return row;
}

// Its judge is trained first, on the CPU, kept with the run and found again by --resume.
TEST_F(SimulatedPrograms, APerceptualLossIsThatOfTheCpu) {
  for (const std::string on : {"cuda", "cpu"}) {
    Outcome outcome = train_on(on, on, "--loss mse+0.3*perceptual");
    ASSERT_EQ(outcome.code, 0) << outcome.out << outcome.err;
    EXPECT_TRUE(says(outcome.out, "feature network: ")) << outcome.out;
    outcome = resume(on, on);
    ASSERT_EQ(outcome.code, 0) << outcome.out << outcome.err;
    EXPECT_FALSE(says(outcome.out, "feature network: ")) << outcome.out;
  }
  EXPECT_EQ(read("cuda/features.safetensors"), read("cpu/features.safetensors"));
  const std::map<std::string, double> gpu = last_metrics(read("cuda/metrics.csv")),
                                      cpu = last_metrics(read("cpu/metrics.csv"));
  ASSERT_EQ(gpu.at("step"), 8);
  ASSERT_EQ(cpu.at("step"), 8);
  EXPECT_GT(cpu.at("perceptual"), 0);
  for (const char* const column : {"loss", "mse", "perceptual", "mse_gradient_norm",
                                   "perceptual_gradient_norm", "gradient_norm"})
    EXPECT_NEAR(gpu.at(column) / cpu.at(column), 1, 0.01) << column;
}

// The judge's distance, dead leaves and edges included.
TEST_F(SimulatedPrograms, ABlurReportIsThatOfTheCpu) {
  ASSERT_EQ(train_on("cuda", "run").code, 0);
  fs::create_directories(path("unseen"));
  for (const uint64_t i : {11, 12})
    save_png(path("unseen/leaf") + std::to_string(i) + ".png", draw_dead_leaves(3, i, 40, 48));
  nlohmann::json reports[2];
  for (const std::string on : {"cuda", "cpu"}) {
    const Outcome outcome =
        run("blur_report " + path("run") + " --dataset " + path("unseen") + " --size 32 --device " +
            on + " --out " + path(on + ".html") + " --json " + path(on + ".json"));
    ASSERT_EQ(outcome.code, 0) << outcome.out << outcome.err;
    reports[on == "cpu"] = json_file(path(on + ".json"));
  }
  for (const char* const measure :
       {"psnr", "transfer_low", "error_high", "texture", "mtf50_06", "perceptual"}) {
    SCOPED_TRACE(measure);
    const auto of = [&](int i) { return reports[i]["runs"][0].at(measure)["value"].get<double>(); };
    EXPECT_NEAR(of(0) / of(1), 1, 0.01);
  }
}

// Bytes as the memory report gives them after `label`.
double reported(const std::string& out, const std::string& label) {
  const size_t at = out.find(label);
  if (at == std::string::npos) return 0;
  std::istringstream text(out.substr(at + label.size()));
  double value = 0;
  std::string unit;
  text >> value >> unit;
  return value * (unit.starts_with("KiB") ? 1 << 10 : 1 << 20);
}

TEST_F(SimulatedPrograms, PhotographsThatDoNotFitAreStreamedToTheSameBits) {
  // Without the global path, whose weights are so many that the report counts in tenths of MiB.
  const Outcome resident = train_on("cuda", "resident", "--global off");
  ASSERT_EQ(resident.code, 0) << resident.err;
  const double all = reported(resident.out, "memory on the GPU: "),
               photographs = reported(resident.out, "photographs ");
  ASSERT_GT(photographs, 0) << resident.out;
  // Where they would fit, but take more than half of what the rest of the run leaves.
  const auto capacity = static_cast<int64_t>((all + 0.5 * photographs) * 16 / 15);
  const Outcome streamed = train_on("cuda", "streamed", "--global off",
                                    "DAE_SIMULATED_CAPACITY=" + std::to_string(capacity));
  ASSERT_EQ(streamed.code, 0) << streamed.out << streamed.err;
  EXPECT_TRUE(says(streamed.out, "(streamed)")) << streamed.out;
  EXPECT_EQ(read("resident/checkpoint.safetensors"), read("streamed/checkpoint.safetensors"));
}

TEST_F(SimulatedPrograms, TooLittleMemoryIsRefusedBeforeAnythingIsWritten) {
  const Outcome outcome = train_on("cuda", "run", "--batch 512", "DAE_SIMULATED_CAPACITY=8000000");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(says(outcome.err, "the largest batch that fits is")) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_FALSE(fs::exists(path("run")));
}

TEST_F(SimulatedPrograms, ABrokenGpuKeepsTheLastCheckpoint) {
  Outcome outcome = train_on("cuda", "young", "", "DAE_SIMULATED_FAIL_AFTER=300");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(says(outcome.err, "an illegal memory access was encountered")) << outcome.err;
  EXPECT_TRUE(says(outcome.err, "no checkpoint yet")) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_FALSE(fs::exists(path("young/checkpoint.safetensors")));

  ASSERT_EQ(train_on("cuda", "run").code, 0);
  const std::string before = read("run/checkpoint.safetensors");
  outcome = resume("run", "cuda", "DAE_SIMULATED_FAIL_AFTER=300");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(says(outcome.err, "keeps the checkpoint of step 5")) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_EQ(read("run/checkpoint.safetensors"), before);
  EXPECT_EQ(resume("run", "cuda").code, 0);
}

}  // namespace
}  // namespace dae::test
