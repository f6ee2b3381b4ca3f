// How the programs end when what they are given makes no sense. Every refusal is one line, with
// exit code 2 for usage and 1 for failure, and leaves nothing.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "data/files.h"
#include "runtime/device.h"
#include "tests/support/json_file.h"
#include "tests/support/programs.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

TEST_F(Programs, HelpTeaches) {
  for (const char* program :
       {"train_cuda", "study", "denoise", "evaluate", "export", "corrupt", "blur_report"}) {
    const Outcome outcome = run(std::string(program) + " --help");
    EXPECT_EQ(outcome.code, 0) << program;
    EXPECT_GT(outcome.out.size(), 500u) << program;
  }
}

TEST_F(Programs, RefusesWhatMakesNoSense) {
  make_photos("photos");
  const std::string out = " --out " + path("run");
  expect_refused("train_cuda" + out, 2, "--dataset");
  for (const char* const memory : {"-1", "0", "much"})
    expect_refused("denoise " + path("photos") + " --memory " + memory, 2, "--memory");
  if (fs::exists(std::string(DAE_PROGRAMS) + "/bench")) {
    expect_refused("bench --seconds nan", 2, "--seconds");
    expect_refused("bench '('", 2, "(: no regular expression");
  }
  expect_refused(train("--wdith 3" + out), 2, "--wdith");
  expect_refused(train("--steps 3 --time 5" + out), 2, "--time");
  expect_refused(train("--steps 0" + out), 2, "--steps");
  expect_refused(train("--size 20" + out), 2, "--size");
  expect_refused(train("--batch 0" + out), 2, "--batch");
  expect_refused(train("--device cpu --precision bf16" + out), 2,
                 "train_cuda: --precision bf16: the CPU computes in fp32\n");
  expect_refused(train("--precision bf1" + out), 2, "--precision");
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
  expect_refused("evaluate x --view whole --most-views 3", 2, "--most-views");
  expect_refused("evaluate --pairs x y --sigma 25", 2, "--sigma");
  expect_refused("evaluate x --json " + path("none/e.json"), 2, "none/e.json");
  expect_refused("corrupt x --copies --size 32" + out, 2, "--size");
  expect_refused("denoise", 2, "IMAGE");
  expect_refused("denoise x.png --sigma nan", 2, "--sigma");
  expect_refused("denoise x.png --strength -1", 2, "--strength");
  expect_refused("export x", 2, "FILE");
  expect_refused("export x network.txt", 2, ".safetensors");
  expect_refused("export x --onnx network.txt", 2, ".onnx");
  expect_refused("export x network.safetensors --onnx network.onnx", 2, "not both");
  expect_refused("export x network.safetensors --pixels uint8", 2, "--onnx");
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
  expect_refused("train_cuda --dataset " + path("single") + out, 1, "to validate on");
  expect_refused("train_cuda --dataset " + path("photos/leaf0.png") + out, 1, "not a folder");
  expect_refused(train("--batch 65536 --size 512 --steps 1" + out), 1,
                 "the largest batch that fits");
  if (!cuda_available()) expect_refused(train("--device cuda" + out), 1, "--device cpu");
  if (geteuid() != 0)
    expect_refused(train("--steps 1 --out /proc/run"), 1, "/proc/run");
  else
    EXPECT_EQ(run(train("--steps 1 --out /proc/run")).code, 1);

  expect_refused("denoise " + path("nowhere") + " x.png" + out, 1, "no such run folder");
  expect_refused("export " + path("photos") + " " + path("n.safetensors"), 1, "config.json");
  expect_refused(train("--from " + path("nowhere") + out), 1, "no such run folder");
  expect_refused(train("--pairs " + path("nowhere") + out), 1, "no such folder");
  expect_refused(train("--pairs " + path("photos") + " --noise 3" + out), 2, "--noise");
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

  // A pair that cannot be compared is left out; cut.jpg has no partner that can be read, either.
  fs::copy(path("photos"), path("changed"));
  std::ofstream(path("changed/leaf1.png")) << "no picture any more";
  save_png(path("changed/leaf2.png"), draw_dead_leaves(1, 1, 8, 8));
  fs::remove(path("changed/leaf3.png"));
  fs::copy_file(path("photos/line.png"), path("photos/line.jpg"));  // two of one name
  const std::string pairs = "evaluate --pairs " + path("photos") + " " + path("changed");
  const Outcome compared = run(pairs + " --json " + path("pairs.json"));
  ASSERT_EQ(compared.code, 1) << "some were left out: " << compared.err;
  for (const char* const name : {"cut.jpg", "leaf1.png", "leaf2.png is 8x8", "photos/line.jpg"})
    EXPECT_NE(compared.err.find(name), std::string::npos) << compared.err;
  const nlohmann::json json = json_file(path("pairs.json"));
  EXPECT_EQ(json["images"], 2);  // leaf0, point
  EXPECT_EQ(json["left_out"].size(), 4u);
  EXPECT_EQ(json["without_partner"], nlohmann::json({"leaf3"}));
  for (const char* const name : {"leaf0", "point"}) fs::remove(path("changed/") + name + ".png");
  const Outcome nothing = run(pairs);
  EXPECT_EQ(nothing.code, 1);
  EXPECT_NE(nothing.err.find("none of the 4 pairs"), std::string::npos) << nothing.err;
}

// A file that may not grow beyond a limit is like a disk that is full: what is there stays sound.
TEST_F(Programs, AFullDiskIsNamed) {
  make_photos("photos");
  ASSERT_EQ(run(train("--steps 2 --out " + path("run"))).code, 0);
  const std::string before = read("run/checkpoint.safetensors");
  const Outcome outcome = run(train("--resume --steps 4 --out " + path("run")), "ulimit -f 4;");
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_NE(outcome.err.find("cannot write"), std::string::npos) << outcome.err;
  EXPECT_EQ(read("run/checkpoint.safetensors"), before);
  EXPECT_EQ(run(train("--resume --steps 4 --out " + path("run"))).code, 0);
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
  EXPECT_EQ(outcome.code, 0) << "no step is left: the report alone is made again";
  EXPECT_NE(outcome.out.find("2 of 2 steps"), std::string::npos) << outcome.out << outcome.err;
  outcome = run("train_cuda --resume --steps 1 --out " + path("taken"));
  EXPECT_EQ(outcome.code, 2);
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
  for (const std::string& command :
       {"denoise " + path("taken") + " " + path("photos/leaf1.png") + " --out " + path("older"),
        "evaluate " + path("taken"), "export " + path("taken") + " " + path("older.safetensors")}) {
    outcome = run(command);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("checkpoint.previous.safetensors is taken"), std::string::npos)
        << command << "\n"
        << outcome.err;
  }
  outcome = run("train_cuda --resume --steps 4 --out " + path("taken"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("checkpoint.previous.safetensors is taken"), std::string::npos)
      << outcome.out << outcome.err;
  EXPECT_TRUE(fs::exists(path("taken/checkpoint.damaged.safetensors")));
  const auto config = json_file(path("taken/config.json"));
  EXPECT_EQ(config["budget"], "--steps 2; from step 2: --steps 4");
  EXPECT_EQ(run("train_cuda --resume --steps 5 --out " + path("taken") + "/").code, 0);
  EXPECT_NE(read("taken/report.html").find("<h1>Run taken</h1>"), std::string::npos);
  std::ofstream(path("taken/config.json")) << "{}";
  outcome =
      run("denoise " + path("taken") + " " + path("photos/leaf1.png") + " --out " + path("r"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("config.json"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace dae::test
