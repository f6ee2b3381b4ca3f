// What the programs make, and what they do when they are interrupted. How they refuse what makes no
// sense: programs_refusals_test.cpp.
#include "tests/support/programs.h"

#include <dae/version.h>
#include <pty.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "data/files.h"
#include "runtime/device.h"
#include "tests/support/json_file.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

TEST_F(Programs, SayTheirVersion) {
  for (const std::string name : {"train_cuda", "study", "denoise", "evaluate", "export", "corrupt",
                                 "blur_report", "bench", "dump_step", "describe_gpu"}) {
    if (!fs::exists(std::string(DAE_PROGRAMS) + "/" + name)) continue;  // built without benchmarks
    const Outcome outcome = run(name + " --version");
    EXPECT_EQ(outcome.code, 0) << name << outcome.err;
    EXPECT_EQ(outcome.out.rfind(name + " " + version() + " (", 0), 0u) << outcome.out;
    EXPECT_NE(outcome.out.find(describe_libraries()), std::string::npos) << outcome.out;
  }
}

TEST_F(Programs, TrainEvaluateAndDenoise) {
  make_photos("photos");
  Outcome outcome = run(train("--steps 6 --out " + path("run")));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* name :
       {"config.json", "metrics.csv", "checkpoint.safetensors", "report.html", "samples/final.png"})
    EXPECT_TRUE(fs::exists(path("run/") + name)) << name;
  const auto config = json_file(path("run/config.json"));
  EXPECT_EQ(config["data"]["held_out"].size(), 1u);
  EXPECT_EQ(config["optimizer"]["steps"], 6);
  // One picture is held out, and yet as many views of it are scored as of a hundred.
  EXPECT_NE(read("run/report.html").find("Mean over 128 held-out views"), std::string::npos);
  for (const auto& entry : fs::directory_iterator(path("run")))
    EXPECT_FALSE(entry.path().string().ends_with(".part")) << entry.path();

  outcome = run("evaluate " + path("run") + " --dataset " + path("photos") + " --json " +
                path("scores.json"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto scores = json_file(path("scores.json"));
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

// A run as one file: it restores as the run does, is evaluated, and is what another run starts from.
TEST_F(Programs, ARunIsExportedUsedAndTrainedFurther) {
  make_photos("photos");
  Outcome outcome = run(train("--steps 4 --noise 30:40 --noise-input on --out " + path("run")));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string file = path("n.safetensors"), picture = path("photos/leaf1.png");
  outcome = run("export " + path("run") + " " + file);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(run("export " + path("run") + " " + file).code, 2) << "it is there already";
  EXPECT_EQ(run("export --force " + path("run") + " " + file).code, 0);
  for (const std::string& network : {path("run"), file}) {
    outcome = run("denoise " + network + " " + picture + " --out " + path("o") +
                  std::to_string(network.size()));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
  }
  const Image by_run = load_image(path("o") + std::to_string(path("run").size()) + "/leaf1.png"),
              by_file = load_image(path("o") + std::to_string(file.size()) + "/leaf1.png");
  for (size_t i = 0; i < by_run.pixels.size(); i++)
    ASSERT_NEAR(by_run.pixels[i], by_file.pixels[i], 2) << "weights in 16 bits";
  EXPECT_EQ(run("evaluate " + file + " --dataset " + path("photos")).code, 0);
  outcome = run("evaluate " + file);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("--dataset"), std::string::npos) << outcome.err;

  // The corruption is the other run's where nothing is said of it, and resuming takes the same words.
  const std::string further = " --blur off --from " + file + " --out " + path("further");
  outcome =
      run("train_cuda --size 24 --batch 2 --dataset " + path("photos") + " --steps 3" + further);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto config = json_file(path("further/config.json"));
  EXPECT_EQ(config["from"], file);
  EXPECT_EQ(config["model"]["width"], 4);
  EXPECT_EQ(config["model"]["size"], 24);
  EXPECT_EQ(config["corruption"]["noise"], "30:40");
  EXPECT_EQ(config["corruption"]["blur"], "off");
  EXPECT_EQ(config["optimizer"]["learning_rate"], 5e-4);
  outcome = run("train_cuda --size 24 --batch 2 --dataset " + path("photos") +
                " --resume --steps 5" + further);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  outcome = run("train_cuda --dataset " + path("photos") + " --width 8 --from " + file + " --out " +
                path("other"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("--width 8: the network to start from has 4"), std::string::npos)
      << outcome.err;
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
  const auto config = json_file(path("whole/config.json"));
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
  Outcome outcome = run("train_cuda --resume --steps 12 --out " + path("parts"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("a change is kept without its line hash"), std::string::npos)
      << outcome.err;
  const size_t line = text.find("\"hash\"");
  text.replace(line, text.find(',', line) + 1 - line, "");
  ASSERT_TRUE(nlohmann::json::accept(text)) << text;
  std::ofstream(path("parts/config.json")) << text;
  outcome = run("train_cuda --resume --steps 12 --out " + path("parts"));
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
  const std::string resume = "train_cuda --resume --steps 12 --out " + path("whole");
  expect_refused(resume + broken, 1, path("broken.safetensors") + ": not a sound safetensors file");
  make_photos("others", 6);
  ASSERT_EQ(
      run("train_cuda --dataset " + path("others") + " --size 16 --batch 2 --width 4 --blocks 1" +
          " --loss perceptual --steps 1 --out " + path("other"))
          .code,
      0);
  expect_refused(resume + " --features " + path("other/features.safetensors"), 2,
                 "features.safetensors: the run has others");
  EXPECT_EQ(run(resume + " --features " + path("whole/features.safetensors")).code, 0)
      << read("err");
}

TEST_F(Programs, ResumingGivesTheBitsOfNeverHavingStopped) {
  threads_ = 2;
  make_photos("photos");
  ASSERT_EQ(run(train("--steps 8 --out " + path("whole"))).code, 0);
  // The same run, interrupted: its schedule is for eight steps, its checkpoint of an earlier one.
  ASSERT_EQ(run(train("--steps 8 --out " + path("parts"))).code, 0);
  ASSERT_EQ(run(train("--steps 4 --out " + path("half"))).code, 0);
  auto config = json_file(path("half/config.json"));
  EXPECT_EQ(config["optimizer"]["steps"], 4);
  EXPECT_EQ(read("whole/checkpoint.safetensors"), read("parts/checkpoint.safetensors"));
  ASSERT_EQ(run("train_cuda --resume --steps 12 --out " + path("whole")).code, 0);
  ASSERT_EQ(run("train_cuda --resume --steps 12 --out " + path("parts")).code, 0);
  EXPECT_EQ(read("whole/checkpoint.safetensors"), read("parts/checkpoint.safetensors"));
  EXPECT_NE(read("whole/checkpoint.safetensors"), read("half/checkpoint.safetensors"));
}

// What a shell's command shows on a terminal, in its order.
std::string shown_on_a_terminal(const std::string& command) {
  const winsize window{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  int master = -1;
  const pid_t child = forkpty(&master, nullptr, nullptr, &window);
  if (child == 0) {
    setenv("TERM", "xterm", 1);
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  std::string shown;
  char some[4096];
  for (ssize_t length; (length = read(master, some, sizeof(some))) > 0;)
    shown.append(some, static_cast<size_t>(length));
  close(master);
  waitpid(child, nullptr, 0);
  return shown;
}

// Whatever was on its line before, progress above all, is taken away first.
TEST_F(Programs, OnATerminalAResultHasItsLineForItself) {
  make_photos("photos");
  const std::string shown =
      shown_on_a_terminal("XDG_CACHE_HOME=" + path("cache") + " OMP_NUM_THREADS=1 " + DAE_PROGRAMS +
                          "/" + train("--steps 6 --out " + path("run")));
  std::smatch result;
  ASSERT_TRUE(std::regex_search(shown, result, std::regex("[0-9]+ crops of "))) << shown;
  const std::string before = result.prefix();
  EXPECT_TRUE(before.ends_with("\r\x1b[K") || before.ends_with("\n")) << before;
}

TEST_F(Programs, CtrlCSavesAndResumeContinuesToTheSameBits) {
  make_photos("photos");
  ASSERT_EQ(run(train("--steps 700 --out " + path("whole"))).code, 0);
  Process training("train_cuda",
                   {"--dataset", path("photos"), "--size", "16", "--batch", "2", "--width", "4",
                    "--blocks", "1", "--steps", "700", "--out", path("cut")},
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
  Outcome outcome = run("corrupt " + path("photos") + " --copies --out " + path("photos"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("leaf1.png would be written over itself"), std::string::npos)
      << outcome.err;
  fs::create_directories(path("taken"));
  fs::copy_file(path("photos/leaf2.png"), path("taken/leaf1.png"));
  outcome = run("corrupt " + path("photos") + " --copies --out " + path("taken"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("taken/leaf1.png is there already, and not made here"),
            std::string::npos)
      << outcome.err;
  EXPECT_TRUE(fs::exists(path("taken/leaf2.png"))) << "the others are made";
  EXPECT_EQ(read("photos/leaf1.png"), before);
  EXPECT_EQ(read("taken/leaf1.png"), read("photos/leaf2.png"));
  fs::copy_file(path("photos/leaf1.png"), path("photos/leaf1.bmp"));  // read by what is in it
  for (int i = 0; i < 2; i++)  // over what was made here, the second time
    ASSERT_EQ(run("corrupt " + path("photos") + " --copies --out " + path("copies")).code, 0);
  EXPECT_TRUE(fs::exists(path("copies/leaf1.png")));
  EXPECT_TRUE(fs::exists(path("copies/leaf1.bmp.png")));
  fs::remove_all(path("copies"));

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
  const auto config = json_file(path("run/config.json"));
  EXPECT_NE(config["data"]["held_out"][0].get<std::string>().find("h\\xfclle \xe2\x82\xac"),
            std::string::npos);
  outcome = run("evaluate " + path("run"));  // which has to find the picture held out
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  outcome = run("corrupt " + path("photos") + " --size 32 --count 4 --out " + path("sheet.png"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

// The same command again, with --resume: only what contradicts the run is refused.
TEST_F(Programs, ResumeTakesTheSameCommandAgain) {
  make_photos("photos");
  const std::string options =
      " --precision fp32 --noise 25 --loss 'mse + 0.1*l1' --out " + path("run");
  ASSERT_EQ(run(train("--steps 4" + options)).code, 0);
  const Outcome again = run(train("--steps 6" + options) + " --resume");
  ASSERT_EQ(again.code, 0) << again.err;
  for (const char* const other :
       {"--model fc",       "--size 24",      "--width 8",        "--blocks 2",
        "--levels 2",       "--stem 1",       "--latent 64",      "--skips off",
        "--global off",     "--residual off", "--noise-input on", "--precision bf16",
        "--from shipped",   "--batch 4",      "--shards 2",       "--seed 2",
        "--lr 1e-3",        "--loss mse",     "--max-side 512",   "--order camera",
        "--clip off",       "--quantize off", "--noise 0:25",     "--blur 0.5",
        "--brightness off", "--channel off",  "--shot 5",         "--grain 0.5",
        "--common 0.5",     "--jpeg 50"}) {
    const Outcome refused = run("train_cuda --resume --steps 9 --out " + path("run") + " " + other);
    EXPECT_EQ(refused.code, 2) << other;
    EXPECT_NE(refused.err.find(std::string(other) + ": the run has"), std::string::npos)
        << refused.err;
    EXPECT_EQ(refused.err.find("has ,"), std::string::npos) << refused.err;
  }
}

// What a run holds out stays held out: in another place, and when other pictures have come to it.
TEST_F(Programs, ResumeFollowsItsPicturesAndKeepsThemApart) {
  make_photos("photos", 12);
  ASSERT_EQ(run(train("--steps 2 --out " + path("run"))).code, 0);
  const auto held_out = json_file(path("run/config.json"))["data"]["held_out"];
  make_photos("photos", 40);
  fs::copy_file(path("photos") + "/" + held_out[0].get<std::string>(), path("photos/copy.png"));
  fs::rename(path("photos"), path("elsewhere"));
  EXPECT_EQ(run("train_cuda --resume --steps 3 --out " + path("run")).code, 1);
  const std::string resume = "train_cuda --resume --out " + path("run") + " --dataset ";
  const Outcome moved = run(resume + path("elsewhere") + " --steps 4");
  ASSERT_EQ(moved.code, 0) << moved.err;
  EXPECT_NE(moved.err.find("1 of 40 images are copies"), std::string::npos) << moved.err;
  const auto config = json_file(path("run/config.json"));
  EXPECT_EQ(config["data"]["held_out"], held_out);
  EXPECT_EQ(config["data"]["dataset"], path("elsewhere"));
  make_photos("others", 1);
  const Outcome other = run(resume + path("others") + " --steps 6");
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.err.find("of the 1 images that the run holds out are not there"),
            std::string::npos)
      << other.err;
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
  Process training("train_cuda",
                   {"--dataset", path("photos"), "--size", "16", "--batch", "2", "--width", "4",
                    "--blocks", "1", "--steps", "1000000", "--out", path("long")},
                   path("cache"), path("log"));
  // A log is not held back until 4 KiB of it are together.
  wait_for([&] { return read("log").find("training images") != std::string::npos; });
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
  Process training("train_cuda",
                   {"--dataset", path("photos"), "--time", "1000", "--out", path("run")},
                   path("cache"), path("log"));
  // Pictures are decoded: now it measures how fast it is.
  wait_for([&] { return fs::exists(path("cache/dae")) && !fs::is_empty(path("cache/dae")); });
  EXPECT_EQ(training.end(SIGINT), -SIGINT);
  EXPECT_FALSE(fs::exists(path("run")));
}

}  // namespace
}  // namespace dae::test
