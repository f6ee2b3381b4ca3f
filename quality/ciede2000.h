// Colour difference as people see it: CIEDE2000 (Sharma, Wu & Dalal, "The CIEDE2000
// color-difference formula: implementation notes, supplementary test data, and mathematical
// observations", 2005).
#pragma once

#include "runtime/picture.h"

namespace dae {

struct Lab {
  double l = 0, a = 0, b = 0;
};

// sRGB in [0, 1] (IEC 61966-2-1) by way of XYZ to CIELAB under D65.
Lab srgb_to_lab(double red, double green, double blue);

// 1 is about the smallest difference that can be seen side by side.
double ciede2000(const Lab& x, const Lab& y);

// Between the mean colours of two images, averaged in Lab: the colour cast of a picture as a whole,
// blind to detail and noise.
double aggregate_ciede2000(const FloatView& a, const FloatView& b);

}  // namespace dae
