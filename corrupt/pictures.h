// Photographs on their way to a GPU. They lie in the host's memory, and the corruption takes views
// from a table of sources whose pixels must lie on its own device (corrupt/draw.h). Two ways there:
//
// resident: all photographs are copied to the GPU once, and views are cut out by the corruption.
// streamed: the host cuts the views out, and only they are copied, batch by batch, into slots of
// slot_bytes(). Each slot is a source of its own, so the table of slots never changes.
//
// What a view shows outside its picture is reflected when it is cut out; everything else that the
// corruption does stays inside the view. So both ways give the same bits.
#pragma once

#include <span>
#include <vector>

#include "corrupt/draw.h"
#include "runtime/memory.h"

namespace dae {

// Bytes of all pixels, without gaps; of pairs, both pictures'.
size_t bytes_of(std::span<const Source> sources);

// Bytes of the slot that a view of height x width of any of them takes: of pairs, two views, the given
// one second.
size_t slot_bytes(std::span<const Source> sources, int64_t height, int64_t width);

// Photographs on the GPU, and the table that says where; the table itself is in host memory.
struct ResidentPictures {
  Buffer pixels;
  std::vector<Source> table;
};

// Copies them there, in chunks through pinned memory. Returns when they have arrived.
ResidentPictures upload_pictures(std::span<const Source> sources);

// Cuts the views of `draws` out, flipped where they are, one after another into `pixels`; view i
// becomes the whole of slot first_slot + i. Throws Error for a view of an image that there is not.
void cut_views(std::span<const Source> sources, int64_t height, int64_t width, int64_t first_slot,
               std::span<Draw> draws, uint8_t* pixels);

// The table of slots for views of such sources that lie at `pixels`, one after another.
std::vector<Source> slot_table(std::span<const Source> sources, const std::byte* pixels,
                               int64_t slots, int64_t height, int64_t width);

}  // namespace dae
