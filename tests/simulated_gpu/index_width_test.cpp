// Tensors of more than 2^31 elements: what a kernel makes of the last image must be what it makes of that
// image alone. Their memory is reserved and all but the last image never touched; of each launch the last
// blocks run.
//
// Simulated GPU: without sanitizers (they watch every address that is reserved)
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cmath>

#include "corrupt/corrupt.h"
#include "kernels/activation.h"
#include "kernels/bias.h"
#include "kernels/cast.h"
#include "kernels/conv3x3_mma.h"
#include "kernels/dct_loss.h"
#include "kernels/global_pool.h"
#include "kernels/ms_ssim_loss.h"
#include "kernels/noise_input.h"
#include "kernels/output_backward.h"
#include "kernels/partial_sums.h"
#include "kernels/perceptual_loss.h"
#include "kernels/pixel_loss.h"
#include "kernels/pixel_shuffle.h"
#include "kernels/residual_block.h"
#include "kernels/residual_mse.h"
#include "kernels/sigmoid_mse.h"
#include "kernels/ssim_loss.h"
#include "kernels/tree_sum.h"
#include "kernels/upsample.h"
#include "runtime/device.h"
#include "tests/simulated_gpu/simulator.h"
#include "tests/support/corrupt_run.h"
#include "tests/support/op_case.h"

