// A network's layers (model/layers.h) as nodes of an ONNX graph, in ONNX's layout {N, C, H, W}.
#pragma once

#include "exchange/onnx_graph.h"
#include "model/layers.h"

namespace dae {

// The value that the list makes of `picture` {N, 3, H, W}: {N, C, H', W'}, or {N, C} behind a dense
// layer. `told` {N} is what a noise input is told, in units of pixels that lie in [0, 1].
OnnxValue add_onnx_layers(OnnxGraph& graph, const LayerList& list, const OnnxValue& picture,
                          const OnnxValue& told = "");

}  // namespace dae
