// Principal component analysis (Pearson 1901, Hotelling 1933) of picture crops: the best that a
// linear autoencoder can do. Among all ways to describe crops by `rank` numbers that are linear
// both ways, none has a smaller mean squared error on the samples (Eckart & Young 1936), so an
// autoencoder with as many latent values has to be better than this to have learnt anything that is
// not linear.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dae {

class Pca {
 public:
  // The mean of the samples and the eigenvectors of their covariance, sum (x - mean)(x - mean)^T /
  // count, all in fp64: the last eigenvalues of photographs are the rounding to 8 bits, about 1e-8
  // of the first, and fp32 would mix their directions. For D values a sample it holds two D x D
  // fp64 matrices, and afterwards 4 D bytes an eigenvector: for 64x64x3, 2.4 GB, then 0.6 GB.
  // 20 thousand crops of 32x32x3 take some ten seconds on two cores, half of them the covariance,
  // which grows with D^2; the eigenvectors grow with D^3.
  //
  // Throws Error when there are no samples, they are empty, of different sizes or not finite.
  explicit Pca(std::span<const std::vector<float>> samples);

  int64_t dimension() const { return static_cast<int64_t>(mean_.size()); }

  // The number of directions in which the samples differ at all: at most dimension(), and at most
  // one less than there are samples.
  int64_t rank_available() const { return static_cast<int64_t>(variances_.size()); }

  // The eigenvalues, largest first: the variance along each direction. The squared error of the
  // samples at a rank, summed over a sample's values and averaged over samples, is the sum of the
  // others.
  const std::vector<double>& variances() const { return variances_; }

  // The point of mean + span(first `rank` eigenvectors) that is nearest to each crop, in fp32; not
  // clamped. Two matrix products for each thousand crops, so many crops are best given at once.
  // Their last bits depend on the number of threads. Throws Error for a rank below 0 or above
  // rank_available(), and for a crop of another size.
  std::vector<std::vector<float>> reconstruct(std::span<const std::vector<float>> crops,
                                              int64_t rank) const;

 private:
  std::vector<double> mean_, variances_;
  std::vector<float> directions_;  // {rank_available, dimension}, rows orthonormal
};

}  // namespace dae
