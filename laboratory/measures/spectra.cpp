#include "laboratory/measures/spectra.h"

#include <fftw3.h>

#include <cmath>
#include <memory>
#include <mutex>
#include <numbers>

#include "runtime/error.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

constexpr int64_t kSmallestWindow = 16;
constexpr int kPlanes = 6;  // red, green, blue of the clean picture, then of the other

// FFTW makes one plan at a time; running it needs no lock.
std::mutex& planner() {
  static std::mutex mutex;
  return mutex;
}

struct FreePlan {
  void operator()(fftw_plan plan) const {
    const std::lock_guard lock(planner());
    fftw_destroy_plan(plan);
  }
};
struct FreeMemory {
  void operator()(void* memory) const { fftw_free(memory); }
};

// The real transforms of six planes of n x n pixels at once. FFTW_ESTIMATE: a plan chosen by timing
// would change the last bits from run to run.
class Transform {
 public:
  explicit Transform(int64_t n)
      : plane_(n * n),
        half_(n * (n / 2 + 1)),
        in_(fftw_alloc_real(static_cast<size_t>(kPlanes * plane_))),
        out_(fftw_alloc_complex(static_cast<size_t>(kPlanes * half_))) {
    const int sides[2] = {static_cast<int>(n), static_cast<int>(n)};
    const std::lock_guard lock(planner());
    plan_.reset(fftw_plan_many_dft_r2c(2, sides, kPlanes, in_.get(), nullptr, 1,
                                       static_cast<int>(plane_), out_.get(), nullptr, 1,
                                       static_cast<int>(half_), FFTW_ESTIMATE));
  }

  double* input(int64_t number) { return in_.get() + number * plane_; }
  const fftw_complex* output(int64_t number) const { return out_.get() + number * half_; }
  void run() { fftw_execute(plan_.get()); }

 private:
  int64_t plane_, half_;
  std::unique_ptr<double, FreeMemory> in_;
  std::unique_ptr<fftw_complex, FreeMemory> out_;
  std::unique_ptr<fftw_plan_s, FreePlan> plan_;
};

// A Hann window along one side, sampled between the pixels that would be zero.
std::vector<double> hann(int64_t n) {
  std::vector<double> w;
  for (int64_t i = 0; i < n; i++)
    w.push_back(0.5 -
                0.5 * std::cos(2 * std::numbers::pi * (double(i) + 0.5) / static_cast<double>(n)));
  return w;
}

// Where windows begin along a side of `size` pixels.
std::vector<int64_t> starts(int64_t size, int64_t window) {
  const int64_t step = window / 2, last = size - window;
  const int64_t gaps = ceil_div(last, step);
  std::vector<int64_t> at = {0};
  for (int64_t i = 1; i <= gaps; i++) at.push_back(last * i / gaps);
  return at;
}

void add_to(std::vector<double>& a, const std::vector<double>& b, double sign) {
  for (size_t i = 0; i < a.size(); i++) a[i] += sign * b[i];
}

void add_to(RingSpectra& a, const RingSpectra& b, double sign) {
  if (a.window != b.window)
    fail("quality: spectra of windows of {} and {} pixels cannot be added", a.window, b.window);
  a.windows += sign * b.windows;
  for (std::vector<double> RingSpectra::*const sums :
       {&RingSpectra::clean, &RingSpectra::other, &RingSpectra::cross, &RingSpectra::error,
        &RingSpectra::clean_f2})
    add_to(a.*sums, b.*sums, sign);
}

// One window at a time: loads its six planes, transforms, adds to the rings.
class Analysis {
 public:
  explicit Analysis(int64_t n) : n_(n), hann_(hann(n)), transform_(n) {
    for (const double w : hann_) weight_ += w * w;
    weight_ *= weight_;
    sums_.window = n;
    const int64_t nyquist = n / 2;
    const double corner = std::sqrt(2.0) * static_cast<double>(nyquist);
    const auto rings = static_cast<size_t>(std::lround(corner) + 1);
    for (auto* const sums :
         {&sums_.clean, &sums_.other, &sums_.cross, &sums_.error, &sums_.clean_f2})
      sums->assign(rings, 0.0);
  }

