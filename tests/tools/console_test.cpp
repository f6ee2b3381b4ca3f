// What a training and a study print: every figure by value, and where it is shown: a terminal has one line that is
// written over, a file has the lines that stay.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include "tools/program.h"
#include "tools/study_console.h"
#include "tools/training_console.h"
#include "train/elapsed.h"

namespace dae::test {
namespace {

struct Printed {
  std::string out, error;
};

// Into files.
Printed printed_by(const std::function<void()>& call) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  call();
  std::string error = testing::internal::GetCapturedStderr();
  return {testing::internal::GetCapturedStdout(), std::move(error)};
}

// On a terminal of so many columns; its lines end with \r\n.
std::string shown_by(const std::function<void()>& call, unsigned short columns = 80,
                     const char* kind = "xterm", bool out_too = true) {
  int master = -1, slave = -1;
  const winsize window{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  EXPECT_EQ(openpty(&master, &slave, nullptr, nullptr, &window), 0);
  const char* const before = std::getenv("TERM");
  const std::string kept = before ? before : "";
  setenv("TERM", kind, 1);
  std::fflush(stdout), std::fflush(stderr);
  const int out = dup(STDOUT_FILENO), error = dup(STDERR_FILENO);
  const int nothing = open("/dev/null", O_WRONLY);
  dup2(out_too ? slave : nothing, STDOUT_FILENO), dup2(slave, STDERR_FILENO);
  call();
  std::fflush(stdout), std::fflush(stderr);
  dup2(out, STDOUT_FILENO), dup2(error, STDERR_FILENO);
  if (before)
    setenv("TERM", kept.c_str(), 1);
  else
    unsetenv("TERM");
  // What was written comes through a terminal a moment later, in its order.
  const std::string end = "<end>";
  EXPECT_EQ(write(slave, end.data(), end.size()), static_cast<ssize_t>(end.size()));
  std::string shown;
  while (!shown.ends_with(end)) {
    char some[256];
    const ssize_t length = read(master, some, sizeof(some));
    if (length <= 0) break;
    shown.append(some, static_cast<size_t>(length));
  }
  shown.resize(shown.size() - std::min(shown.size(), end.size()));
  for (const int file : {master, slave, out, error, nothing}) close(file);
  return shown;
}

constexpr const char* kOver = "\r\x1b[K";  // back to the line's begin, and clear it

TrainingStart start() {
  TrainingStart made;
  made.run = "runs/a";
  made.memory = "it takes 1 MiB";
  made.weights = 123, made.training_pictures = 45, made.held_out_pictures = 6;
  made.batch = 16;
  made.step = 100, made.last_step = 350;
  return made;
}

TrainingProgress progress() {
  TrainingProgress made;
  made.step = 120, made.last_step = 350;
  made.loss = 0.0123456;
  made.images_per_second = 78.94;
  made.seconds_left = 61;
  return made;
}

TrainingOutcome outcome() {
  TrainingOutcome made;
  made.run = "runs/a";
  made.step = made.last_step = 350;
  made.held_out_pictures = 6;
  made.evaluation.views = 24;
  made.evaluation.rows.resize(1);
  made.evaluation.rows[0].corrupted.mean = {.psnr = 20.126, .aligned_psnr = 21.254};
  made.evaluation.rows[0].restored.mean = {.psnr = 22.382, .aligned_psnr = 23.516};
  made.profile = "\na table\n";
  return made;
}

TEST(Console, TellsOfATrainingInLinesThatStay) {
  std::stop_source stop;
  const Printed printed = printed_by([&] {
    TrainingConsole console(stop);
    console.preparing("reading photos/", 1, 9);
    console.noted("a note");
    console.warned("left out: b.jpg\n");
    console.started(start());
    console.progressed(progress());
    MetricsRow row;
    row.step = 120;
    row.loss = 0.0123456;
    row.images_per_second = 78.94;
    console.measured(row);
    row.validation_psnr = 21.987;
    console.measured(row);
  });
  EXPECT_EQ(printed.out,
            "a note\nit takes 1 MiB\n"
            "runs/a: 123 weights; 45 training images, 6 held out; 250 steps of batch 16\n"
            "step 120/350  loss 0.01235  78.9 images/s  validation 21.99 dB\n");
  EXPECT_EQ(printed.error, "left out: b.jpg\n");
  EXPECT_FALSE(stop.stop_requested());
}

TEST(Console, SaysWhoSharesABatch) {
  for (const int ranks : {1, 3}) {
    std::stop_source stop;
    TrainingStart shared = start();
    shared.shards = 6, shared.ranks = ranks;
    const std::string out = printed_by([&] { TrainingConsole(stop).started(shared); }).out;
    EXPECT_TRUE(out.ends_with(ranks == 1 ? "250 steps of batch 16 in 6 shards on one rank\n"
                                         : "250 steps of batch 16 in 6 shards on 3 ranks\n"))
        << out;
  }
}

TEST(Console, SaysWhatCameOut) {
  TrainingOutcome made = outcome();
  const std::string expected =
      "24 crops of 6 held-out pictures, all corruptions: 20.13 dB corrupted, 22.38 dB restored; "
      "gain-aligned 21.25 to 23.52 dB\nreport   runs/a/report.html\n"
      "samples  runs/a/samples/final.png\nnetwork  runs/a/checkpoint.safetensors\n";
  EXPECT_EQ(printed_by([&] { print_outcome(made); }).out, expected + "\na table\n");
  made.step = 349;
  EXPECT_EQ(printed_by([&] { print_outcome(made); }).out,
            expected +
                "interrupted after 349 of 350 steps; continue with: train_cuda --resume --out "
                "runs/a\n\na table\n");
}

TEST(Console, ATerminalHasALineThatIsWrittenOver) {
  std::stop_source stop;
  TrainingProgress first = progress(), later = progress();
  first.images_per_second = 0;  // not known yet
  later.validation_psnr = 21.987;
  later.seconds_left = 3723;
  const std::string over = kOver;
  const std::string shown = shown_by([&] {
    TrainingConsole console(stop);
    console.preparing("reading photos/", 1, 9);
    console.clear();
    console.progressed(first);
    console.progressed(progress());
    console.clear();
    console.progressed(later);
    MetricsRow row;
    row.validation_psnr = 21.987;
    console.measured(row);  // which the line says already
    console.noted("a note");
    std::fflush(stdout);
    console.preparing("and on", 3, 9);
  });
  EXPECT_EQ(shown,
            over + "reading photos/: 1 of 9" + over + over +
                "step 120/350  loss 0.01235  78.9 images/s  1:01 left" + over + over +
                "step 120/350  loss 0.01235  78.9 images/s  validation 21.99 dB  1:02:03 left" +
                over + "a note\r\n" + over + "and on: 3 of 9" + over);
}

// What says it again is left out only where the same terminal has both.
TEST(Console, AFileBesideATerminalHasItsLines) {
  EXPECT_EQ(shown_by([] { EXPECT_FALSE(ProgressLine().is_live()); }, 80, "xterm", false), "");
  shown_by([] { EXPECT_TRUE(ProgressLine().is_live()); });
  EXPECT_FALSE(ProgressLine().is_live() && isatty(STDERR_FILENO) != 1);
}

TEST(Console, ALineIsShownTenTimesASecondAndNoWiderThanTheTerminal) {
  const std::string over = kOver;
  std::string shown;
  for (double between = 1;
       between > 0.1;)  // again where this machine was so busy that the second line came late
    shown = shown_by(
        [&between] {
          ProgressLine line;
          const Elapsed since;
          line.show("0123456789abc");
          line.show("lost");
          between = since.seconds();
          std::this_thread::sleep_for(std::chrono::milliseconds(110));
          line.show("01234567\x01");
        },
        11);
  EXPECT_EQ(shown, over + "0123456789" + over + "01234567\\x" + over);
  for (const char* const kind : {"dumb", ""})
    EXPECT_EQ(shown_by([] { ProgressLine().show("text"); }, 80, kind), "") << kind;
  // A terminal that does not say how wide it is has 80 columns.
  EXPECT_EQ(shown_by([] { ProgressLine().show(std::string(100, 'x')); }, 0),
            over + std::string(79, 'x') + over);
}

TEST(Console, TimesAreRounded) {
  EXPECT_EQ(clock_text(0), "0:00");
  EXPECT_EQ(clock_text(59.4), "0:59");
  EXPECT_EQ(clock_text(59.6), "1:00");
  EXPECT_EQ(clock_text(271), "4:31");
  EXPECT_EQ(clock_text(3599), "59:59");
  EXPECT_EQ(clock_text(3600), "1:00:00");
  EXPECT_EQ(clock_text(3723), "1:02:03");
  EXPECT_EQ(clock_text(360000), "100:00:00");
}

// Of each of many runs one line stays, and what a file says of itself is said once.
TEST(Console, AStudyHasALineForEachRun) {
  std::stop_source stop;
  StudyRun run;
  const std::string name = run.name();
  const Printed printed = printed_by([&] {
    StudyConsole console(stop, "rank 2: ", 72, false);
    for (const size_t number : {3, 4}) {
      console.begins(run, number);
      console.preparing("reading photos/", 1, 9);
      console.noted("a note");
      console.warned("left out: b.jpg\n");
      console.started(start());
      MetricsRow row;
      row.validation_psnr = 21.987;
      console.measured(row);
      if (number == 3)
        console.ended(outcome());
      else
        console.failed("no disk");
    }
  });
  EXPECT_EQ(printed.out,
            "rank 2: 3/72 " + name + ": 350 steps, 22.38 dB restored, 20.13 dB corrupted\n");
  EXPECT_EQ(printed.error, "left out: b.jpg\nrank 2: 4/72 " + name + ": failed: no disk\n");
  EXPECT_FALSE(stop.stop_requested());
  const std::string shown = shown_by(
      [&] {
        StudyConsole console(stop, "", 72, false);
        console.begins(run, 5);
        console.progressed(progress());
      },
      200);
  EXPECT_EQ(
      shown,
      kOver + ("5/72 " + name + ": step 120/350  loss 0.01235  78.9 images/s  1:01 left") + kOver);
}

// These are the last: what has interrupted a program stays so.
TEST(Console, AnInterruptAsksForTheEnd) {
  std::stop_source before_steps, in_steps;
  catch_interrupts();
  std::raise(SIGINT);
  StudyConsole(before_steps, "", 1, false).preparing("reading photos/", 1, 9);
  EXPECT_TRUE(before_steps.stop_requested());
  EXPECT_EQ(shown_by([&] { TrainingConsole(in_steps).progressed(progress()); }), "");
  EXPECT_TRUE(in_steps.stop_requested());
}

TEST(Console, ASecondInterruptIsTheSystems) {
  constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
  std::vector<void (*)(int)> before;
  for (const int signal : kSignals) before.push_back(std::signal(signal, SIG_DFL));
  catch_interrupts();
  for (size_t i = 0; i < before.size(); i++) {
    std::raise(kSignals[i]);
    EXPECT_TRUE(std::signal(kSignals[i], before[i]) == SIG_DFL) << "signal " << kSignals[i];
  }
}

}  // namespace
}  // namespace dae::test
