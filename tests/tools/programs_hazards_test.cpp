// What befalls programs while they work: signals, too little memory, files that vanish or shrink, names
// that command a terminal. Each ends in a line and a code, and leaves nothing half-made.
#include <nlohmann/json.hpp>

#include "data/files.h"
#include "data/text.h"
#include "tests/support/json_file.h"
#include "tests/support/programs.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

class Hazards : public Programs {
 protected:
  void make_run(const std::string& name = "run") {
    make_photos("photos");
    const Outcome outcome = run(train("--steps 2 --out '" + path(name) + "'"));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  // Nothing of it commands a terminal.
  static void expect_plain(const Outcome& outcome, const std::string& what) {
    for (const std::string& text : {outcome.out, outcome.err}) {
      EXPECT_EQ(printable_lines(text), text) << printable_line(what);
    }
  }
  static int64_t parts_in(const fs::path& folder) {
    int64_t parts = 0;
    if (fs::exists(folder))
      for (const auto& entry : fs::recursive_directory_iterator(folder))
        parts += entry.path().extension() == ".part";
    return parts;
  }
  std::vector<std::string> long_training(const std::string& out) {
    return {"--dataset", path("photos"), "--size", "16",       "--batch",
            "2",         "--width",      "4",      "--blocks", "1",
            "--steps",   "1000000",      "--out",  path(out),  "--save-every",
            "0"};
  }
};

// A name is bytes: red, a bell, Latin-1, a line's end.
const std::string kName = "a\x1b[31m\a\xe9\x9b\nb";
const std::string kWritten = "a\\x1b[31m\\x07\\xe9\\x9b";

TEST_F(Hazards, NoNameCommandsATerminal) {
  make_photos("photos");
  fs::rename(path("photos/leaf1.png"), path("photos/") + kName + ".png");
  std::ofstream(path("photos/") + kName + ".jpg") << "no picture";
  const std::string odd = "'" + path(kName) + "'", photos = path("photos");
  Outcome outcome = run(train("--steps 2 --out " + odd));
  ASSERT_EQ(outcome.code, 0) << printable_lines(outcome.err);
  expect_plain(outcome, "train_cuda");
  EXPECT_NE(outcome.err.find(kWritten), std::string::npos) << printable_lines(outcome.err);
  EXPECT_NE(outcome.out.find(kWritten), std::string::npos) << printable_lines(outcome.out);
  const std::string report = read(kName + "/report.html");
  EXPECT_EQ(valid_utf8(report), report) << "report.html is no UTF-8";
  EXPECT_NE(report.find("\\xe9"), std::string::npos);
  const std::string config = read(kName + "/config.json");
  EXPECT_EQ(printable_lines(config), config);
  for (const auto& [command, code] : std::vector<std::pair<std::string, int>>{
           {"denoise " + odd + " " + photos + " --out " + odd + "/o", 1},
           {"denoise " + odd + "x y.png", 1},
           {"evaluate " + odd + " --dataset " + photos + " --most-views 4", 0},
           {"evaluate --pairs " + photos + " " + photos, 1},
           {"export " + odd + " " + odd + ".safetensors", 0},
           {"export " + odd + " " + odd, 2},
           {"corrupt " + photos + " --copies --out " + odd + "/c", 1},
           {"corrupt " + odd + "x --out " + odd + "/x.png", 1},
           {"blur_report " + odd + "x --out " + odd + "/b.html", 1},
           {"study --steps 2 --seeds 1 --size 16 --width 4 --blocks 1 --batch 2 --dataset " +
                photos + " --out " + odd + "s",
            0},
           {"study --dataset " + odd + "x --out " + odd + "s", 1},
           {"train_cuda --resume --steps 3 --out " + odd, 0},
           {"train_cuda --resume --out " + odd + "x", 1},
           {"evaluate " + odd + " --view " + odd, 2}}) {
    outcome = run(command);
    expect_plain(outcome, command);
    if (code >= 0) {
      EXPECT_EQ(outcome.code, code) << printable_line(command + outcome.err);
    }
  }
  // Where there is a terminal, its line of progress.
  if (std::system("command -v script > /dev/null") != 0) return;
  const std::string command = "TERM=xterm XDG_CACHE_HOME=" + path("cache") + " script -qec \"" +
                              DAE_PROGRAMS + "/denoise " + odd + " " + photos + " --out " +
                              path("o") + "\" /dev/null > " + path("said");
  EXPECT_NE(std::system(command.c_str()), 0);
  EXPECT_EQ(read("said").find("\x1b[31m"), std::string::npos);
  EXPECT_NE(read("said").find(kWritten), std::string::npos);
}

// However little, a program that begins says so, or is done.
TEST_F(Hazards, TooLittleMemoryIsSaid) {
  make_run();
  const std::string picture = path("photos/leaf0.png");
  for (const std::string& command :
       {"denoise " + path("run") + " " + picture + " --out " + path("o"),
        "denoise " + picture + " --out " + path("o"),
        "evaluate " + path("run") + " --dataset synthetic --most-views 4",
        "train_cuda --dataset synthetic --size 32 --batch 8 --steps 1 --out " + path("small")})
    for (const int megabytes : {62, 74, 85, 101}) {
      const Outcome outcome = run(command, "ulimit -v " + std::to_string(1000 * megabytes) + ";");
      if (outcome.code == 127) continue;  // its libraries do not fit
      EXPECT_TRUE(outcome.code == 0 || outcome.code == 1)
          << outcome.code << ": " << command << " in " << megabytes << " MB\n"
          << outcome.err;
      EXPECT_EQ(outcome.code == 0, outcome.err.find("memory") == std::string::npos)
          << command << " in " << megabytes << " MB\n"
          << outcome.err;
      EXPECT_EQ(outcome.err.find("GiB are free"), std::string::npos)
          << "not within the limit: " << outcome.err;
      fs::remove_all(path("small"));
    }
}

// What is written appears whole or not at all, and a stop is told by the code.
TEST_F(Hazards, CtrlCEndsEveryProgram) {
  make_run();
  make_photos("many", 3);
  for (int i = 0; i < 200; i++)
    save_png(path("many/") + std::to_string(i) + ".png", draw_dead_leaves(1, 1, 100, 100));
  Process denoising("denoise", {path("run"), path("many"), "--out", path("o")}, path("cache"),
                    path("log"));
  wait_for([&] { return fs::exists(path("o")) && !fs::is_empty(path("o")); });
  EXPECT_EQ(denoising.end(SIGINT), 130);
  int made = 0;
  for (const auto& entry : fs::directory_iterator(path("o"))) {
    EXPECT_NO_THROW(load_image(entry.path()));
    made++;
  }
  EXPECT_LT(made, 203);
  EXPECT_EQ(parts_in(path("o")), 0);

  Process evaluating("evaluate",
                     {path("run"), "--dataset", path("many"), "--views", "1000", "--most-views",
                      "1000000", "--json", path("e.json")},
                     path("cache"), path("log"));
  wait_for([&] { return !fs::is_empty(path("cache/dae")); });
  const int evaluated = evaluating.end(SIGINT);
  EXPECT_TRUE(evaluated == 130 || evaluated == -SIGINT) << evaluated;
  EXPECT_FALSE(fs::exists(path("e.json")));

  Process corrupting("corrupt", {path("many"), "--copies", "--out", path("c")}, path("cache"),
                     path("log"));
  wait_for([&] { return fs::exists(path("c")) && !fs::is_empty(path("c")); });
  const int corrupted = corrupting.end(SIGTERM);
  EXPECT_TRUE(corrupted == 130 || corrupted == -SIGTERM) << corrupted;
  EXPECT_EQ(parts_in(path("c")), 0);
  for (const auto& entry : fs::directory_iterator(path("c")))
    EXPECT_NO_THROW(load_image(entry.path()));
}

// Pictures are read from the cache: their folder may go. The run's own folder may not, nor may the cache
// be cut off.
TEST_F(Hazards, WhatVanishesDuringTrainingIsNamed) {
  make_photos("photos");
  const auto under_way = [&](const std::string& out) {
    wait_for([&] { return fs::exists(path(out + "/checkpoint.previous.safetensors")); });
  };
  {
    Process training("train_cuda", long_training("kept"), path("cache"), path("log"));
    under_way("kept");
    fs::rename(path("photos"), path("gone"));
    const std::string before = read("kept/checkpoint.previous.safetensors");
    wait_for([&] { return read("kept/checkpoint.previous.safetensors") != before; });
    EXPECT_EQ(training.end(SIGINT), 130) << read("log");
    fs::rename(path("gone"), path("photos"));
  }
  {
    Process training("train_cuda", long_training("vanished"), path("cache"), path("log"));
    under_way("vanished");
    fs::rename(path("vanished"), path("elsewhere"));
    EXPECT_EQ(training.end(0), 1) << read("log");
    EXPECT_NE(read("log").find("cannot write " + path("vanished")), std::string::npos)
        << read("log");
    EXPECT_EQ(parts_in(path("elsewhere")), 0);
  }
  {
    Process training("train_cuda", long_training("shrunk"), path("cache"), path("log"));
    under_way("shrunk");
    for (const auto& entry : fs::recursive_directory_iterator(path("cache/dae")))
      if (entry.is_regular_file()) fs::resize_file(entry.path(), 0);
    EXPECT_EQ(training.end(0), 1) << read("log");
    EXPECT_NE(read("log").find("became shorter"), std::string::npos) << read("log");
  }
  // It goes on from what it had.
  EXPECT_EQ(run("train_cuda --resume --time 0.1 --out " + path("shrunk")).code, 0) << read("err");
}

// A name that was given is no leave to write over what no program here has made.
TEST_F(Hazards, NoResultIsWrittenOverSomethingElse) {
  make_run();
  const std::string photo = path("photos/leaf1.png"), before = read("photos/leaf1.png");
  std::ofstream(path("notes.json")) << "buy milk";
  const std::string sheet = "corrupt " + path("photos") + " --size 16 --count 2 --out ",
                    figures = "evaluate " + path("run") + " --most-views 2 --json ",
                    page = "blur_report " + path("run") + " --out ";
  std::vector<std::string> commands = {sheet, figures, page};
  if (fs::exists(std::string(DAE_PROGRAMS) + "/bench"))
    commands.emplace_back("bench '^nothing$' --model none --json ");
  for (const std::string& command : commands)
    for (const std::string& there : {photo, path("notes.json")}) {
      if (command == sheet && there != photo) continue;
      const Outcome outcome = run(command + there);
      EXPECT_EQ(outcome.code, 1) << command << there;
      EXPECT_NE(outcome.err.find(there + " is there already, and "), std::string::npos)
          << outcome.err;
    }
  EXPECT_EQ(read("photos/leaf1.png"), before);
  EXPECT_EQ(read("notes.json"), "buy milk");
  Outcome outcome = run(sheet + path("sheet.jpg"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("ends in .png"), std::string::npos) << outcome.err;
  std::ofstream(path("empty.json")) << "";  // as mktemp leaves one
  // That a page may be written over a page holds blur_report_test, which makes one.
  for (const std::string& command :
       {sheet + path("sheet.png"), figures + path("figures.json"), figures + path("empty.json")})
    for (int times_over = 0; times_over < 2; times_over++) {
      outcome = run(command);
      EXPECT_EQ(outcome.code, 0) << command << outcome.err;
    }
}

TEST_F(Hazards, OneCopyThatCannotBeWrittenIsLeftOut) {
  make_photos("photos");
  const std::string name = path("copies/leaf1.png");
  fs::create_directories(name);
  const Outcome outcome = run("corrupt " + path("photos") + " --copies --out " + path("copies"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("corrupt: left out: "), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find(name), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.out.find("3 corrupted pictures"), std::string::npos) << outcome.out;
  EXPECT_EQ(std::distance(fs::directory_iterator(path("copies")), fs::directory_iterator()), 4);
}

TEST_F(Hazards, CopiesOfSomeAreNoSuccess) {
  make_photos("photos");
  std::ofstream(path("photos/broken.png")) << "no picture";
  EXPECT_EQ(run("corrupt " + path("photos") + " --copies --out " + path("copies")).code, 1);
}

TEST_F(Hazards, FiguresThatCannotBePrintedAreNoSuccess) {
  make_photos("photos");
  const std::string line = std::string(DAE_PROGRAMS) + "/evaluate --pairs " + path("photos") + " " +
                           path("photos") + " >/dev/full 2>" + path("err");
  const int status = std::system(line.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(read("err"), "evaluate: cannot write to standard output\n");
}

// Whoever reads its lines may go: that is no reason to lose the run.
TEST_F(Hazards, ATrainingThatNobodyListensToIsKept) {
  make_photos("photos");
  const std::string gone = path("gone");  // is there once nobody has the pipe's other end
  const std::string line =
      "{ until [ -e " + gone + " ]; do sleep 0.01; done; XDG_CACHE_HOME=" + path("cache") + " " +
      DAE_PROGRAMS + "/" + train("--steps 2 --out " + path("run")) + " 2>" + path("err") +
      "; echo $? >" + path("code") + "; } | { exec <&-; : >" + gone + "; }";
  ASSERT_EQ(std::system(line.c_str()), 0);
  EXPECT_EQ(read("code"), "1\n");
  EXPECT_NE(read("err").find("cannot write to standard output"), std::string::npos) << read("err");
  for (const char* const name : {"run/checkpoint.safetensors", "run/report.html"})
    EXPECT_TRUE(fs::exists(path(name))) << name;
}

// Whether one is gone, or another lies under its name.
TEST_F(Hazards, ARunThatGoesOnWithOtherPicturesSaysSo) {
  make_run();
  const std::string others = "the pictures in " + path("photos") + " are others than it had";
  const auto resumed = [&](int steps) {
    return run("train_cuda --resume --steps " + std::to_string(steps) + " --out " + path("run"));
  };
  const auto says = [&](const Outcome& outcome) {
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.out.find(others) != std::string::npos;
  };
  EXPECT_FALSE(says(resumed(3)));
  const auto held_out = json_file(path("run/config.json"))["data"]["held_out"];
  std::string changed;
  for (int i = 0; i < 4 && changed.empty(); i++) {
    const std::string name = "leaf" + std::to_string(i) + ".png";
    if (held_out[0] != name) changed = path("photos/" + name);
  }
  save_png(changed, draw_dead_leaves(3, 77, 40, 64));
  EXPECT_TRUE(says(resumed(4)));
  EXPECT_NE(read("run/report.html").find("are others than it had"), std::string::npos);
  EXPECT_FALSE(says(resumed(5))) << "of what it has had since";
  fs::remove(changed);
  EXPECT_TRUE(says(resumed(6)));
}

TEST_F(Hazards, SheetsThatWereMovedAwayAreMadeAnew) {
  make_run();
  fs::remove_all(path("run/samples"));
  const Outcome outcome = run("train_cuda --resume --steps 4 --out " + path("run"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(fs::exists(path("run/samples/final.png")));
}

}  // namespace
}  // namespace dae::test
