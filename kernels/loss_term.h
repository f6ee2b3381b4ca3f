// What every term of a sum of losses gives. The terms (mse_loss, l1_loss, ssim_loss, ms_ssim_loss,
// dct_loss; perceptual_loss in its own way) read the restoration y f32 {N, H, W, 3}, any values,
// and target u8 of the same shape, which stands for target / 255, and write into a LossTerm. The
// first term of a sum writes dy and total, the others add to them, so nothing is cleared before.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

struct LossTerm {
  float weight = 1;    // > 0
  bool first = true;   // writes dy and total, does not add to them
  Tensor dy = {};      // f32, like y: (+)= weight d(term) / dy
  Tensor total = {};   // f32 {1}: (+)= weight term
  Tensor report = {};  // f32 {2}: the term, and the L2 norm of weight d(term) / dy over the batch
};

// Throws Error naming `op` unless y and target are as said above and not empty, `term` fits them,
// and `workspace` is f32 of at least `needed` elements.
void check_term(const char* op, const Tensor& y, const Tensor& target, const LossTerm& term,
                const Tensor& workspace, int64_t needed);

// The part of it that is about what a term writes, for `y`, called `what`.
void check_term_outputs(const char* op, const char* what, const Tensor& y, const LossTerm& term,
                        const Tensor& workspace, int64_t needed);

// Partial sums that a term left behind, each added in order and in fp64: the same bits for every
// number of threads and every run on a device.
struct TermSums {
  const float* values;  // their sum times value_scale is the term
  int64_t value_count;
  const float* squares;  // the root of their sum times norm_scale is the norm
  int64_t square_count;
  double value_scale, norm_scale;
};

// The end of every term: writes report, and writes or adds to total.
void finish_term(const Queue& q, const char* op, const TermSums& sums, const LossTerm& term);

namespace cuda {
void finish_term(void* stream, const char* op, const TermSums& sums, const LossTerm& term);
}  // namespace cuda

}  // namespace dae
