// The corruption, as one op: a rectangle of an 8-bit image is cropped, flipped, made noisy,
// blurred, scaled, clipped and rounded to 8 bits. What is random about it stands in its Draw
// (draw.h).
//
// With p = the view's 8-bit pixels / 255 (correctly rounded), per element:
//   classic:  blur(p + noise_sigma * n) * gain[channel]          then clip, then quantise
//   camera:   v + sigma(v) * m, v = blur(p) * gain[channel]      then clip, then quantise
// and last, of a view whose draw has a quality of JPEG, what such a file leaves (jpeg.h).
//
// Noise. n is standard normal. Row y of the view is 3 * width interleaved elements; elements 4b to
// 4b+3 come from the one Philox block with the counter {b, y, noise.slot, noise.step_and_stream}:
// normals 0 and 1 from words 0 and 1, normals 2 and 3 from words 2 and 3, by Box and Muller
// (normal.h). Noise belongs to the view's pixels, so its border is blurred like the image's.
//
// A camera's noise. sigma(v) = noise_sigma where shot_sigma is 0, else the root of
// fma(shot_sigma^2, max(v, 0), noise_sigma^2): what its amplifier adds, and light's own (Foi et al.,
// 2008). m is n; where mix[1] is not 0, mix[0] n + mix[1] ((n_r + n_g) + n_b) of its pixel; where
// grain[1] is not 0, that smoothed by the two weights of grain, along rows, then along columns, as the
// blur does it: what demosaicing leaves of noise that was every pixel's own.
//
// Blur. Separable, rows first, then columns; both sum taps[0] * v[0], then outwards
// taps[k] * (v[-k] + v[k]) by fma. Outside the view it reflects without repeating the edge pixel.
//
// Numerics. Everything is f32 with explicit fma and correctly rounded division and square root, in
// an order fixed here: the same bits from scalar code, from every instruction set with fma, and
// from CUDA, for every batch split, row band, block size and number of threads.
#pragma once

#include "corrupt/draw.h"
#include "corrupt/spec.h"
#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// What is the same for a whole batch. `max_radius` bounds the radius of every draw in it, and without
// `camera_noise` none has any of them: on a GPU that is a kernel of its own.
struct CorruptFlags {
  Order order = Order::classic;
  bool clip = true;
  bool quantize = true;
  bool camera_noise = false;  // whether a draw may have shot noise, grain or common noise
  bool jpeg = false;          // whether one may be a JPEG file
  int32_t max_radius = kMaxRadius;
};

inline CorruptFlags flags_of(const CorruptSpec& spec) {
  return {.order = spec.order,
          .clip = spec.clip,
          .quantize = spec.quantize,
          .camera_noise = spec.shot.present || spec.grain.present || spec.common.present,
          .jpeg = spec.jpeg.present,
          .max_radius = max_radius(spec)};
}

// f32 elements of workspace that corrupt() needs for views of this width. On the CPU it grows with
// threads(), which must not rise between this call and the op; on CUDA it is 0.
int64_t corrupt_workspace_count(Device device, int64_t width, int32_t max_radius);

// sources   u8  {images, sizeof(Source)}  the source table; 8-byte aligned
// draws     u8  {N, sizeof(Draw)}         one draw a view; 8-byte aligned
// clean     u8  {N, H, W, 3}              out: the views as they were
// corrupted f32 {N, H, W, 3}              out: the views corrupted, nominally in [0, 1]; of a pair, those
//                                         of the picture that is given
// workspace f32 {corrupt_workspace_count(...)} or larger
// told      f32 {N}, or empty             out: what the draws say that a network is told
// rounded   bf16 {N, H, W, 3}, or empty   out, on a GPU alone: `corrupted` as a network that computes in
//                                         bf16 reads it
//
// H and W are any size, whole pictures included; every view of a batch has the same. Tensors lie on
// the queue's device. Throws Error naming shapes that do not fit; on the CPU, where they can be
// read, also for a draw whose image or radius is out of range or that the flags deny. No views is no work.
void corrupt(const Queue& q, const Tensor& sources, const Tensor& draws, const CorruptFlags& flags,
             const Tensor& clean, const Tensor& corrupted, const Tensor& workspace,
             const Tensor& told = {}, const Tensor& rounded = {});

namespace cuda {
void corrupt(void* stream, const Tensor& sources, const Tensor& draws, const CorruptFlags& flags,
             const Tensor& clean, const Tensor& corrupted, const Tensor& told,
             const Tensor& rounded);
}  // namespace cuda

}  // namespace dae
