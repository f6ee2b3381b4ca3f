#include "tests/support/op_case.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <random>
#include <string_view>

#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "tests/support/variants.h"

namespace dae::test {
namespace {

constexpr int64_t kFewElements = 4096;  // of a case that is run once more for each of its pointers
constexpr size_t kGuardBytes = 512;     // on each side; a multiple of kTensorAlignment
constexpr std::byte kGuard{0xa5};
constexpr std::byte kPoison{0xff};  // NaN as f32 and bf16
// Half the distance of neighbours, relative to the smaller: seven bits of fraction are stored.
constexpr double kBf16Rounding = 0x1p-8;

double load(const std::byte* p, DType dtype, int64_t i) {
  switch (dtype) {
    case DType::f32:
      return reinterpret_cast<const float*>(p)[i];
    case DType::bf16:
      return std::bit_cast<float>(uint32_t{reinterpret_cast<const uint16_t*>(p)[i]} << 16);
    case DType::u8:
      return static_cast<double>(reinterpret_cast<const uint8_t*>(p)[i]);
    case DType::i32:
      return reinterpret_cast<const int32_t*>(p)[i];
    case DType::u64:
      return static_cast<double>(reinterpret_cast<const uint64_t*>(p)[i]);
  }
  return 0;
}

void store(std::byte* p, DType dtype, int64_t i, double value) {
  switch (dtype) {
    case DType::f32:
      reinterpret_cast<float*>(p)[i] = static_cast<float>(value);
      break;
    case DType::bf16: {  // round to nearest, ties to even
      const uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(value));
      reinterpret_cast<uint16_t*>(p)[i] =
          static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
      break;
    }
    case DType::u8:
      reinterpret_cast<uint8_t*>(p)[i] = static_cast<uint8_t>(std::lround(value));
      break;
    case DType::i32:
      reinterpret_cast<int32_t*>(p)[i] = static_cast<int32_t>(std::lround(value));
      break;
    case DType::u64:
      reinterpret_cast<uint64_t*>(p)[i] = static_cast<uint64_t>(value);
      break;
  }
}

// Where element i of the row-major NHWC shape lies in memory.
int64_t physical_index(const Arg& arg, int64_t i) {
  if (arg.block == 1) return i;
  const int64_t h = arg.shape[1], w = arg.shape[2], c = arg.shape[3], b = arg.block;
  const int64_t channel = i % c, pixel = i / c % (h * w), image = i / (c * h * w);
  return ((image * (c / b) + channel / b) * (h * w) + pixel) * b + channel % b;
}

void copy(Device device, void* to, const void* from, size_t bytes) {
  if (device == Device::cpu)
    std::memcpy(to, from, bytes);
  else
    copy_between_devices(to, from, bytes);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const OpCase& op_case) {
  return out << op_case.name;
}

std::vector<OpCase> in_bf16(const std::vector<OpCase>& cases,
                            const std::vector<std::string>& stay_f32) {
  std::vector<OpCase> list;
  for (OpCase op_case : cases) {
    bool plain = true;
    for (Arg& arg : op_case.args) {
      plain = plain && arg.block == 1;
      const bool stays = std::count(stay_f32.begin(), stay_f32.end(), arg.name) > 0;
      if (arg.dtype == DType::f32 && arg.role != Role::scratch && !stays) arg.dtype = DType::bf16;
    }
    op_case.name = "bf16_" + op_case.name;
    if (plain) list.push_back(std::move(op_case));
  }
  return list;
}

Values random_values(int64_t count, uint64_t seed, double low, double high) {
  std::mt19937_64 bits(seed);  // fully specified by the standard, unlike its distributions
  Values values(static_cast<size_t>(count));
  for (double& v : values) v = low + (high - low) * static_cast<double>(bits() >> 11) * 0x1p-53;
  return values;
}

namespace {

// An argument as the host sees it: guard, tensor, guard.
struct Placed {
  std::vector<std::byte> image;
  size_t begin = 0, bytes = 0;
};

// Runs the case on fresh device memory that starts as `placed` and returns what it became.
std::vector<Placed> execute(const OpCase& op_case, Device device, std::vector<Placed> placed) {
  std::vector<Buffer> memory;
  std::vector<Tensor> tensors;
  for (size_t k = 0; k < placed.size(); k++) {
    const Arg& arg = op_case.args[k];
    memory.emplace_back(device, placed[k].image.size());
    copy(device, memory[k].data(), placed[k].image.data(), placed[k].image.size());
    tensors.push_back({memory[k].data() + placed[k].begin, arg.shape, arg.dtype, arg.block});
  }
  op_case.run(Queue{device}, tensors);
  if (device == Device::cuda) synchronize_device();
  for (size_t k = 0; k < placed.size(); k++)
    copy(device, placed[k].image.data(), memory[k].data(), placed[k].image.size());
  return placed;
}

Placed place(const Arg& arg, const Values& given) {
  Placed p;
  p.begin = kGuardBytes + arg.misalign;
  p.bytes = static_cast<size_t>(arg.shape.count()) * size_of(arg.dtype);
  p.image.assign(p.begin + p.bytes + kGuardBytes, kGuard);
  std::byte* const at = p.image.data() + p.begin;
  if (arg.role == Role::out || arg.role == Role::scratch)
    std::fill(at, at + p.bytes, kPoison);
  else
    for (size_t i = 0; i < given.size(); i++)
      store(at, arg.dtype, physical_index(arg, static_cast<int64_t>(i)), given[i]);
  return p;
}

// What the op made of `before` is `want`, and nothing else was written.
void check_results(const OpCase& op_case, const std::vector<Placed>& before,
                   const std::vector<Placed>& after, const std::vector<Values>& want) {
  for (size_t k = 0; k < op_case.args.size(); k++) {
    const Arg& arg = op_case.args[k];
    const Placed& p = after[k];
    const auto is_guard = [](std::byte b) { return b == kGuard; };
    const auto begin = p.image.begin() + static_cast<ptrdiff_t>(p.begin);
    EXPECT_TRUE(std::all_of(p.image.begin(), begin, is_guard))
        << arg.name << ": memory before the tensor was written";
    EXPECT_TRUE(std::all_of(begin + static_cast<ptrdiff_t>(p.bytes), p.image.end(), is_guard))
        << arg.name << ": memory after the tensor was written";
    if (arg.role == Role::in) {
      EXPECT_EQ(before[k].image, p.image) << arg.name << ": an input was written";
      continue;
    }
    if (arg.role == Role::scratch) continue;
    int reported = 0;
    for (int64_t i = 0; i < arg.shape.count() && reported < 5; i++) {
      const double got = load(p.image.data() + p.begin, arg.dtype, physical_index(arg, i));
      Tolerance t = op_case.tolerance;
      if (arg.dtype == DType::bf16) t.relative += kBf16Rounding;
      // Written so that NaN on either side fails.
      if (!(std::abs(got - want[k][i]) <= t.absolute + t.relative * std::abs(want[k][i]))) {
        ADD_FAILURE() << arg.name << "[" << i << "] is " << got << ", expected " << want[k][i]
                      << " (tolerance " << t.absolute << " + " << t.relative
                      << " relative: " << t.why << ")";
        reported++;
      }
    }
  }
}

// Each pointer alone an element away from where packs may be moved: the op takes it as well, or says
// that it must be aligned.
void misalign_each(const OpCase& op_case, Device device, const std::vector<Placed>& before,
                   const std::vector<Values>& want) {
  variants(device)[0].apply();
  for (size_t k = 0; k < op_case.args.size(); k++) {
    const Arg& arg = op_case.args[k];
    if (arg.shape.count() == 0) continue;
    SCOPED_TRACE(arg.name + " misaligned");
    std::vector<Placed> moved = before;
    const size_t by = size_of(arg.dtype);
    moved[k].begin += by;
    moved[k].image.insert(moved[k].image.begin(), by, kGuard);
    try {
      check_results(op_case, moved, execute(op_case, device, moved), want);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("not a multiple of"), std::string::npos)
          << error.what();
    }
  }
}

// Whether it has the form "OP: WHAT is ...".
bool names_an_op(std::string_view said) {
  const auto in_a_word = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  const size_t at = std::min(said.find(": "), said.size());
  return at > 0 && at + 2 < said.size() && in_a_word(static_cast<unsigned char>(said[at + 2])) &&
         std::all_of(said.begin(), said.begin() + static_cast<ptrdiff_t>(at), in_a_word);
}

// Each argument alone of a type that no op takes for it, and of another shape: the op says which argument of
// which op it is.
void refuse_each(const OpCase& op_case, Device device, const std::vector<Placed>& before) {
  for (size_t k = 0; k < op_case.args.size(); k++) {
    const Arg& sound = op_case.args[k];
    if (sound.shape.count() == 0 || !sound.given) continue;
    for (const bool type : {true, false}) {
      if (!type && sound.any_shape) continue;
      SCOPED_TRACE(sound.name + (type ? " of another type" : " of another shape"));
      OpCase wrong = op_case;
      Arg& arg = wrong.args[k];
      if (type)
        arg.dtype = arg.dtype == DType::u64 ? DType::i32 : DType::u64;
      else
        arg.shape = arg.shape == Shape{1} ? Shape{2} : Shape{1};
      std::vector<Placed> placed =
          before;  // with room for what it is and for what it is said to be
      placed[k].image.resize(placed[k].image.size() + before[k].bytes * 8);
      try {
        execute(wrong, device, std::move(placed));
        ADD_FAILURE() << "accepted";
      } catch (const Error& error) {
        EXPECT_TRUE(names_an_op(error.what())) << error.what();
      }
    }
  }
}

}  // namespace

