// What a study's table says of records that are written here.
#include "laboratory/study_table.h"

#include <nlohmann/json.hpp>

#include "laboratory/study_page.h"
#include "tests/support/html_tags.h"
#include "tests/support/json_file.h"
#include "tests/support/studies.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

class StudyTables : public StudyTest {
 protected:
  // As a run with this PSNR, and an SSIM of a hundredth of it, leaves it.
  void write_result(const std::string& run, const nlohmann::json& psnr,
                    const std::string& held_out = "a") {
    fs::create_directories(record(run, ""));
    nlohmann::json all;
    for (const StudyFigure& figure : kStudyFigures)
      if (std::string(figure.key) != "seconds")
        all[figure.key] = {{"restored", psnr}, {"corrupted", 18.5}};
    if (psnr.is_number()) all["ssim"]["restored"] = psnr.get<double>() / 100;
    std::ofstream(record(run, "result.json"))
        << nlohmann::json{{"seconds", 3.5},
                          {"held_out", held_out},
                          {"validation", {{1, 19.0}, {2, 20.0}}},
                          {"evaluation", {{"all", all}}}};
  }
};

// Expected are figures of Python's statistics with t(0.975, 2) = 4.302652729696 and t(0.975, 1) =
// 12.706204736432.
TEST_F(StudyTables, TellsMeansIntervalsAndDifferences) {
  const double first[] = {20, 21, 23}, second[] = {24.5, 25.25, 27.75},
               third[] = {20.5, 21.25, 22.5};
  const Study study(folder_, runs({"mse", "l1", "dct", "l1+mse", "l1+dct"}, {1, 2, 3}));
  for (int i = 0; i < 3; i++) {
    const std::string seed = "_seed-" + std::to_string(i + 1);
    write_result("loss-mse" + seed, first[i]);
    write_result("loss-l1" + seed, second[i]);
    if (i != 1) write_result("loss-dct" + seed, third[i]);
    write_result("loss-l1+mse" + seed, nullptr);  // exact: JSON has no infinity
  }
  write_result("loss-l1+dct_seed-3", 24.5);
  const StudyTable table = tabulate(study);
  ASSERT_EQ(table.rows.size(), 5u);
  const Interval& mean = table.rows[0].restored[0];
  EXPECT_NEAR(mean.mean, 21.333333, 1e-6);
  EXPECT_NEAR(mean.low, 17.538750, 1e-6);
  EXPECT_NEAR(mean.high, 25.127916, 1e-6);
  EXPECT_TRUE(table.rows[0].changes.empty());
  const Interval& change = table.rows[1].changes[0];  // 4.5, 4.25, 4.75
  EXPECT_NEAR(change.mean, 4.5, 1e-9);
  EXPECT_NEAR(change.low, 3.878966, 1e-6);
  EXPECT_NEAR(change.high, 5.121034, 1e-6);
  EXPECT_TRUE(change.decided());
  const Interval& pair = table.rows[2].changes[0];  // of seeds 1 and 3: 0.5, -0.5
  EXPECT_EQ(pair.count, 2);
  EXPECT_NEAR(pair.high, 6.353102, 1e-6);
  EXPECT_FALSE(pair.decided());
  EXPECT_EQ(table.rows[3].restored[0].count, 0);
  EXPECT_EQ(table.rows[2].finished, 2u);
  EXPECT_EQ(table.missing.size(), 3u);
  EXPECT_EQ(table.missing[0], "loss-l1+dct_seed-1: not begun");

  const std::string page = to_html(study, table);
  for (const char* const holds :
       {"12 of 15 runs are finished", "<td>doing nothing</td><td></td><td>18.50</td>",
        "<td>loss-mse</td><td>3/3</td><td>21.33<br><small>[17.54, 25.13]</small></td>",
        "<td>+4.50<br><small>[+3.88, +5.12]</small></td>",
        "<td>+0.00<br><small>[-6.35, +6.35]<br>undecided</small></td>", "+1.50 undecided",
        "loss-dct_seed-2: not begun", "<svg", "<a href=\"loss-l1_seed-1/report.html\">"})
    EXPECT_NE(page.find(holds), std::string::npos) << holds << "\n" << page;
  for (const char* const not_there : {"nan", "inf", "http://", "https://", "<script", "url("})
    EXPECT_EQ(page.find(not_there), std::string::npos) << not_there;
  EXPECT_EQ(wrong_tags(page), "");
  const std::string text = to_text(table);
  for (const char* const holds : {"21.33 \u00b13.79", "+4.50 \u00b10.62", "(+1.50)"})
    EXPECT_NE(text.find(holds), std::string::npos) << holds << "\n" << text;
  const auto json = to_json(study, table);
  EXPECT_EQ(json["settings"][1]["changes"]["psnr"]["decided"], true);
  EXPECT_EQ(json["settings"][2]["changes"]["psnr"]["decided"], false);
  EXPECT_EQ(json["runs"][1]["restored"]["psnr"], 24.5);
  EXPECT_EQ(json["missing"][0], "loss-l1+dct_seed-1: not begun");
  EXPECT_NE(
      to_csv(study, table).find("loss-mse_seed-1,loss-mse,1,finished,20,20,0.2,20,20,3.5,18.5"),
      std::string::npos)
      << to_csv(study, table);
}

