#include "laboratory/measures/pca.h"

#include <cblas.h>
#include <lapack.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/error.h"

namespace dae {
namespace {

// Samples that take part in one matrix product. A product passes over the whole covariance, which
// is in no cache, so it should have much to add.
constexpr size_t kBlock = 1024;

std::vector<double> mean_of(std::span<const std::vector<float>> samples) {
  if (samples.empty()) fail("quality: a PCA needs at least one sample");
  const size_t size = samples[0].size();
  if (size == 0) fail("quality: a PCA needs samples with at least one value");
  std::vector<double> mean(size);
  for (size_t n = 0; n < samples.size(); n++) {
    if (samples[n].size() != size)
      fail("quality: sample {} of a PCA has {} values, the first has {}", n, samples[n].size(),
           size);
    for (size_t d = 0; d < size; d++) mean[d] += samples[n][d];
  }
  for (double& value : mean) value /= static_cast<double>(samples.size());
  // One value that is not finite makes its mean so.
  if (!std::ranges::all_of(mean, [](double value) { return std::isfinite(value); }))
    fail("quality: the samples of a PCA have values that are not finite");
  return mean;
}

// The lower triangle, {size, size} by columns. fp64 products take twice as long as fp32 ones, which
// is no more than the eigenvectors take.
std::vector<double> covariance_of(std::span<const std::vector<float>> samples,
                                  const std::vector<double>& mean) {
  const size_t size = mean.size();
  const int d = static_cast<int>(size);
  std::vector<double> covariance(size * size), centred(std::min(kBlock, samples.size()) * size);
  for (size_t first = 0; first < samples.size(); first += kBlock) {
    const size_t count = std::min(kBlock, samples.size() - first);
    for (size_t n = 0; n < count; n++)
      for (size_t k = 0; k < size; k++)
        centred[n * size + k] = double{samples[first + n][k]} - mean[k];
    cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, d, static_cast<int>(count),
                1 / static_cast<double>(samples.size()), centred.data(), d, 1, covariance.data(),
                d);
  }
  return covariance;
}

}  // namespace

// dsyevr (Dhillon's relatively robust representations) needs one matrix besides the covariance,
// where divide and conquer, dsyevd, needs two and takes as long. It is OpenBLAS's own: by way of
// LAPACKE, a program would load four libraries more, and a bundle carry them.
Pca::Pca(std::span<const std::vector<float>> samples) : mean_(mean_of(samples)) {
  const size_t size = mean_.size();
  const int d = static_cast<int>(size);
  std::vector<double> values(size), vectors(size * size);  // by columns, smallest first
  {
    std::vector<double> covariance = covariance_of(samples, mean_);
    std::vector<int> support(2 * size);
    const double none = 0;
    const int all = 0;
    int found = 0, status = 0;
    const auto dsyevr = [&](double* work, int work_size, int* iwork, int iwork_size) {
      LAPACK_dsyevr("V", "A", "L", &d, covariance.data(), &d, &none, &none, &all, &all, &none,
                    &found, values.data(), vectors.data(), &d, support.data(), work, &work_size,
                    iwork, &iwork_size, &status);
    };
    double work_size = 1;
    int iwork_size = 1;
    dsyevr(&work_size, -1, &iwork_size, -1);  // asks for the sizes
    std::vector<double> work(static_cast<size_t>(work_size));
    std::vector<int> iwork(static_cast<size_t>(iwork_size));
    dsyevr(work.data(), static_cast<int>(work.size()), iwork.data(), iwork_size);
    if (status != 0 || found != d)
      fail("quality: a PCA of {} values a sample found {} eigenvectors (dsyevr: {})", d, found,
           status);
  }
  // What rounding leaves of a direction in which the samples do not differ.
  const double least =
      static_cast<double>(size) * std::numeric_limits<double>::epsilon() * values.back();
  for (size_t r = 0; r < std::min(size, samples.size() - 1); r++) {
    if (values[size - 1 - r] <= least) break;
    variances_.push_back(values[size - 1 - r]);
  }
  directions_.resize(variances_.size() * size);
  for (size_t r = 0; r < variances_.size(); r++)
    std::copy_n(vectors.data() + (size - 1 - r) * size, size, directions_.data() + r * size);
}

std::vector<std::vector<float>> Pca::reconstruct(std::span<const std::vector<float>> crops,
                                                 int64_t rank) const {
  if (rank < 0 || rank > rank_available())
    fail("quality: a PCA of these samples has ranks from 0 to {}, not {}", rank_available(), rank);
  const size_t size = mean_.size();
  const int d = static_cast<int>(size), r = static_cast<int>(rank);
  std::vector<std::vector<float>> out;
  std::vector<float> centred, coefficients, result;
  for (size_t first = 0; first < crops.size(); first += kBlock) {
    const size_t count = std::min(kBlock, crops.size() - first);
    centred.resize(count * size);
    coefficients.resize(count * static_cast<size_t>(rank));
    result.assign(count * size, 0);
    for (size_t n = 0; n < count; n++) {
      const std::vector<float>& crop = crops[first + n];
      if (crop.size() != size)
        fail("quality: crop {} has {} values, the samples of its PCA have {}", first + n,
             crop.size(), size);
      for (size_t k = 0; k < size; k++)
        centred[n * size + k] = static_cast<float>(double{crop[k]} - mean_[k]);
    }
    if (rank > 0) {  // BLAS wants rows of at least one value
      const int rows = static_cast<int>(count);
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, r, d, 1, centred.data(), d,
                  directions_.data(), d, 0, coefficients.data(), r);
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, d, r, 1, coefficients.data(), r,
                  directions_.data(), d, 0, result.data(), d);
    }
    for (size_t n = 0; n < count; n++) {
      std::vector<float>& crop = out.emplace_back(size);
      for (size_t k = 0; k < size; k++)
        crop[k] = static_cast<float>(mean_[k] + result[n * size + k]);
    }
  }
  return out;
}

}  // namespace dae
