// A trained network as an ONNX file (opset 13), for the runtimes that read those.
//
//   picture    {N, 3, H, W}, RGB: float in [0, 1], sRGB-encoded as files are, or uint8
//   sigma      {N}, float: of a network with a noise input, the standard deviation of each picture's
//              noise in units of 1/255, as denoise --sigma takes it; below 0.29 it comes back as it is
//   restored   like `picture`: float not clamped, uint8 clamped and rounded
//
// N, H and W are free, H and W from 1: what Restorer does around the network is part of the graph, the
// reflection up to a multiple of the grid, and the crops that a global path looks at. Networks of one
// size have H and W of that size. There are no tiles: who cuts large pictures into tiles lets them
// overlap by the receptive radius. The file's metadata are
//
//   trained_for, receptive_radius, grid, dae_version, config
//
// in words; pixels; pixels; of this library; and as JSON, as config.json has it, without a picture's name.
#pragma once

#include <filesystem>

#include "restore/trained_network.h"

namespace dae {

enum class OnnxPixels { f32, u8 };

// Written at once or not at all. Throws Error naming the file when it cannot be.
void save_onnx(const std::filesystem::path& path, const TrainedNetwork& network, OnnxPixels pixels);

}  // namespace dae