void run_case(const OpCase& op_case, Device device) {
  if (device == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  if (device == Device::cpu && op_case.gpu_only) GTEST_SKIP() << "a form that only a GPU has";

  std::vector<Placed> before;
  std::vector<Values> want;
  int64_t elements = 0;
  for (size_t k = 0; k < op_case.args.size(); k++) {
    const Arg& arg = op_case.args[k];
    const int64_t count = arg.shape.count();
    const Values given =
        arg.values.empty() ? random_values(count, k + 1, arg.low, arg.high) : arg.values;
    ASSERT_EQ(given.size(), static_cast<size_t>(count)) << arg.name << ": wrong number of values";
    before.push_back(place(arg, given));
    const std::byte* const at = before[k].image.data() + before[k].begin;
    Values seen(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; i++) seen[i] = load(at, arg.dtype, physical_index(arg, i));
    want.push_back(std::move(seen));
    elements += count;
  }

  // Blocked layouts are the CPU's, bf16 is not: an op that cannot take one must say so.
  const auto any = [&](const auto& is) {
    return std::any_of(op_case.args.begin(), op_case.args.end(), is);
  };
  const bool blocked = any([](const Arg& arg) { return arg.block != 1; });
  const char* refusal = nullptr;
  if (device != Device::cpu && blocked) refusal = "blocked";
  if (device == Device::cpu && any([](const Arg& arg) { return arg.dtype == DType::bf16; }))
    refusal = "f32";
  std::vector<Placed> after;
  for (const Variant& variant : variants(device)) {
    variant.apply();
    std::vector<Placed> result;
    try {
      result = execute(op_case, device, before);
    } catch (const Error& error) {
      if (refusal && std::string(error.what()).find(refusal) != std::string::npos) return;
      throw;
    }
    if (after.empty()) {
      after = std::move(result);
      continue;
    }
    for (size_t k = 0; k < after.size(); k++) {
      if (op_case.args[k].role == Role::scratch) continue;
      EXPECT_EQ(after[k].image, result[k].image)
          << op_case.args[k].name << " has other bits when run " << variant.name;
    }
  }
  op_case.reference(want);
  check_results(op_case, before, after, want);
  if (elements <= kFewElements && !blocked && watcher() != Watcher::thread) {
    misalign_each(op_case, device, before, want);
    refuse_each(op_case, device, before);
  }
}

void expect_gradient(const std::function<Values(const Values&)>& f,
                     const std::function<Values(const Values&, const Values&)>& vjp,
                     const Values& x, double tolerance) {
  const Values y = f(x);
  const Values dy = random_values(static_cast<int64_t>(y.size()), 99);
  const Values dx = vjp(x, dy);
  ASSERT_EQ(dx.size(), x.size());
  const auto projected = [&](const Values& at) {
    const Values value = f(at);
    double sum = 0;
    for (size_t i = 0; i < value.size(); i++) sum += dy[i] * value[i];
    return sum;
  };
  double scale = 1e-12;
  for (double v : dx) scale = std::max(scale, std::abs(v));
  constexpr double h = 1e-5;
  for (size_t i = 0; i < x.size(); i++) {
    Values up = x, down = x;
    up[i] += h;
    down[i] -= h;
    const double slope = (projected(up) - projected(down)) / (2 * h);
    ASSERT_NEAR(dx[i], slope, tolerance * scale) << "element " << i;
  }
}

std::string device_name(const testing::TestParamInfo<Device>& info) {
  return tested_name(info.param);
}

std::string test_name(const testing::TestParamInfo<OpTest::ParamType>& info) {
  const auto& [device, op_case] = info.param;
  std::string name = tested_name(device) + "_" + op_case.name;
  const auto is_large = [](const Arg& arg) {
    return arg.role != Role::scratch && arg.shape.count() > kLargeCount;
  };
  if (std::any_of(op_case.args.begin(), op_case.args.end(), is_large)) name += "_large";
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

}  // namespace dae::test
