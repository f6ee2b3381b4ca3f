#include "kernels/residual_mse.h"

#include <fmt/format.h>

#include <array>

#include "tests/support/op_case.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

// An empty x or gain stands for zeros or ones, as in the op.
struct Inputs {
  Values r, x, gain, target;
  int64_t pixels;  // an image

  double base(size_t i) const { return r[i] + (x.empty() ? 0 : x[i]); }
  double factor(size_t i) const { return gain.empty() ? 1 : gain[i / (pixels * 3) * 3 + i % 3]; }
  double error(size_t i) const { return factor(i) * base(i) - target[i] / 255; }
};

Values output_reference(const Inputs& in) {
  Values y(in.r.size());
  for (size_t i = 0; i < y.size(); i++) y[i] = in.factor(i) * in.base(i);
  return y;
}

double loss_reference(const Inputs& in) {
  double sum = 0;
  for (size_t i = 0; i < in.r.size(); i++) sum += in.error(i) * in.error(i);
  return sum / double(in.r.size());
}

Values dr_reference(const Inputs& in) {
  Values dr(in.r.size());
  for (size_t i = 0; i < dr.size(); i++)
    dr[i] = 2 * in.error(i) * in.factor(i) / double(in.r.size());
  return dr;
}

Values dgain_reference(const Inputs& in) {
  Values d(in.r.size() / in.pixels);
  for (size_t i = 0; i < in.r.size(); i++)
    d[i / (in.pixels * 3) * 3 + i % 3] += 2 * in.error(i) * in.base(i) / double(in.r.size());
  return d;
}

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  // The last has more images, so partial sums and gains, than the second kernels have threads.
  for (const Shape& s : {Shape{1, 1, 1, 3}, Shape{2, 5, 7, 3}, Shape{3, 33, 31, 3},
                         Shape{2, 64, 64, 3}, Shape{300, 1, 2, 3}})
    for (const bool with_x : {true, false})
      for (const bool with_gain : {true, false}) {
        const std::string name =
            to_string(s) + (with_x ? "_input" : "") + (with_gain ? "_gain" : "") + many_blocks(s);
        const int64_t pixels = s[1] * s[2];
        const auto inputs = [=](const std::vector<Values>& v) {
          return Inputs{v[0], with_x ? v[1] : Values{}, with_gain ? v[2] : Values{}, v[3], pixels};
        };
        const Arg r{.name = "r", .shape = s},
            x{.name = "x", .shape = s, .low = 0, .high = 1, .given = with_x},
            gain{.name = "gain", .shape = {s[0], 3}, .low = 0.4, .high = 2.5, .given = with_gain},
            target{.name = "target", .shape = s, .dtype = DType::u8, .low = 0, .high = 255};
        Arg no_target = target;
        no_target.given = false;
        list.push_back(
            {.name = "output_" + name,
             .args = {r, x, gain, no_target, {.name = "y", .shape = s, .role = Role::out}},
             .run =
                 [=](const Queue& q, const auto& t) {
                   residual_output(q, t[0], with_x ? t[1] : Tensor{}, with_gain ? t[2] : Tensor{},
                                   t[4]);
                 },
             .reference = [=](auto& v) { v[4] = output_reference(inputs(v)); },
             .tolerance = {1e-6, 0, "two f32 roundings of values up to 5"}});
        const double count = double(s.count());
        list.push_back(
            {.name = "loss_" + name,
             .args = {r,
                      x,
                      gain,
                      target,
                      {.name = "dr", .shape = s, .role = Role::out},
                      {.name = "dgain", .shape = {with_gain ? s[0] : 0, 3}, .role = Role::out},
                      {.name = "loss", .shape = {1}, .role = Role::out},
                      {.name = "workspace",
                       .shape = {loss_workspace_count(s)},
                       .role = Role::scratch}},
             .run =
                 [=](const Queue& q, const auto& t) {
                   residual_mse(q, t[0], with_x ? t[1] : Tensor{}, with_gain ? t[2] : Tensor{},
                                t[3], t[4], with_gain ? t[5] : Tensor{}, t[6], t[7]);
                 },
             .reference =
                 [=](auto& v) {
                   const Inputs in = inputs(v);
                   v[4] = dr_reference(in);
                   if (with_gain) v[5] = dgain_reference(in);
                   v[6] = {loss_reference(in)};
                 },
             .tolerance = {4e-6 / count + 2e-7, 2e-5, "f32 sums of 1024 pixels"}});
      }
  return list;
}

DAE_OP_TEST(ResidualMse, cases());
DAE_OP_TEST(ResidualMseBf16, in_bf16(cases(), {"x", "gain", "y", "dgain", "loss"}));

TEST(ResidualMseReference, GradientsMatchFiniteDifferences) {
  const Inputs in{random_values(24, 1), random_values(24, 2), random_values(6, 3, 0.5, 2),
                  random_values(24, 4, 0, 255), 4};
  const auto scaled = [](Values d, double by) {
    for (double& v : d) v *= by;
    return d;
  };
  expect_gradient(
      [&](const Values& v) {
        return Values{loss_reference({v, in.x, in.gain, in.target, 4})};
      },
      [&](const Values& v, const Values& dy) {
        return scaled(dr_reference({v, in.x, in.gain, in.target, 4}), dy[0]);
      },
      in.r);
  expect_gradient(
      [&](const Values& v) {
        return Values{loss_reference({in.r, in.x, v, in.target, 4})};
      },
      [&](const Values& v, const Values& dy) {
        return scaled(dgain_reference({in.r, in.x, v, in.target, 4}), dy[0]);
      },
      in.gain);
}

// Each argument alone of another type or shape.
TEST(ResidualMse, NamesTheArgumentThatDoesNotFit) {
  float floats[64] = {};
  uint8_t bytes[64] = {};
  const Tensor image{floats, {1, 2, 2, 3}}, target{bytes, {1, 2, 2, 3}, DType::u8},
      gain{floats, {1, 3}}, one{floats, {1}},
      workspace{floats, {loss_workspace_count(image.shape)}};
  const std::array<Tensor, 8> sound = {image, image, gain, target, image, gain, one, workspace};
  const std::array<std::string, 8> names = {"r",  "x",     "gain", "target",
                                            "dr", "dgain", "loss", "workspace"};
  for (size_t k = 0; k < sound.size(); k++) {
    const auto said_of = [&](DType dtype, const Shape& shape) {
      std::array<Tensor, 8> t = sound;
      t[k].dtype = dtype;
      t[k].shape = shape;
      return said([&] { residual_mse(Queue{}, t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]); });
    };
    EXPECT_EQ(said_of(DType::u64, sound[k].shape),
              fmt::format("residual_mse: {} is u64 {}, expected {}", names[k],
                          to_string(sound[k].shape), name_of(sound[k].dtype)));
    const std::string of_shape = said_of(sound[k].dtype, {7});
    EXPECT_TRUE(of_shape.starts_with("residual_mse: " + names[k] + " ")) << of_shape;
  }
}

}  // namespace
}  // namespace dae::test
