#include "kernels/pixel_loss.h"

#include <fmt/format.h>

#include "runtime/error.h"
#include "tests/support/loss_case.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

ReferenceTerm mse_reference(const Shape&, const Values& y, const Values& target) {
  ReferenceTerm term;
  for (size_t i = 0; i < y.size(); i++) {
    const double error = y[i] - target[i] / 255;
    term.value += error * error / double(y.size());
    term.gradient.push_back(2 * error / double(y.size()));
  }
  return term;
}

// 0 at equality, as f32 sees it.
ReferenceTerm l1_reference(const Shape&, const Values& y, const Values& target) {
  ReferenceTerm term;
  for (size_t i = 0; i < y.size(); i++) {
    const double error = y[i] - target[i] / 255;
    term.value += std::abs(error) / double(y.size());
    const double sign = std::abs(error) < 1e-7 ? 0 : error > 0 ? 1 : -1;
    term.gradient.push_back(sign / double(y.size()));
  }
  return term;
}

const LossOp kMse{"mse",
                  mse_loss,
                  pixel_loss_workspace_count,
                  mse_reference,
                  {1e-6, 4e-6, "f32 sums of 3072 elements"}};
const LossOp kL1{"l1",
                 l1_loss,
                 pixel_loss_workspace_count,
                 l1_reference,
                 {1e-6, 4e-6, "f32 sums of 3072 elements"}};

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  for (const LossOp& op : {kMse, kL1}) {
    for (OpCase& c : loss_cases(op, {{2, 5, 7, 3}, {3, 33, 31, 3}, {1, 1, 1, 3}, {2, 64, 64, 3}}))
      list.push_back(std::move(c));
    // Equal in f32, and beyond the range of pictures.
    Pictures p = pictures_of({1, 2, 2, 3});
    for (size_t i = 0; i < 6; i++) p.y[i] = static_cast<float>(p.target[i]) / 255.0f;
    p.y[6] = -40;
    p.y[7] = 1e4;
    list.push_back(loss_case(op, {.shape = {1, 2, 2, 3}, .pictures = p, .name = "equal"}));
  }
  return list;
}

DAE_OP_TEST(PixelLoss, cases());

TEST(PixelLossReference, GradientsMatchFiniteDifferences) {
  for (const LossOp& op : {kMse, kL1})
    expect_reference_gradient(op, {1, 3, 2, 3}, pictures_of({1, 3, 2, 3}));
}

TEST(PixelLoss, SameBitsForEveryThreadCount) {
  for (const LossOp& op : {kMse, kL1}) expect_no_dependence_on_threads(op, {3, 50, 41, 3});
}

TEST(PixelLoss, RefusesWhatDoesNotFit) {
  float floats[64] = {};
  uint8_t bytes[64] = {};
  const Tensor y{floats, {1, 2, 2, 3}}, target{bytes, {1, 2, 2, 3}, DType::u8};
  const LossTerm term{.dy = y, .total = {floats, {1}}, .report = {floats, {2}}};
  const Tensor workspace{floats, {2}};
  EXPECT_NO_THROW(l1_loss(Queue{}, y, target, term, workspace));
  EXPECT_THROW(l1_loss(Queue{}, {floats, {0, 2, 2, 3}}, target, term, workspace), Error);
  EXPECT_THROW(l1_loss(Queue{}, {floats, {1, 3, 2, 2}}, target, term, workspace), Error);
  EXPECT_THROW(l1_loss(Queue{}, y, y, term, workspace), Error);
  EXPECT_THROW(l1_loss(Queue{}, y, target, term, {floats, {1}}), Error);
  LossTerm other = term;
  other.dy.shape = {1, 1, 4, 3};
  EXPECT_THROW(l1_loss(Queue{}, y, target, other, workspace), Error);
  for (const auto& [name, member] :
       {std::pair("total", &LossTerm::total), {"report", &LossTerm::report}}) {
    LossTerm shaped = term, typed = term;
    (shaped.*member).shape = {3};
    (typed.*member).dtype = DType::u64;
    const std::string sound = to_string((term.*member).shape);
    EXPECT_EQ(said([&] { l1_loss(Queue{}, y, target, shaped, workspace); }),
              fmt::format("l1_loss: {} is f32 3, expected shape {}", name, sound));
    EXPECT_EQ(said([&] { l1_loss(Queue{}, y, target, typed, workspace); }),
              fmt::format("l1_loss: {} is u64 {}, expected f32", name, sound));
  }
}

}  // namespace
}  // namespace dae::test