namespace dae::test {
namespace {

constexpr int64_t kCompared = 48;  // elements at a tensor's end
constexpr size_t kLastBlocks = 8;  // which hold at least the last image of each tensor here

// Address space, of which a page becomes memory when it is touched.
class Reserved {
 public:
  explicit Reserved(size_t bytes)
      : bytes_(bytes + 4096),
        data_(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  ~Reserved() {
    if (is_there()) munmap(data_, bytes_);
  }
  Reserved(Reserved&& other) noexcept
      : bytes_(other.bytes_), data_(std::exchange(other.data_, MAP_FAILED)) {}
  bool is_there() const { return data_ != MAP_FAILED; }
  std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  size_t bytes_;
  void* data_;
};

// An argument of one image; `of_batch`: of all of them together.
struct Part {
  Shape shape;
  Role role = Role::in;
  DType dtype = DType::f32;
  bool of_batch = false;
};

struct Case {
  std::string name;
  std::vector<Part> parts;  // the first is the one to be too large for 32 bits
  std::function<void(const Queue&, const std::vector<Tensor>&)> run;
  bool mean = false;  // what it writes is divided by the number of elements
  std::function<int64_t(const Shape&)> workspace =
      {};  // of the first part's shape; the last argument
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

Shape with_images(const Part& part, int64_t images) {
  const Shape& s = part.shape;
  const int64_t first = part.of_batch ? s[0] : s[0] * images;
  return s.rank() == 1   ? Shape{first}
         : s.rank() == 2 ? Shape{first, s[1]}
                         : Shape{first, s[1], s[2], s[3]};
}

// The last elements of each output, of `images` images of which the last one is given. Empty where the
// memory cannot be reserved.
std::vector<std::vector<float>> ends(const Case& c, int64_t images) {
  std::vector<Part> parts = c.parts;
  if (c.workspace)
    parts.push_back(
        {{c.workspace(with_images(parts[0], images))}, Role::scratch, DType::f32, true});
  std::vector<Reserved> memory;
  std::vector<Tensor> tensors;
  for (size_t k = 0; k < parts.size(); k++) {
    const Part& part = parts[k];
    const Tensor tensor{nullptr, with_images(part, images), part.dtype};
    const Reserved& place = memory.emplace_back(tensor.bytes());
    if (!place.is_there()) return {};
    tensors.push_back(tensor);
    tensors[k].data = place.data();
    const int64_t count = part.role == Role::scratch ? int64_t{0} : part.shape.count();
    const int64_t first = tensor.count() - count;
    const Values values = random_values(count, k + 1, 0, 1);
    for (int64_t i = 0; i < count; i++) {
      const auto value = static_cast<float>(values[static_cast<size_t>(i)]);
      if (part.dtype == DType::u8)
        tensors[k].as<uint8_t>()[first + i] = static_cast<uint8_t>(255 * value);
      else if (part.dtype == DType::i32)
        tensors[k].as<int32_t>()[first + i] = static_cast<int32_t>(4 * value);
      else if (part.dtype == DType::bf16)
        tensors[k].as<BFloat16>()[first + i] = to_bf16(part.role == Role::out ? NAN : value);
      else
        tensors[k].as<float>()[first + i] = part.role == Role::out ? NAN : value;
    }
  }
  c.run(Queue{Device::cuda}, tensors);
  synchronize_device();
  std::vector<std::vector<float>> found;
  for (size_t k = 0; k < c.parts.size(); k++) {
    const Part& part = parts[k];
    if (part.of_batch || (part.role != Role::out && part.role != Role::in_out)) continue;
    std::vector<float>& end = found.emplace_back();
    const int64_t count = tensors[k].count(), compared = std::min(kCompared, part.shape.count());
    for (int64_t i = count - compared; i < count; i++)
      end.push_back(part.dtype == DType::bf16  ? to_float(tensors[k].as<BFloat16>()[i])
                    : part.dtype == DType::i32 ? static_cast<float>(tensors[k].as<int32_t>()[i])
                                               : tensors[k].as<float>()[i]);
  }
  return found;
}

std::vector<Case> cases() {
  const Part map{{1, 8, 8, 16}}, map_out{{1, 8, 8, 16}, Role::out},
      map_in_out{{1, 8, 8, 16}, Role::in_out}, half{{1, 4, 4, 16}},
      half_out{{1, 4, 4, 16}, Role::out};
  const Part picture{{1, 24, 24, 3}}, out{{1, 24, 24, 3}, Role::out},
      target{{1, 24, 24, 3}, Role::in, DType::u8}, gain{{1, 3}}, gain_out{{1, 3}, Role::out},
      one{{1}, Role::out, DType::f32, true}, two{{2}, Role::out, DType::f32, true},
      channels{{16}, Role::in, DType::f32, true}, sums{{16}, Role::out, DType::f32, true};
  const auto term = [&](const std::string& name, auto op, auto workspace) {
    return Case{name,
                {picture, target, out, one, two},
                [=](const Queue& q, const auto& t) {
                  op(q, t[0], t[1], {.dy = t[2], .total = t[3], .report = t[4]}, t[5]);
                },
                true,
                workspace};
  };
  const Part bf16_map{{1, 8, 8, 32}, Role::in, DType::bf16},
      bf16_out{{1, 8, 8, 32}, Role::out, DType::bf16},
      filters{{32, 3, 3, 32}, Role::in, DType::bf16, true},
      biases{{32}, Role::in, DType::bf16, true};
  return {
      {"conv3x3_mma",
       {bf16_map, filters, biases, bf16_out},
       [](auto& q, auto& t) { conv3x3_mma(q, t[0], t[1], t[2], t[3], true); }},
      {"residual_block",
       {bf16_map, filters, biases, filters, biases, bf16_out, bf16_out},
       [](auto& q, auto& t) { residual_block(q, t[0], t[1], t[2], t[3], t[4], t[5], t[6]); }},
      {"residual_block_backward",
       {bf16_map, filters, filters, bf16_map, bf16_out, bf16_out},
       [](auto& q, auto& t) {
         residual_block_backward(q, t[0], t[1], t[2], t[3], t[4], t[5],
                                 {t[6].data, residual_block_sums(t[0].shape)});
       },
       false,
       [](const Shape& s) { return residual_block_sums(s).count(); }},
      {"add", {map, map_in_out}, [](auto& q, auto& t) { add(q, t[0], t[1]); }},
      {"relu_backward", {map, map_in_out}, [](auto& q, auto& t) { relu_backward(q, t[0], t[1]); }},
      {"bias_relu",
       {map_in_out, channels, map},
       [](auto& q, auto& t) { bias_relu(q, t[1], t[2], t[0], true); }},
      {"relu_bias_backward",
       {map, map_in_out, sums},
       [](auto& q, auto& t) { relu_bias_backward(q, t[0], t[1], t[2], true, t[3]); },
       false,
       [](const Shape& s) {
         return relu_bias_backward_workspace_count({nullptr, s, DType::f32});
       }},
      {"cast",
       {map, {{1, 8, 8, 16}, Role::out, DType::bf16}},
       [](auto& q, auto& t) { cast(q, t[0], t[1]); }},
      {"tree_sum",
       {map, map, map_out},
       [](auto& q, auto& t) {
         constexpr TreeMerge kMerge[] = {{0, 1}};
         tree_sum(q, std::span(t).first(2), kMerge, 0.5f, t[2]);
       }},
      {"upsample2x", {half, map_out}, [](auto& q, auto& t) { upsample2x(q, t[0], t[1]); }},
      {"upsample2x_backward",
       {half_out, map},
       [](auto& q, auto& t) { upsample2x_backward(q, t[1], t[0]); }},
      {"pixel_shuffle",
       {{{1, 5, 5, 64}}, channels, map_out},
       [](auto& q, auto& t) { pixel_shuffle(q, t[0], t[1], t[2], true); }},
      {"pixel_shuffle_backward",
       {map, {{1, 5, 5, 64}, Role::out}},
       [](auto& q, auto& t) { pixel_shuffle_backward(q, t[0], t[1]); }},
      {"global_pool",
       {map, {{1, 32}, Role::out}, {{1, 16}, Role::out, DType::i32}},
       [](auto& q, auto& t) { global_pool(q, t[0], t[1], t[2]); }},
      {"global_pool_backward",
       {map_out, {{1, 32}}, {{1, 16}, Role::in, DType::i32}},
       [](auto& q, auto& t) { global_pool_backward(q, t[1], t[2], t[0]); }},
      {"noise_input",
       {picture, {{1}}, {{1, 12, 12, 16}, Role::out}},
       [](auto& q, auto& t) { noise_input(q, t[0], t[1], t[2]); }},
      {"sigmoid", {picture, out}, [](auto& q, auto& t) { sigmoid(q, t[0], t[1]); }},
      {"sigmoid_backward",
       {picture, picture, out},
       [](auto& q, auto& t) { sigmoid_backward(q, t[0], t[1], t[2]); }},
      {"sigmoid_mse",
       {picture, target, out, one},
       [](auto& q, auto& t) { sigmoid_mse(q, t[0], t[1], t[2], t[3], t[4]); },
       true,
       loss_workspace_count},
      {"residual_output",
       {picture, picture, gain, out},
       [](auto& q, auto& t) { residual_output(q, t[0], t[1], t[2], t[3]); }},
      {"residual_mse",
       {picture, picture, gain, target, out, gain_out, one},
       [](auto& q, auto& t) { residual_mse(q, t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]); },
       true,
       loss_workspace_count},
      {"residual_output_backward",
       {picture, picture, gain, picture, out, gain_out},
       [](auto& q, auto& t) {
         residual_output_backward(q, t[0], t[1], t[2], t[3], t[4], t[5], t[6]);
       },
       false,
       loss_workspace_count},
      {"unit_picture",
       {{{1, 24, 24, 3}, Role::in, DType::u8}, out},
       [](auto& q, auto& t) { unit_picture(q, t[0], t[1]); }},
      {"perceptual_loss",
       {picture, {{4}, Role::in, DType::f32, true}, out, one, two},
       [](auto& q, auto& t) {
         perceptual_loss(q, t[0], t[1], {.dy = t[2], .total = t[3], .report = t[4]}, t[5]);
       },
       false,
       feature_chunks},
      {"feature_distance",
       {map, map, map_out},
       [](auto& q, auto& t) { feature_distance(q, t[0], t[1], 0.5f, t[2], t[3]); },
       false,
       feature_chunks},
      term("mse", mse_loss, pixel_loss_workspace_count),
      term("l1", l1_loss, pixel_loss_workspace_count),
      term("dct", dct_loss, dct_loss_workspace_count),
      term("ssim", ssim_loss, ssim_loss_workspace_count),
      term("ms_ssim", ms_ssim_loss, ms_ssim_loss_workspace_count)};
}

class IndexWidth : public testing::TestWithParam<Case> {
 protected:
  IndexWidth() { simulated::settings().last_blocks = kLastBlocks; }
};

TEST_P(IndexWidth, TheLastImageOfManyIsAsItIsAlone) {
  const Case& c = GetParam();
  const int64_t images = (int64_t{1} << 31) / c.parts[0].shape.count() + 3;
  const auto many = ends(c, images), alone = ends(c, 1);
  if (many.empty()) GTEST_SKIP() << "so many addresses cannot be reserved here";
  const double scale = c.mean ? static_cast<double>(images) : 1;
  for (size_t k = 0; k < alone.size(); k++)
    for (size_t i = 0; i < alone[k].size(); i++)
      ASSERT_NEAR(scale * double{many[k][i]}, alone[k][i], 1e-5 * std::abs(alone[k][i]))
          << "output " << k << ", element " << i << " of the last " << alone[k].size();
}
INSTANTIATE_TEST_SUITE_P(simulated, IndexWidth, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

TEST(IndexWidthSimulated, TheLastOfManyPartialSumsIsAdded) {
  simulated::settings().last_blocks = kLastBlocks;
  const Shape shape{(1 << 11) + 1, 1 << 20};
  const Reserved partial(static_cast<size_t>(shape.count()) * sizeof(float)),
      sums(static_cast<size_t>(shape[1]) * sizeof(float));
  if (!partial.is_there()) GTEST_SKIP() << "so many addresses cannot be reserved here";
  reinterpret_cast<float*>(partial.data())[shape.count() - 1] = 3;
  const PartialSum all[] = {{{partial.data(), shape}, {sums.data(), {shape[1]}}}};
  sum_partials(Queue{Device::cuda}, all);
  synchronize_device();
  EXPECT_EQ(reinterpret_cast<float*>(sums.data())[shape[1] - 1], 3);
}

// With and without the kernel that makes a JPEG file of what is corrupted, whose eight last blocks are one view.
TEST(IndexWidthSimulated, TheLastViewOfManyIsCorruptedAsItIsAlone) {
  simulated::settings().last_blocks = kLastBlocks;
  const Picture picture(70, 90, 1);
  const Source source = picture.source();
  constexpr int64_t kSide = 64, kElements = kSide * kSide * 3;
  const auto last_view = [&](const CorruptSpec& spec, int64_t views) {
    const Draw draw = draw_training(spec, 1, 9, 3, std::vector{source}, kSide, kSide);
    const Shape shape{views, kSide, kSide, 3};
    const Reserved draws(static_cast<size_t>(views) * sizeof(Draw)),
        clean(static_cast<size_t>(shape.count())),
        corrupted(static_cast<size_t>(shape.count()) * sizeof(float)),
        told(static_cast<size_t>(views) * sizeof(float));
    std::vector<float> found;
    if (!draws.is_there() || !clean.is_there() || !corrupted.is_there()) return found;
    reinterpret_cast<Draw*>(draws.data())[views - 1] = draw;
    corrupt(Queue{Device::cuda},
            {const_cast<Source*>(&source), {1, int64_t{sizeof(Source)}}, DType::u8},
            {draws.data(), {views, int64_t{sizeof(Draw)}}, DType::u8}, flags_of(spec),
            {clean.data(), shape, DType::u8}, {corrupted.data(), shape}, {},
            {told.data(), {views}});
    synchronize_device();
    const auto* const end = reinterpret_cast<const float*>(corrupted.data()) + shape.count();
    found.assign(end - kElements, end);
    const auto* const bytes = reinterpret_cast<const uint8_t*>(clean.data()) + shape.count();
    found.insert(found.end(), bytes - kElements, bytes);
    return found;
  };
  for (const CorruptSpec& spec : {CorruptSpec{}, CorruptSpec{.jpeg = {50, 50}}}) {
    const std::vector<float> many = last_view(spec, (int64_t{1} << 31) / kElements + 3);
    if (!many.empty()) {
      EXPECT_EQ(many, last_view(spec, 1));
    }
  }
}

}  // namespace
}  // namespace dae::test
