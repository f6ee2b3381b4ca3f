"""Our networks in PyTorch. It needs the package torch: pip install dae[torch]."""
from __future__ import annotations

import json
from typing import Optional

from torch import nn

from . import _dae, networks
from ._options import Place, path
from .denoiser import shipped_network

__all__ = ["load"]


def load(run: Optional[Place] = None) -> nn.Module:
    """The network of a run folder or a network file as an nn.Module with its averaged weights, in eval mode; without
    `run` the one that ships.

    It takes pictures {N, 3, H, W}, float32 RGB in [0, 1], H and W multiples of its `grid`, and gives the same shape,
    not clamped. One with a `noise_input` takes the noise's standard deviation besides, in units of 1/255: {N} or one
    number. On pictures of the size it was trained on it agrees with Denoiser within 1e-4; larger ones Denoiser takes
    in tiles, and decides the exposure of a network with a global path once for all of them.

    `config` of the module is the run's config.json. TypeError and ValueError for pictures that do not fit; Error when
    there is no network or it is damaged.
    """
    text, weights, _ = _dae.read_network(shipped_network() if run is None else path("run", run))
    config = json.loads(text)
    network = networks.build(config["model"])
    networks.fill(network, weights)
    network.config = config
    return network.eval()
