#include "model/loss_spec.h"

#include <gtest/gtest.h>

#include "runtime/error.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

TEST(LossSpec, ReadsWeightedSums) {
  const LossSpec loss = parse_loss("mse + 0.1*ssim+2e-3*ms_ssim+1e+1*dct+.5*l1+3*perceptual");
  const std::vector<LossSpec::Term> want = {{LossKind::mse, 1},         {LossKind::ssim, 0.1f},
                                            {LossKind::ms_ssim, 2e-3f}, {LossKind::dct, 10},
                                            {LossKind::l1, 0.5f},       {LossKind::perceptual, 3}};
  EXPECT_EQ(loss.terms, want);
  EXPECT_EQ(to_string(loss), "mse+0.1*ssim+0.002*ms_ssim+10*dct+0.5*l1+3*perceptual");
  EXPECT_TRUE(loss.has(LossKind::perceptual));
  EXPECT_FALSE(parse_loss("mse+l1").has(LossKind::perceptual));
}

TEST(LossSpec, TextsGoBackAndForth) {
  for (const char* text :
       {"mse", "l1", "0.3333333*mse+1e-07*dct", "ssim+ms_ssim", "1e+20*l1", "perceptual"}) {
    const LossSpec loss = parse_loss(text);
    EXPECT_EQ(to_string(loss), text);
    EXPECT_EQ(parse_loss(to_string(loss)).terms, loss.terms);
  }
}

TEST(LossSpec, OnlyMseWithWeightOneIsPlain) {
  EXPECT_TRUE(LossSpec{}.is_plain_mse());
  EXPECT_TRUE(parse_loss("mse").is_plain_mse());
  EXPECT_TRUE(parse_loss("1*mse").is_plain_mse());
  for (const char* text : {"2*mse", "l1", "mse+0.1*ssim"})
    EXPECT_FALSE(parse_loss(text).is_plain_mse()) << text;
}

// The text that was given, and words that say what is wrong with it.
TEST(LossSpec, NamesWhatMakesNoSense) {
  for (const auto& [text, words] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", "a term is missing"},
           {"mse+", "a term is missing"},
           {"+mse", "a term is missing"},
           {"mse++l1", "a term is missing"},
           {"0.1*", "a term is missing"},
           {"huber", "no term 'huber'"},
           {"MSE", "no term 'MSE'"},
           {"mse+0.1*vgg", "no term 'vgg'"},
           {"mse+perception",
            "no term 'perception'; there are mse, l1, ssim, ms_ssim, dct and perceptual"},
           {"mse-0.1*ssim", "no term 'mse-0.1'"},
           {"mse,l1", "no term 'mse,l1'"},
           {"mse+0.1*mse", "mse is given twice"},
           {"0*mse", "a positive number, not 0"},
           {"-0.1*ssim", "a positive number, not -0.1"},
           {"1e999*ssim", "a positive number, not 1e999"},
           {"mse+.*ssim", "a positive number, not ."},
           {"0.1ssim", "after a weight comes *"},
           {"0.1.2*ssim", "after a weight comes *"},
           {"0.1", "after a weight comes *"},
           {"ssim*0.1", "0.1*ssim"},
           {"2*3*mse", "no term '3'"}}) {
    try {
      parse_loss(text);
      ADD_FAILURE() << text << " was taken";
    } catch (const UsageError& error) {
      const std::string message = error.what();
      EXPECT_TRUE(message.starts_with(std::string("loss ") + text)) << message;
      EXPECT_NE(message.find(words), std::string::npos) << message;
    }
  }
}

TEST(LossSpec, WindowsMustFitIntoTheCrops) {
  const auto said_of = [](const char* loss, int64_t size) {
    return said<UsageError>([&] { check(parse_loss(loss), size); });
  };
  EXPECT_EQ(said_of("mse+l1+dct", 8), "accepted");
  EXPECT_EQ(said_of("mse+0.1*ssim", 10), "size 10: the loss mse+0.1*ssim needs crops of 11 pixels");
  EXPECT_EQ(said_of("ssim", 11), "accepted");
  EXPECT_EQ(said_of("ms_ssim", 21), "size 21: the loss ms_ssim needs crops of 22 pixels");
  EXPECT_EQ(said_of("ms_ssim", 22), "accepted");
}

}  // namespace
}  // namespace dae::test
