// The programs as people run them: what they make, and how they end when what they are given makes
// no sense. Every refusal is one line, with exit code 2 for usage and 1 for failure, and leaves
// nothing.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "data/files.h"
#include "data/image.h"
#include "data/synthetic.h"
#include "runtime/device.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int code = -1;
  std::string out, err;
};

class Programs : public testing::Test {
 protected:
  // Runs a program with its output in files and its cache in the test's folder.
  Outcome run(const std::string& command) {
    const std::string line = "XDG_CACHE_HOME=" + temporary_.file("cache") +
                             " OMP_NUM_THREADS=" + std::to_string(threads_) + " " + DAE_PROGRAMS +
                             "/" + command + " >" + temporary_.file("out") + " 2>" +
                             temporary_.file("err");
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("out"), read("err")};
  }
  std::string read(const std::string& name) {
    std::ifstream file(temporary_.file(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string path(const std::string& name) { return temporary_.file(name); }

  void make_photos(const std::string& folder, int count = 4) {
    fs::create_directories(path(folder));
    for (int i = 0; i < count; i++)
      save_png(path(folder) + "/leaf" + std::to_string(i) + ".png",
               draw_dead_leaves(3, static_cast<uint64_t>(i), 40 + 8 * i, 64));
  }
  // The smallest training there is, but for what `more` asks.
  std::string train(const std::string& more) {
    std::string command = "train_cuda --dataset " + path("photos") + " " + more;
    for (const char* option : {"--size 16", "--batch 2", "--width 4", "--blocks 1"}) {
      const std::string text = option, name = text.substr(0, text.find(' '));
      if (more.find(name) == std::string::npos) command += " " + text;
    }
    return command;
  }
  void expect_refused(const std::string& command, int code, const std::string& words) {
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.code, code) << command << "\n" << outcome.err;
    EXPECT_NE(outcome.err.find(words), std::string::npos) << command << "\n" << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_FALSE(fs::exists(path("run"))) << command << " left a run folder";
  }

  TemporaryFolder temporary_;
  int threads_ = 1;  // tests run side by side
};

// A training process of its own, with these options and its output in a file.
class Training {
 public:
  Training(const std::vector<std::string>& options, const std::string& cache,
           const std::string& log) {
    std::vector<char*> arguments;
    const std::string binary = std::string(DAE_PROGRAMS) + "/train_cuda";
    arguments.push_back(const_cast<char*>("train_cuda"));
    for (const std::string& option : options)
      arguments.push_back(const_cast<char*>(option.c_str()));
    arguments.push_back(nullptr);
    process_ = fork();
    if (process_ != 0) return;
    setenv("XDG_CACHE_HOME", cache.c_str(), 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    if (!freopen(log.c_str(), "w", stdout)) _exit(99);
    execv(binary.c_str(), arguments.data());
    _exit(98);
  }
  // The process's exit code after this signal; -SIGNAL when it died of one.
  int end(int signal) {
    kill(process_, signal);
    int status = 0;
    waitpid(process_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t process_;
};

template <class Condition>
void wait_for(const Condition& condition) {
  for (int i = 0; i < 1500 && !condition(); i++)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_TRUE(condition());
}

TEST_F(Programs, TrainEvaluateAndDenoise) {
  make_photos("photos");
  Outcome outcome = run(train("--steps 6 --out " + path("run")));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* name :
       {"config.json", "metrics.csv", "checkpoint.safetensors", "report.html", "samples/final.png"})
    EXPECT_TRUE(fs::exists(path("run/") + name)) << name;
  const auto config = nlohmann::json::parse(read("run/config.json"));
  EXPECT_EQ(config["data"]["held_out"].size(), 1u);
  EXPECT_EQ(config["optimizer"]["steps"], 6);
  // One picture is held out, and yet as many views of it are scored as of a hundred.
  EXPECT_NE(read("run/report.html").find("Mean over 128 held-out views"), std::string::npos);
  for (const auto& entry : fs::directory_iterator(path("run")))
    EXPECT_FALSE(entry.path().string().ends_with(".part")) << entry.path();

  outcome = run("evaluate " + path("run") + " --dataset " + path("photos") + " --json " +
                path("scores.json"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto scores = nlohmann::json::parse(read("scores.json"));
  EXPECT_EQ(scores["images"], 16);
  for (const char* row : {"all", "noise", "blur", "brightness", "channel", "clean"})
    EXPECT_TRUE(scores[row]["psnr"].contains("restored")) << row;
  EXPECT_TRUE(scores["clean"]["psnr"]["corrupted"].is_null()) << "infinity is null";

  // Odd sizes and shapes, whole folders, every picture restored to its own size.
  fs::create_directories(path("odd"));
  for (const auto& [h, w] : {std::pair<int64_t, int64_t>{1, 1}, {1, 300}, {17, 5}, {70, 33}})
    save_png(path("odd/") + std::to_string(h) + "x" + std::to_string(w) + ".png",
             draw_dead_leaves(1, 1, h, w));
  outcome = run("denoise " + path("run") + " " + path("odd") + " --out " + path("restored"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const auto& entry : fs::directory_iterator(path("odd"))) {
    const Image before = load_image(entry.path());
    const Image after = load_image(path("restored/") + entry.path().filename().string());
    EXPECT_EQ(before.height, after.height);
    EXPECT_EQ(before.width, after.width);
  }
  outcome = run("evaluate --pairs " + path("photos") + " " + path("photos"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

TEST_F(Programs, EveryModelTrainsAndRestores) {
  make_photos("photos");
  for (const std::string model : {"fc --latent 8", "conv --latent 64", "unet --width 8 --blocks 1",
                                  "unet --width 8 --skips off --global off --residual off"}) {
    const std::string run_folder = path("run" + std::to_string(model.size()));
    Outcome outcome =
        run("train_cuda --dataset " + path("photos") + " --size 16 --batch 2 --steps 2 --model " +
            model + " --out " + run_folder);
    ASSERT_EQ(outcome.code, 0) << model << outcome.err;
    outcome = run("denoise " + run_folder + " " + path("photos/leaf1.png") +
                  " --keep-colour --out " + path("restored"));
    ASSERT_EQ(outcome.code, 0) << model << outcome.err;
  }
}

// A sum of losses: its text in config.json, a column for each term and its gradient in metrics.csv,
// curves in the report; resuming keeps the columns and the bits.
TEST_F(Programs, TrainsForASumOfLosses) {
  make_photos("photos");
  const std::string options =
      "--size 24 --loss 'mse + 0.1*ssim+2e-2*ms_ssim+0.1*dct+0.3*l1' --steps 6 --out ";
  ASSERT_EQ(run(train(options + path("whole"))).code, 0) << read("err");
  const auto config = nlohmann::json::parse(read("whole/config.json"));
  EXPECT_EQ(config["loss"], "mse+0.1*ssim+0.02*ms_ssim+0.1*dct+0.3*l1");
  std::istringstream metrics(read("whole/metrics.csv"));
  std::string header, row;
  std::getline(metrics, header);
  EXPECT_TRUE(header.ends_with(
      "validation_psnr,mse,mse_gradient_norm,ssim,ssim_gradient_norm,ms_ssim,ms_ssim_gradient_norm,"
      "dct,dct_gradient_norm,l1,l1_gradient_norm"))
      << header;
  int rows = 0;
  while (std::getline(metrics, row)) {
    std::vector<std::string> fields;
    std::stringstream stream(row);
    for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
    ASSERT_EQ(fields.size(), 17u) << row;
    const double weights[] = {1, 0.1, 0.02, 0.1, 0.3};
    double sum = 0;
    for (size_t i = 0; i < std::size(weights); i++) {
      sum += weights[i] * std::stod(fields[7 + 2 * i]);
      EXPECT_GT(std::stod(fields[8 + 2 * i]), 0) << row;
    }
    EXPECT_NEAR(sum, std::stod(fields[2]), 1e-5) << row;
    rows++;
  }
  EXPECT_EQ(rows, 6);
  const std::string report = read("whole/report.html");
  for (const char* words : {"Terms of the loss", "Gradients of the weighted terms"})
    EXPECT_NE(report.find(words), std::string::npos) << words;

  ASSERT_EQ(run(train(options + path("parts"))).code, 0);
  ASSERT_EQ(run("train_cuda --resume --steps 9 --out " + path("whole")).code, 0) << read("err");
  ASSERT_EQ(run("train_cuda --resume --steps 9 --out " + path("parts")).code, 0) << read("err");
  EXPECT_EQ(read("whole/checkpoint.safetensors"), read("parts/checkpoint.safetensors"));
  EXPECT_TRUE(read("whole/metrics.csv").starts_with(header));
  // What the configuration says of the loss is checked.
  std::string text = read("parts/config.json");
  text.replace(text.find("mse+0.1*ssim"), 3, "msx");
  std::ofstream(path("parts/config.json")) << text;
  const Outcome outcome = run("train_cuda --resume --steps 12 --out " + path("parts"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("no term 'msx'"), std::string::npos) << outcome.err;
}

// A perceptual loss: without --features a network is trained for it first; it stays in the run
// folder, so that resuming needs nothing else, and another run can take it.
TEST_F(Programs, TrainsForAPerceptualLoss) {
  make_photos("photos");
  const std::string options = "--loss mse+0.01*perceptual --steps 6 --out ";
  const Outcome outcome = run(train(options + path("whole")));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* words : {"feature network: 1500 steps", "noise 0.", "blur 0."})
    EXPECT_NE(outcome.out.find(words), std::string::npos) << outcome.out;
  const std::string features = read("whole/features.safetensors");
  EXPECT_GT(features.size(), 4 * (3 * 9 * 16 + 16 * 9 * 32 + 32 * 9 * 64u));
  EXPECT_EQ(read("whole/config.json").find("features"), std::string::npos);
  EXPECT_NE(read("whole/metrics.csv").find(",perceptual,perceptual_gradient_norm"),
            std::string::npos);

  fs::copy_file(path("whole/features.safetensors"), path("judge.safetensors"));
  const std::string given = " --features " + path("judge.safetensors");
  ASSERT_EQ(run(train(options + path("parts") + given)).code, 0) << read("err");
  EXPECT_EQ(read("out").find("feature network"), std::string::npos) << "one was trained";
  EXPECT_EQ(read("parts/features.safetensors"), features);
  fs::remove(path("judge.safetensors"));
  for (const char* name : {"whole", "parts"})
    ASSERT_EQ(run("train_cuda --resume --steps 9 --out " + path(name)).code, 0) << read("err");
  EXPECT_EQ(read("whole/checkpoint.safetensors"), read("parts/checkpoint.safetensors"));

  // A file that is none, options that do not go together, a network too deep for the crops.
  std::ofstream(path("broken.safetensors")) << features.substr(0, features.size() / 2);
  const std::string broken = " --features " + path("broken.safetensors"),
                    out = " --out " + path("run");
  expect_refused(train("--loss perceptual --steps 6" + out + broken), 1,
                 path("broken.safetensors") + ": not a sound safetensors file");
  expect_refused(train("--loss perceptual --steps 6 --features nowhere" + out), 1, "nowhere");
  expect_refused(train("--loss l1 --steps 6" + out + broken), 2, "--features");
  fs::remove(path("parts/features.safetensors"));
  expect_refused("train_cuda --resume --steps 12 --out " + path("parts"), 1,
                 path("parts/features.safetensors"));
  expect_refused("train_cuda --resume --steps 12 --out " + path("whole") + broken, 2, "--features");
}

TEST_F(Programs, ResumingGivesTheBitsOfNeverHavingStopped) {
  threads_ = 2;
  make_photos("photos");
  ASSERT_EQ(run(train("--steps 8 --out " + path("whole"))).code, 0);
  // The same run, interrupted: its schedule is for eight steps, its checkpoint of an earlier one.
  ASSERT_EQ(run(train("--steps 8 --out " + path("parts"))).code, 0);
  ASSERT_EQ(run(train("--steps 4 --out " + path("half"))).code, 0);
  auto config = nlohmann::json::parse(read("half/config.json"));
  EXPECT_EQ(config["optimizer"]["steps"], 4);
  EXPECT_EQ(read("whole/checkpoint.safetensors"), read("parts/checkpoint.safetensors"));
  ASSERT_EQ(run("train_cuda --resume --steps 12 --out " + path("whole")).code, 0);
  ASSERT_EQ(run("train_cuda --resume --steps 12 --out " + path("parts")).code, 0);
  EXPECT_EQ(read("whole/checkpoint.safetensors"), read("parts/checkpoint.safetensors"));
  EXPECT_NE(read("whole/checkpoint.safetensors"), read("half/checkpoint.safetensors"));
}

TEST_F(Programs, CtrlCSavesAndResumeContinuesToTheSameBits) {
  make_photos("photos");
  ASSERT_EQ(run(train("--steps 2000 --out " + path("whole"))).code, 0);
  Training training({"--dataset", path("photos"), "--size", "16", "--batch", "2", "--width", "4",
                     "--blocks", "1", "--steps", "2000", "--out", path("cut")},
                    path("cache"), path("log"));
  // Once the first rows are there, training is under way.
  wait_for([&] { return read("cut/metrics.csv").size() >= 200; });
  const int code = training.end(SIGINT);
  if (code == 0) GTEST_SKIP() << "the run was over before it could be interrupted";
  EXPECT_EQ(code, 130);
  EXPECT_TRUE(fs::exists(path("cut/checkpoint.safetensors")));
  EXPECT_TRUE(fs::exists(path("cut/report.html")));
  ASSERT_EQ(run("train_cuda --resume --out " + path("cut")).code, 0);
  EXPECT_EQ(read("cut/checkpoint.safetensors"), read("whole/checkpoint.safetensors"));
}

TEST_F(Programs, CorruptMakesASheetAndCopies) {
  make_photos("photos");
  ASSERT_EQ(
      run("corrupt " + path("photos") + " --size 32 --count 4 --out " + path("sheet.png")).code, 0);
  EXPECT_GT(load_image(path("sheet.png")).width, 4 * 32);
  ASSERT_EQ(run("corrupt " + path("photos") + " --copies --out " + path("copies")).code, 0);
  const Image clean = load_image(path("photos/leaf2.png")),
              copy = load_image(path("copies/leaf2.png"));
  EXPECT_EQ(clean.height, copy.height);
  EXPECT_NE(clean.pixels, copy.pixels);
}

TEST_F(Programs, NoPictureIsWrittenOverItselfOrAnother) {
  make_photos("photos");
  const std::string before = read("photos/leaf1.png");
  expect_refused("corrupt " + path("photos") + " --copies --out " + path("photos"), 2, "itself");
  fs::copy_file(path("photos/leaf1.png"), path("photos/leaf1.bmp"));  // read by what is in it
  expect_refused("corrupt " + path("photos") + " --copies --out " + path("copies"), 2, "both");
  EXPECT_EQ(read("photos/leaf1.png"), before);
  EXPECT_FALSE(fs::exists(path("copies")));

  // CIFAR-10's images have no file names of their own.
  fs::create_directories(path("cifar"));
  std::ofstream(path("cifar/data_batch_1.bin"), std::ios::binary) << std::string(3 * 3073, '\x55');
  ASSERT_EQ(run("corrupt " + path("cifar") + " --copies --out " + path("copies")).code, 0);
  EXPECT_EQ(std::distance(fs::directory_iterator(path("copies")), fs::directory_iterator()), 3);
}

// File names are bytes: Latin-1 from an old disk must not end a run, nor upset a sheet's letters.
TEST_F(Programs, NamesNeedNotBeUtf8) {
  make_photos("photos");
  for (int i = 0; i < 4; i++)
    fs::rename(path("photos/leaf") + std::to_string(i) + ".png",
               path("photos/h\xfclle \xe2\x82\xac") + std::to_string(i) + ".png");
  Outcome outcome = run(train("--steps 2 --out " + path("run")));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto config = nlohmann::json::parse(read("run/config.json"));
  EXPECT_NE(config["data"]["held_out"][0].get<std::string>().find("h\\xfclle \xe2\x82\xac"),
            std::string::npos);
  outcome = run("evaluate " + path("run"));  // which has to find the picture held out
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  outcome = run("corrupt " + path("photos") + " --size 32 --count 4 --out " + path("sheet.png"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

TEST_F(Programs, ARunThatIsKilledBeforeItsFirstCheckpointStartsAgain) {
  make_photos("photos");
  ASSERT_EQ(run(train("--steps 8 --out " + path("whole"))).code, 0);
  ASSERT_EQ(run(train("--steps 8 --out " + path("cut"))).code, 0);
  fs::remove(path("cut/checkpoint.safetensors"));  // what SIGKILL in the first minute leaves
  const Outcome outcome = run("train_cuda --resume --out " + path("cut"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("step 0"), std::string::npos) << outcome.out;
  EXPECT_EQ(read("cut/checkpoint.safetensors"), read("whole/checkpoint.safetensors"));
}

TEST_F(Programs, OneTrainingARunFolderAndItsLinesComeAtOnce) {
  make_photos("photos");
  Training training({"--dataset", path("photos"), "--size", "16", "--batch", "2", "--width", "4",
                     "--blocks", "1", "--steps", "1000000", "--out", path("long")},
                    path("cache"), path("log"));
  // A log is not held back until 4 KiB of it are together.
  wait_for([&] { return read("log").find("weights") != std::string::npos; });
  EXPECT_LT(read("log").size(), 2000u);
  const Outcome outcome = run("train_cuda --resume --out " + path("long"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("another train_cuda"), std::string::npos) << outcome.err;
  // A terminal that is closed is no reason to lose the run.
  EXPECT_EQ(training.end(SIGHUP), 130);
  EXPECT_TRUE(fs::exists(path("long/checkpoint.safetensors")));
}

TEST_F(Programs, CtrlCBeforeTheFirstStepLeavesNothing) {
  make_photos("photos");
  Training training({"--dataset", path("photos"), "--time", "1000", "--out", path("run")},
                    path("cache"), path("log"));
  // Pictures are decoded: now it measures how fast it is.
  wait_for([&] { return fs::exists(path("cache/dae")) && !fs::is_empty(path("cache/dae")); });
  EXPECT_EQ(training.end(SIGINT), -SIGINT);
  EXPECT_FALSE(fs::exists(path("run")));
}

TEST_F(Programs, HelpTeaches) {
  for (const char* program : {"train_cuda", "denoise", "evaluate", "corrupt", "blur_report"}) {
    const Outcome outcome = run(std::string(program) + " --help");
    EXPECT_EQ(outcome.code, 0) << program;
    EXPECT_GT(outcome.out.size(), 500u) << program;
  }
}

TEST_F(Programs, RefusesWhatMakesNoSense) {
  make_photos("photos");
  const std::string out = " --out " + path("run");
  expect_refused("train_cuda" + out, 2, "--dataset");
  expect_refused(train("--wdith 3" + out), 2, "--wdith");
  expect_refused(train("--steps 3 --time 5" + out), 2, "--time");
  expect_refused(train("--steps 0" + out), 2, "--steps");
  expect_refused(train("--size 20" + out), 2, "--size");
  expect_refused(train("--batch 0" + out), 2, "--batch");
  expect_refused(train("--latent 5" + out), 2, "--latent");
  expect_refused(train("--skips maybe" + out), 2, "--skips");
  expect_refused(train("--noise 0.5:0.1" + out), 2, "--noise");
  expect_refused(train("--blur nan" + out), 2, "--blur");
  expect_refused(train("--blur ''" + out), 2, "--blur");
  expect_refused(train("--brightness 1:inf" + out), 2, "--brightness");
  expect_refused(train("--channel x" + out), 2, "--channel");
  expect_refused(train("--order film" + out), 2, "--order");
  expect_refused(train("--lr 0" + out), 2, "--lr");
  expect_refused(train("--lr nan" + out), 2, "--lr");
  expect_refused(train("--time nan" + out), 2, "--time");
  expect_refused(train("--time inf" + out), 2, "--time");
  expect_refused(train("--epochs 1e8" + out), 2, "--epochs");
  expect_refused(train("--seed -1" + out), 2, "--seed");
  expect_refused(train("--seed 18446744073709551616" + out), 2, "--seed");
  expect_refused(train("--val " + path("nowhere") + out), 1,
                 path("nowhere") + ": there is no such");
  expect_refused(train("--loss huber" + out), 2, "--loss huber");
  expect_refused(train("--loss mse+-1*l1" + out), 2, "positive number");
  expect_refused(train("--loss mse+0.1*ssim --size 8" + out), 2, "--size 8");
  expect_refused(train("--loss ms_ssim" + out), 2, "--size 16");
  expect_refused("train_cuda --model fc --width 8 --dataset synthetic" + out, 2, "--width");
  expect_refused("train_cuda --model conv --latent 7 --dataset synthetic" + out, 2, "--latent");
  expect_refused("train_cuda --resume", 2, "--out");
  expect_refused("evaluate", 2, "run folder");
  expect_refused("evaluate x --sigma nan", 2, "--sigma");
  expect_refused("evaluate x --sigma 25 --noise 3", 2, "--noise");
  expect_refused("evaluate x --view whole --views 3", 2, "--views");
  expect_refused("evaluate --pairs x y --sigma 25", 2, "--sigma");
  expect_refused("corrupt x --copies --size 32" + out, 2, "--size");
  expect_refused("denoise", 2, "RUN");
  expect_refused("corrupt", 2, "DATASET");
}

TEST_F(Programs, RefusesDataItCannotUse) {
  make_photos("photos");
  fs::create_directories(path("empty"));
  fs::create_directories(path("broken"));
  std::ofstream(path("broken/a.jpg")) << "this is not a picture";
  std::ofstream(path("broken/b.png")) << "";
  make_photos("single", 1);
  const std::string out = " --out " + path("run");
  expect_refused("train_cuda --dataset " + path("nowhere") + out, 1, "no such folder");
  expect_refused("train_cuda --dataset " + path("empty") + out, 1, "no images");
  expect_refused("train_cuda --dataset " + path("broken") + out, 1, "none of its 2 image files");
  expect_refused("train_cuda --dataset " + path("single") + out, 1, "--val");
  expect_refused("train_cuda --dataset " + path("photos/leaf0.png") + out, 1, "not a folder");
  expect_refused(train("--batch 65536 --size 512 --steps 1" + out), 1,
                 "the largest batch that fits");
  if (!cuda_available()) expect_refused(train("--device cuda" + out), 1, "--device cpu");
  if (geteuid() != 0)
    expect_refused(train("--steps 1 --out /proc/run"), 1, "/proc/run");
  else
    EXPECT_EQ(run(train("--steps 1 --out /proc/run")).code, 1);

  expect_refused("denoise " + path("nowhere") + " x.png" + out, 1, "no such run folder");
  expect_refused("denoise " + path("photos") + " x.png" + out, 1, "config.json");
  expect_refused("evaluate " + path("photos"), 1, "config.json");
  expect_refused("evaluate --pairs " + path("photos") + " " + path("empty"), 1, "no images");
}

TEST_F(Programs, SkipsBrokenPicturesAndNamesThem) {
  make_photos("photos");
  // A JPEG's start, cut off.
  std::ofstream(path("photos/cut.jpg"), std::ios::binary) << "\xff\xd8\xff\xe0 cut off";
  save_png(path("photos/point.png"), draw_dead_leaves(1, 1, 1, 1));
  save_png(path("photos/line.png"), draw_dead_leaves(1, 1, 1, 20000));
  const Outcome outcome = run(train("--steps 2 --out " + path("run")));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("1 of 7 images cannot be read"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("cut.jpg"), std::string::npos) << outcome.err;
  const Outcome denoised = run("denoise " + path("run") + " " + path("photos/cut.jpg") + " " +
                               path("photos/leaf1.png") + " --out " + path("restored"));
  EXPECT_EQ(denoised.code, 1);
  EXPECT_NE(denoised.err.find("cut.jpg"), std::string::npos) << denoised.err;
  EXPECT_TRUE(fs::exists(path("restored/leaf1.png")));
}

TEST_F(Programs, AnExistingOutIsRefusedAndADamagedRunNamed) {
  make_photos("photos");
  ASSERT_EQ(run(train("--steps 2 --out " + path("taken"))).code, 0);
  const std::string before = read("taken/checkpoint.safetensors");
  Outcome outcome = run(train("--steps 2 --out " + path("taken")));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("--resume"), std::string::npos);
  EXPECT_EQ(read("taken/checkpoint.safetensors"), before);
  outcome = run("train_cuda --resume --width 8 --out " + path("taken"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("--width"), std::string::npos);
  outcome = run("train_cuda --resume --out " + path("taken"));
  EXPECT_EQ(outcome.code, 2) << "nothing left to do";
  EXPECT_NE(outcome.err.find("larger"), std::string::npos) << outcome.err;

  // A checkpoint of another network, then one that was cut off.
  ASSERT_EQ(run("train_cuda --dataset " + path("photos") +
                " --size 16 --batch 2 --width 8 --blocks 1 --steps 1 --out " + path("other"))
                .code,
            0);
  fs::copy_file(path("other/checkpoint.safetensors"), path("taken/checkpoint.safetensors"),
                fs::copy_options::overwrite_existing);
  outcome =
      run("denoise " + path("taken") + " " + path("photos/leaf1.png") + " --out " + path("r"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("expected"), std::string::npos) << outcome.err;
  EXPECT_FALSE(fs::exists(path("r")));
  write_file_atomically(path("taken/checkpoint.safetensors"),
                        std::string_view(before).substr(0, before.size() / 2));
  outcome =
      run("denoise " + path("taken") + " " + path("photos/leaf1.png") + " --out " + path("r"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("cut off"), std::string::npos) << outcome.err;
  write_file_atomically(path("taken/checkpoint.previous.safetensors"), std::string_view(before));
  outcome = run("train_cuda --resume --steps 4 --out " + path("taken"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("remove it to go on from"), std::string::npos) << outcome.err;
  fs::remove(path("taken/checkpoint.safetensors"));
  EXPECT_EQ(run("train_cuda --resume --steps 4 --out " + path("taken") + "/").code, 0);
  const auto config = nlohmann::json::parse(read("taken/config.json"));
  EXPECT_EQ(config["budget"], "--steps 2; from step 2: --steps 4");
  EXPECT_NE(read("taken/report.html").find("<h1>Run taken</h1>"), std::string::npos);
  std::ofstream(path("taken/config.json")) << "{}";
  outcome =
      run("denoise " + path("taken") + " " + path("photos/leaf1.png") + " --out " + path("r"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("config.json"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace dae::test
