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

// By what squares differ from the planes nearest to them, by least squares: noise, as fine or coarse as it
// is, and some texture. Too high for a picture without noise, as a first estimate should be: finer means,
// which see no texture, do not see either what JPEG files and demosaicing leave of noise.
double noise_by_planes(const std::vector<float>& windows, int64_t side);

// The root mean square of what is between the windows and their restoration.
double noise_by_restoration(const std::vector<float>& windows, const std::vector<float>& restored,
                            int64_t side);

}  // namespace dae