// The whole first line: whatever reads the file goes by it.
TEST_F(StudyTables, CsvNamesItsColumnsInTheirOrder) {
  const Study study(folder_, runs({"mse"}, {7}));
  write_result("loss-mse_seed-7", 20);
  const std::string csv = to_csv(study, tabulate(study));
  EXPECT_EQ(csv.substr(0, csv.find('\n')),
            "run,setting,seed,state,psnr,aligned_psnr,ssim,brightness_error,colour_error,seconds,"
            "corrupted_psnr,corrupted_aligned_psnr,corrupted_ssim,corrupted_brightness_error,"
            "corrupted_colour_error");
}

// Views of a setting without a finished run are not known yet, and are no others.
TEST_F(StudyTables, DoingNothingStandsOnceForTheSameViews) {
  const Study study(folder_, runs({"mse", "l1", "dct"}, {1}));
  for (const char* const run : {"loss-mse_seed-1", "loss-dct_seed-1"}) write_result(run, 20);
  const StudyTable table = tabulate(study);
  EXPECT_EQ(count(to_html(study, table), "<td>doing nothing</td>"), 1u) << to_html(study, table);
  EXPECT_EQ(count(to_text(table), "doing nothing"), 1u) << to_text(table);
}

TEST_F(StudyTables, APageShowsCommandsAsTheyAre) {
  std::vector<StudyRun> wanted = runs({"mse"}, {1});
  wanted[0].command = "--dataset <&";
  const Study study(folder_, wanted);
  const std::string page = to_html(study, tabulate(study));
  EXPECT_NE(page.find("<td>loss-mse_seed-1</td><td>--dataset &lt;&amp;</td>"), std::string::npos)
      << page;
}

// What a program asks for by name.
TEST_F(StudyTables, JsonSaysAllByName) {
  std::vector<StudyRun> both = runs({"mse", "l1"}, {7});
  both[1].command = "train_cuda --loss l1";
  const Study study(folder_, both);
  write_result("loss-mse_seed-7", 20);
  const auto json = to_json(study, tabulate(study));
  EXPECT_EQ(keys_of(json), "missing runs settings");
  EXPECT_EQ(keys_of(json["settings"][0]), "corrupted finished name restored seeds");
  EXPECT_EQ(keys_of(json["settings"][1]), "against changes corrupted finished name restored seeds");
  EXPECT_EQ(json["settings"][0]["name"], "loss-mse");
  EXPECT_EQ(json["settings"][0]["seeds"], 1);
  EXPECT_EQ(json["settings"][0]["finished"], 1);
  EXPECT_EQ(json["settings"][0]["corrupted"]["psnr"]["mean"], 18.5);
  EXPECT_EQ(json["settings"][1]["against"], "loss-mse");
  const char* const figures = "aligned_psnr brightness_error colour_error psnr seconds ssim";
  for (const auto& all : {json["settings"][0]["restored"], json["settings"][1]["changes"],
                          json["runs"][0]["restored"], json["runs"][0]["corrupted"]})
    EXPECT_EQ(keys_of(all), figures);
  EXPECT_EQ(keys_of(json["settings"][1]["changes"]["ssim"]), "count decided high low mean");
  EXPECT_EQ(json["runs"][0]["state"], "finished");
  EXPECT_EQ(json["runs"][0]["restored"]["ssim"], 0.2);
  EXPECT_EQ(json["runs"][0]["corrupted"]["psnr"], 18.5);
  EXPECT_EQ(json["runs"][1], (nlohmann::json{{"name", "loss-l1_seed-7"},
                                             {"command", "train_cuda --loss l1"},
                                             {"setting", {{"loss", "l1"}}},
                                             {"seed", 7},
                                             {"state", "not begun"}}));
}

// The warning stands wherever the table is seen: its differences are not the settings' alone.
TEST_F(StudyTables, WarnsWherePicturesCameOrWent) {
  const Study study(folder_, runs({"mse", "l1"}, {1}));
  write_result("loss-mse_seed-1", 20, "a");
  const std::string warning =
      "Pictures came or went between these runs: they are measured on different ones, and "
      "differences are not theirs alone. Train all of them again, in another folder.";
  for (const char* const pictures : {"a", "b"}) {
    const bool other = *pictures == 'b';
    write_result("loss-l1_seed-1", 21, pictures);
    const StudyTable table = tabulate(study);
    EXPECT_EQ(table.warning, other ? warning : "");
    EXPECT_EQ(to_text(table).find("\n" + warning + "\n") != std::string::npos, other)
        << to_text(table);
    EXPECT_EQ(
        to_html(study, table).find("<p class=\"note\">" + warning + "</p>") != std::string::npos,
        other);
    EXPECT_EQ(to_json(study, table).value("warning", ""), table.warning);
  }
}

TEST_F(StudyTables, ARecordThatCannotBeReadIsNamed) {
  const Study study(folder_, runs({"mse"}, {1}));
  write_result("loss-mse_seed-1", 20);
  fs::resize_file(record("loss-mse_seed-1", "result.json"), 10);
  const StudyTable table = tabulate(study);
  ASSERT_EQ(table.missing.size(), 1u);
  EXPECT_NE(table.missing[0].find("records/loss-mse_seed-1"), std::string::npos)
      << table.missing[0];
}

}  // namespace
}  // namespace dae::test
