// What a noisy picture still tells when the clean one is known to be one of a list: the exact
// posterior, and with it the best answers there are. A network cannot beat them, so what it is
// above them is its own fault and what they are blurred by is the loss's.
//
// With y = x_k + sigma n, n independent standard normal in every value and all k equally likely,
// Bayes' rule is a finite sum:
//   w_k = exp(-|y - x_k|^2 / (2 sigma^2)) / sum over j of the same.
// The mean is the least-squares answer, the median of each value the least-absolute one (Jaynes,
// "Probability theory: the logic of science", ch. 6).
#pragma once

#include <span>
#include <vector>

#include "runtime/picture.h"

namespace dae {

// w, in fp64 and relative to its largest exponent, so that nothing under- or overflows together.
// Throws Error when the list is empty, a size differs from `seen`, or sigma is not positive.
std::vector<double> posterior_weights(std::span<const FloatView> pictures, const FloatView& seen,
                                      double sigma);

// E[x | y]: for each value sum of w_k x_k, in fp64, rounded once.
std::vector<float> posterior_mean(std::span<const FloatView> pictures,
                                  std::span<const double> weights);

// For each value the smallest x of the list that has half of the weight at or below it.
std::vector<float> posterior_median(std::span<const FloatView> pictures,
                                    std::span<const double> weights);

// The mean over values of sum of w_k (x_k - E[x | y])^2: the squared error that the mean is left
// with, given y. Its mean over y is the minimum mean squared error.
double posterior_variance(std::span<const FloatView> pictures, std::span<const double> weights);

// The mean over values of sum of w_k |x_k - answer|: the absolute error that an answer is to
// expect, given y. The median has the smallest. Throws Error when the answer has another size.
double posterior_absolute_error(std::span<const FloatView> pictures,
                                std::span<const double> weights, const FloatView& answer);

}  // namespace dae
