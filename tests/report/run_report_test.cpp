// report.html of a run: which rows of metrics.csv each curve shows, and what is said of the run.
#include "report/run_report.h"

#include <gtest/gtest.h>

#include <limits>

#include "report/evaluation_tables.h"
#include "report/html.h"
#include "tests/support/html_tags.h"

namespace dae::test {
namespace {

ReportInput input() {
  ReportInput made;
  made.title = "a <run>";
  made.config.network = {.kind = NetworkKind::conv, .size = 48};
  made.config.batch = 7;
  made.config.schedule.total = 90;
  made.config.budget = "--time <9>";
  made.samples = {1, 2, {1, 2, 3, 4, 5, 6}};
  made.evaluation.views = 11;
  made.evaluation.view_size = "48x48 <crops>";
  made.step = 80;
  made.weights = 12345;
  made.metrics = {{.step = 10, .loss = 0.5, .learning_rate = 0.001, .gradient_norm = 3},
                  {.step = 40,
                   .loss = 0.25,
                   .learning_rate = 0.002,
                   .gradient_norm = 2,
                   .validation_psnr = 20.5},
                  {.step = 80,
                   .loss = 0.125,
                   .learning_rate = 0.0005,
                   .gradient_norm = 1,
                   .validation_psnr = 22}};
  return made;
}

bool has(const std::string& page, const std::string& part) {
  return page.find(part) != std::string::npos;
}

const std::vector<double> kSteps = {10, 40, 80};

TEST(RunReport, SaysWhatTheRunWas) {
  ReportInput made = input();
  made.notes = {"one <note>", "another"};
  const std::string page = render_report(made);
  EXPECT_TRUE(has(page, "<title>a &lt;run&gt;</title>"));
  EXPECT_TRUE(has(page,
                  "<p>conv with 12345 weights, 80 of 90 steps, batch 7, crops of 48x48; "
                  "--time &lt;9&gt;.</p>"));
  EXPECT_TRUE(has(page, "<p class=\"note\">one &lt;note&gt;</p>\n<p class=\"note\">another</p>"));
  EXPECT_TRUE(has(page, html::picture(made.samples, "clean, corrupted, restored and difference")));
  EXPECT_TRUE(has(page, "Mean over 11 held-out views (48x48 &lt;crops&gt;)"));
  EXPECT_TRUE(has(page, to_html(made.evaluation)));
  EXPECT_EQ(count(render_report(input()), "class=\"note\""), 0u);
  EXPECT_EQ(wrong_tags(page), "");
}

TEST(RunReport, CurvesAreTheColumnsOfTheRun) {
  const std::string page = render_report(input());
  const double none = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(has(page, html::plot("Loss", "step", "mean squared error",
                                   {{"loss", kSteps, {0.5, 0.25, 0.125}}}, true)));
  EXPECT_TRUE(has(page, html::plot("Validation (EMA weights)", "step", "PSNR, dB",
                                   {{"PSNR", kSteps, {none, 20.5, 22}}})));
  EXPECT_TRUE(has(page, html::plot("Learning rate", "step", "rate",
                                   {{"rate", kSteps, {0.001, 0.002, 0.0005}}})));
  EXPECT_TRUE(has(page, html::plot("Gradient norm before clipping", "step", "L2 norm",
                                   {{"norm", kSteps, {3, 2, 1}}}, true)));
  EXPECT_EQ(count(page, "<svg"), 4u) << "mse alone has no terms";
}

// A line that was cut off has fewer terms than there are.
TEST(RunReport, ASumOfLossesHasCurvesOfItsTerms) {
  ReportInput made = input();
  made.config.loss = parse_loss("mse+0.1*l1");
  made.metrics[0].terms = {{.value = 1, .gradient_norm = 4}, {.value = 5, .gradient_norm = 40}};
  made.metrics[1].terms = {{.value = 2, .gradient_norm = 8}};
  made.metrics[2].terms = {{.value = 3, .gradient_norm = 16}, {.value = 7, .gradient_norm = 20}};
  const std::string page = render_report(made);
  EXPECT_TRUE(has(page, html::plot("Loss", "step", "mse+0.1*l1",
                                   {{"loss", kSteps, {0.5, 0.25, 0.125}}}, true)));
  EXPECT_TRUE(has(page, html::plot("Terms of the loss", "step", "value, without its weight",
                                   {{"mse", kSteps, {1, 2, 3}}, {"l1", {10, 80}, {5, 7}}}, true)));
  EXPECT_TRUE(
      has(page, html::plot("Gradients of the weighted terms", "step", "L2 norm by the restoration",
                           {{"mse", kSteps, {4, 8, 16}}, {"l1", {10, 80}, {40, 20}}}, true)));
  EXPECT_EQ(count(page, "<svg"), 6u);
  EXPECT_EQ(wrong_tags(page), "");
}

// Twenty names of what was held out stand in the page; of more, how many they are.
TEST(RunReport, ManyNamesAreCounted) {
  for (const int names : {20, 21}) {
    ReportInput made = input();
    for (int i = 0; i < names; i++)
      made.config.held_out.push_back("p" + std::to_string(i) + ".jpg");
    const std::string page = render_report(made);
    EXPECT_EQ(has(page, "p19.jpg"), names == 20);
    EXPECT_EQ(has(page, "21 images, listed in config.json"), names == 21);
    EXPECT_TRUE(has(page, "&quot;batch&quot;: 7"));
  }
}

}  // namespace
}  // namespace dae::test
