"""The networks of python/dae/networks.py, with the first values that ours begin with (Builder::he_bound)."""
import importlib.util
import math
import pathlib
import re

from torch import nn

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The file alone: the package around it would have to be built.
_spec = importlib.util.spec_from_file_location("networks", ROOT / "python" / "dae" / "networks.py")
networks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)

NO_RELU_FOLLOWS = re.compile(r"head|tail|down\.\d|up\.\d|.*\.b|decoder\.3|global\.output")
GAINS = {"b": 0.1, "tail": 0.1, "output": 0}  # by the last word of a layer's name; 1 for the others


def fan_in(layer):
    if isinstance(layer, nn.Linear):
        return layer.in_features
    kernel = math.prod(layer.kernel_size)
    if isinstance(layer, nn.ConvTranspose2d):
        kernel //= math.prod(layer.stride)  # as many taps meet in a pixel
    return layer.in_channels * kernel


def take_first_values(network):
    for name, layer in network.named_modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            variance = (3 if NO_RELU_FOLLOWS.fullmatch(name) else 6) / fan_in(layer)
            bound = GAINS.get(name.rpartition(".")[2], 1) * math.sqrt(variance)
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.zeros_(layer.bias)


def make(name, width=32, blocks=2, global_path=True, size=64):
    latent = 512 if name == "fc" else 128 * (size // 8) ** 2
    network = networks.build({"kind": name, "size": size, "latent": latent, "width": width, "blocks": blocks,
                              "skips": True, "global": global_path, "residual": True})
    take_first_values(network)
    return network
