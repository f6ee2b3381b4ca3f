// The programs as people run them.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "data/image.h"
#include "data/synthetic.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {

struct Outcome {
  int code = -1;
  std::string out, err;
};

class Programs : public testing::Test {
 protected:
  // Runs a program with its output in files and its cache in the test's folder.
  Outcome run(const std::string& command, const std::string& environment = "") {
    const std::string line = environment + " XDG_CACHE_HOME=" + temporary_.file("cache") +
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
    std::filesystem::create_directories(path(folder));
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
    EXPECT_FALSE(std::filesystem::exists(path("run"))) << command << " left a run folder";
  }

  TemporaryFolder temporary_;
  int threads_ = 1;  // tests run side by side
};

}  // namespace dae::test
