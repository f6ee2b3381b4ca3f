// What a JPEG file leaves of a corrupted picture: bytes, as light and colours, whose 8x8 discrete
// cosine transforms are rounded to multiples of a quality's table (ITU-T T.81, baseline; the tables of
// its annex K, scaled as the Independent JPEG Group's library does). Colours keep their full
// resolution (4:4:4). Sides that are no multiples of eight repeat their last pixels, which are then
// cut off again. No entropy coding, which loses nothing.
#pragma once

#include "corrupt/draw.h"
#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// draws     u8  {N, sizeof(Draw)}  of which degradation.jpeg is read; views of 0 stay what they are
// pictures  f32 {N, H, W, 3}       in and out: then multiples of 1/255 in [0, 1]
// rounded   bf16 {N, H, W, 3}, or empty   out, of views that change: pictures, rounded
// f32 in an order that is fixed in jpeg_block.h: the same bits on every device. Part of corrupt(),
// which checks shapes.
void jpeg_cpu(const Draw* draws, const Tensor& pictures);

namespace cuda {
void jpeg(void* stream, const Tensor& draws, const Tensor& pictures, const Tensor& rounded);
}

}  // namespace dae
