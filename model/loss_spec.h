// What a network is trained for: a weighted sum of losses, as on the command line,
// 'mse+0.1*ssim'. The header of each op says what it is.
//
//   mse         mean squared error                   (pixel_loss.h)
//   l1          mean absolute error                  (pixel_loss.h)
//   ssim        1 - SSIM                             (ssim_loss.h)
//   ms_ssim     1 - MS-SSIM                          (ms_ssim_loss.h)
//   dct         mean |8x8 block DCT of errors|       (dct_loss.h)
//   perceptual  mean squared error of features, as   (model/perceptual.h)
//               a frozen network sees them
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dae {

enum class LossKind { mse, l1, ssim, ms_ssim, dct, perceptual };
const char* name_of(LossKind kind);

struct LossSpec {
  struct Term {
    LossKind kind = LossKind::mse;
    float weight = 1;
    bool operator==(const Term&) const = default;
  };
  std::vector<Term> terms = {Term{}};
  bool operator==(const LossSpec&) const = default;

  // MSE alone, with weight one, has a pass of its own and nothing to tell of its terms.
  bool is_plain_mse() const { return terms == std::vector{Term{}}; }
  bool has(LossKind kind) const;
};

// Terms joined by +, each a name or WEIGHT*name. Throws FieldError of `loss`, naming the text and
// what is wrong: an unknown term, one given twice, a weight that is not a positive number.
LossSpec parse_loss(const std::string& text);

// What parse_loss() makes the same sum of.
std::string to_string(const LossSpec& loss);

// Throws FieldError of `size` when crops of size x size are too small for a term's windows. What a
// feature network needs is model/feature_network.h's to check.
void check(const LossSpec& loss, int64_t size);

}  // namespace dae