  void add(const FloatView& clean, const FloatView& other, const Gain& gain, int64_t y, int64_t x) {
    for (int64_t c = 0; c < 3; c++) {
      const double clean_mean = load(clean, 1, y, x, c, transform_.input(c));
      const double g = gain[static_cast<size_t>(c)];
      const double other_mean = load(other, g, y, x, c, transform_.input(3 + c));
      sums_.error[0] += (clean_mean - other_mean) * (clean_mean - other_mean);
    }
    transform_.run();
    for (int64_t c = 0; c < 3; c++) add_rings(transform_.output(c), transform_.output(3 + c));
    sums_.windows += 3;
  }

  RingSpectra take() { return std::move(sums_); }

 private:
  // One channel of a window, less its mean, times the Hann window. Returns the mean.
  double load(const FloatView& image, double gain, int64_t y, int64_t x, int64_t c, double* plane) {
    double mean = 0;
    for (int64_t i = 0; i < n_; i++)
      for (int64_t j = 0; j < n_; j++) {
        const double w = weight(i, j);
        const double value = gain * image.data[((y + i) * image.width + x + j) * 3 + c];
        plane[i * n_ + j] = value;
        mean += w * w * value;
      }
    mean /= weight_;
    for (int64_t i = 0; i < n_; i++)
      for (int64_t j = 0; j < n_; j++)
        plane[i * n_ + j] = weight(i, j) * (plane[i * n_ + j] - mean);
    return mean;
  }

  // A real plane's transform holds half of the frequencies; the others are their mirror images.
  void add_rings(const fftw_complex* x, const fftw_complex* y) {
    const int64_t columns = n_ / 2 + 1;
    const double n = static_cast<double>(n_), scale = 1 / (n * n * weight_);
    for (int64_t i = 0; i < n_; i++) {
      const double v = static_cast<double>(i <= n_ / 2 ? i : i - n_);
      for (int64_t j = 0; j < columns; j++) {
        const double u = static_cast<double>(j), radius = std::sqrt(u * u + v * v);
        const auto ring = static_cast<size_t>(std::lround(radius));
        const double mirrored = j == 0 || j == n_ / 2 ? 1 : 2;
        const double *const a = x[i * columns + j], *const b = y[i * columns + j];
        const double e[2] = {a[0] - b[0], a[1] - b[1]};
        const double share = scale * mirrored, power = share * (a[0] * a[0] + a[1] * a[1]);
        sums_.clean[ring] += power;
        sums_.other[ring] += share * (b[0] * b[0] + b[1] * b[1]);
        sums_.cross[ring] += share * (a[0] * b[0] + a[1] * b[1]);
        sums_.error[ring] += share * (e[0] * e[0] + e[1] * e[1]);
        sums_.clean_f2[ring] += power * (u * u + v * v) / (n * n);
      }
    }
  }

  double weight(int64_t i, int64_t j) const {
    return hann_[static_cast<size_t>(i)] * hann_[static_cast<size_t>(j)];
  }

  int64_t n_;
  std::vector<double> hann_;
  double weight_ = 0;  // the sum of w^2 over a window
  Transform transform_;
  RingSpectra sums_;
};

}  // namespace

RingSpectra& RingSpectra::operator+=(const RingSpectra& b) {
  add_to(*this, b, 1);
  return *this;
}

RingSpectra& RingSpectra::operator-=(const RingSpectra& b) {
  add_to(*this, b, -1);
  return *this;
}

RingSpectra ring_spectra(const FloatView& clean, const FloatView& other, const Gain& gain,
                         int64_t window) {
  if (clean.height != other.height || clean.width != other.width)
    fail("quality: images of {}x{} and {}x{} pixels cannot be compared", clean.width, clean.height,
         other.width, other.height);
  if (window < kSmallestWindow || window % 2 != 0)
    fail("quality: spectra need an even window of at least {} pixels, not {}", kSmallestWindow,
         window);
  if (clean.height < window || clean.width < window)
    fail("quality: an image of {}x{} pixels is too small for spectra in windows of {}x{}",
         clean.width, clean.height, window, window);
  Analysis analysis(window);
  for (const int64_t y : starts(clean.height, window))
    for (const int64_t x : starts(clean.width, window)) analysis.add(clean, other, gain, y, x);
  return analysis.take();
}

}  // namespace dae
