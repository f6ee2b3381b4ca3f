// What training makes small: a loss of a network's restoration against the clean picture.
#pragma once

#include <vector>

#include "model/loss_spec.h"
#include "model/network.h"

namespace dae {

struct Objective {
  NetworkConfig network;
  LossSpec loss = {};
  std::vector<int64_t> feature_widths = {};  // of a perceptual term's network

  // The floats that a step leaves of its loss: the loss; then, of every term of anything but plain
  // MSE, its value and the L2 norm of weight d(term) / dy over the batch, where y is the
  // restoration.
  int64_t record_size() const;

  // Adds the network on x {N, H, W, 3}, the loss of its restoration against target u8 of the same
  // shape (value / 255), and the backward steps of both. `record` is an external f32
  // {record_size()}; `told` is build_network()'s. Plain MSE is one op (output_stage.h); for other losses y is written, each term
  // adds to its gradient, and one more op leads from there into the network.
  void add_to(Builder& builder, TensorId x, TensorId target, TensorId record,
              TensorId told = kNoTensor) const;
};

}  // namespace dae
