// How far apart two sets of pictures are as sets, whichever picture belongs to which: the sliced
// Wasserstein distance between their 7x7x3 patches (Rabin, Peyre, Delon & Bernot, "Wasserstein
// barycenter and its application to texture mixing", 2011; patches of generated pictures: Karras,
// Aila, Laine & Lehtinen, "Progressive growing of GANs", 2018). It sees what a mean squared error
// rewards: restorations that are each close to the truth and together too smooth to be photographs.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/picture.h"

namespace dae {

// sqrt(mean over directions of W2^2), where W2 is the distance of the two sets of numbers that
// projecting the patches on a direction gives: the root mean square difference of the sorted
// numbers. In the units of pixels: a set moved by a constant is that constant away, exactly, since
// the directions are two whole random orthonormal bases of the 147 dimensions (Rowland et al.,
// "Orthogonal estimation of Wasserstein distances", 2019).
//
// `patches` of each set are compared, in turn from its pictures, at random places. Both sets use
// the same random numbers, so sets that hold the same pictures in the same order are 0 apart, and a
// restored set is compared at the places where the clean one is. Sets of unlike pictures of one
// kind are not 0 apart: dead leaves, 0.04 for 8 against 8 and 0.015 for 128 against 128. Depends on
// the arguments alone. Exposure counts: align it first (gain.h). Throws Error when a set is empty
// or has a picture smaller than 7x7.
double sliced_wasserstein(std::span<const FloatView> a, std::span<const FloatView> b,
                          int64_t patches = 4096, uint64_t seed = 1);

}  // namespace dae
