// The programs as people run them.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "data/image.h"
#include "data/synthetic.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {

struct Outcome {
  int code = -1;
  std::string out, err;
};

// A program that goes on while the test does, its output in a file.
class Process {
 public:
  Process(const std::string& program, const std::vector<std::string>& options,
          const std::string& cache, const std::string& log) {
    const std::string binary = std::string(DAE_PROGRAMS) + "/" + program;
    std::vector<std::string> words = {"env", "XDG_CACHE_HOME=" + cache, "OMP_NUM_THREADS=1",
                                      binary};
    words.insert(words.end(), options.begin(), options.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    // Whatever nohup made of them, and before it can be sent one: a signal that met them ignored would be lost.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t signals;
    sigemptyset(&signals);
    for (const int s : {SIGINT, SIGHUP, SIGTERM}) sigaddset(&signals, s);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    EXPECT_EQ(posix_spawnp(&process_, "env", &files, &attributes, arguments.data(), environ), 0);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
  }
  // Its exit code after this signal (0: none); -SIGNAL when it died of one.
  int end(int signal) {
    if (signal != 0) kill(process_, signal);
    int status = 0;
    waitpid(process_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t process_ = 0;
};

template <class Condition>
void wait_for(const Condition& condition) {
  for (int i = 0; i < 120'000 && !condition(); i++)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ASSERT_TRUE(condition());
}

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
