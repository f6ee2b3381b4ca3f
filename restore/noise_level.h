// How noisy a picture is: a first estimate from the picture alone, and a better one from what a network
// takes away from it. Both look at squares of 16 x 16 pixels in windows of the picture, {.., side, side,
// 3} with pixels in [0, 1] and sides of at least 18, and believe the eighth of them that is evenest,
// since elsewhere detail passes for noise: an eighth of the darkest quarter, of the next and so on, since
// the noise of a camera grows with the light. Squares with light at its bounds, where noise is cut off,
// count where there are next to no others; those of one colour, a frame's for example, and those with a
// pixel of NaN, which says that it is not to be looked at, never do. Where none does, the noise is 0.
#pragma once

#include <cstdint>
#include <vector>

namespace dae {

// By a difference of Laplacians, to which planes are nothing and white noise six times its standard
// deviation (J. Immerkaer, Fast noise variance estimation, 1996). Too low for grain that neighbours
// share.
double noise_by_laplacians(const std::vector<float>& windows, int64_t side);

// The root mean square of what is between the windows and their restoration.
double noise_by_restoration(const std::vector<float>& windows, const std::vector<float>& restored,
                            int64_t side);

}  // namespace dae
