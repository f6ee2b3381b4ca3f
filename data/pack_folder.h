// The packs of a dataset's parts in a folder of their own, which several processes may fill at once.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "data/listing.h"
#include "data/pack.h"

namespace dae {

// All packs of the listing, in order, where every one is there and sound. Pixels are looked at where they are no more
// than `checked_at_once` bytes in all.
std::optional<std::vector<Pack>> open_packs(const std::filesystem::path& folder,
                                            const Listing& listing, uint64_t checked_at_once);

// Makes those that are not. Every pack appears whole or not at all. Processes that do this at once share the work:
// each first makes what no other is making, then what is still missing, be it that somebody makes it: nobody
// waits for a process that may hang. Throws what write_pack() does.
void fill_packs(const std::filesystem::path& folder, const Listing& listing,
                uint64_t checked_at_once,
                const std::function<void(size_t done, size_t total)>& progress);

}  // namespace dae
