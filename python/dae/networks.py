"""The networks of model/network.h as PyTorch modules, docs/models.md; of this package's other files it needs none.

Names of parameters are those of our files, and so are their values but for the order of a convolution's axes.
Pictures are {N, 3, H, W}, RGB in [0, 1]; H and W are multiples of `grid`, and of fc `size` itself.
"""
from __future__ import annotations

from typing import Any, Optional, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEM_KERNEL = 4
NOISE_SCALE = 64  # the standard deviation, in units of 1/255, that a network is told of as 1


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, pad: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, pad)


def check_pictures(x: Tensor, grid: int, size: Optional[int] = None) -> None:
    """TypeError or ValueError naming x, where it is not {N, 3, H, W} with sides that are multiples of grid, or size."""
    if not isinstance(x, Tensor):
        raise TypeError(f"x: expected a tensor, got {type(x).__name__}")
    if torch.jit.is_tracing():  # whose sizes are tensors
        return
    if x.dim() != 4 or x.shape[1] != 3 or any(
            side == 0 or side % grid if size is None else side != size for side in x.shape[2:]):
        sides = f"H and W multiples of {grid}" if size is None else f"H and W of {size}"
        raise ValueError(f"x: expected the shape (N, 3, H, W) with {sides}, got {tuple(x.shape)}")


class Conv(nn.Module):
    """An encoder, a latent that is a feature map, a decoder that doubles the size by repeating pixels, a sigmoid."""

    grid = 8
    size: Optional[int] = None

    def __init__(self, latent_channels: int):
        super().__init__()
        self.encoder = nn.ModuleList([conv(3, 32), conv(32, 64, stride=2), conv(64, 128, stride=2),
                                      conv(128, latent_channels, stride=2)])
        self.decoder = nn.ModuleList([conv(latent_channels, 128), conv(128, 64), conv(64, 32), conv(32, 3)])

    def through_latent(self, x: Tensor) -> Tensor:
        return x

    def forward(self, x: Tensor) -> Tensor:
        check_pictures(x, self.grid, self.size)
        for layer in self.encoder:
            x = F.relu(layer(x))
        x = self.through_latent(x)
        *doubling, last = self.decoder
        for layer in doubling:
            x = F.relu(layer(F.interpolate(x, scale_factor=2, mode="nearest")))
        return torch.sigmoid(last(x))


class FC(Conv):
    """The same with a dense latent in the middle, for pictures of one size."""

    def __init__(self, size: int, latent: int):
        super().__init__(128)
        self.size, features = size, 128 * (size // 8) ** 2
        self.latent, self.expand = nn.Linear(features, latent), nn.Linear(latent, features)

    def through_latent(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 3, 1)  # our feature maps have the channels last
        y = F.relu(self.expand(F.relu(self.latent(rows.flatten(1)))))
        return y.view(rows.shape).permute(0, 3, 1, 2)


class Block(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.a, self.b = conv(channels, channels), conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.b(F.relu(self.a(x)))


class GlobalPath(nn.ModuleDict):
    """One gain a channel, {N, 3, 1, 1}, from the whole picture."""

    def __init__(self) -> None:
        layers: dict[str, nn.Module] = {
            str(i): conv(a, b, stride=2) for i, (a, b) in enumerate(zip((3, 32, 64, 128), (32, 64, 128, 128)))}
        super().__init__({**layers, "hidden": nn.Linear(256, 64), "output": nn.Linear(64, 3)})

    def forward(self, x: Tensor) -> Tensor:
        for i in range(4):
            x = F.relu(self[str(i)](x))
        x = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
        return torch.exp(torch.tanh(self["output"](F.relu(self["hidden"](x)))))[:, :, None, None]


class UNet(nn.Module):
    """A residual U-Net whose skips are added; what it finds is added to the input and scaled by a global path."""

    def __init__(self, width: int = 32, blocks: int = 2, levels: int = 4, stem: int = 1, skips: bool = True,
                 global_path: bool = True, residual: bool = True, noise_input: bool = False):
        super().__init__()
        self.grid = max(8, stem << (levels - 1))
        self.skips, self.residual, self.noise_input = skips, residual, noise_input
        widths = [width << level for level in range(levels)]

        def stack(channels: int) -> nn.Sequential:
            return nn.Sequential(*(Block(channels) for _ in range(blocks)))

        if noise_input:
            self.head = conv(16, width)
        else:
            self.head = conv(3, width, STEM_KERNEL, 2) if stem == 2 else conv(3, width)
        self.encoder = nn.ModuleList(stack(w) for w in widths[:-1])
        self.down = nn.ModuleList(conv(a, b, 2, 2, 0) for a, b in zip(widths, widths[1:]))
        self.middle = stack(widths[-1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in zip(widths, widths[1:]))
        self.decoder = nn.ModuleList(stack(w) for w in widths[:-1])
        self.tail = nn.ConvTranspose2d(width, 3, STEM_KERNEL, 2, 1) if stem == 2 else conv(width, 3)
        if global_path:
            self.add_module("global", GlobalPath())

    def forward(self, x: Tensor, noise: Optional[Union[Tensor, float]] = None) -> Tensor:
        """`noise`, of a network with a noise input: the standard deviation in units of 1/255, {N} or one for all."""
        check_pictures(x, self.grid)
        if (noise is not None) != self.noise_input:
            raise TypeError("noise: expected a number or a tensor {N}, since this network has a noise input"
                            if self.noise_input else "noise: expected None, since this network has no noise input")
        y, kept = self.head(x if noise is None else self.seen(x, noise)), []
        for encoder, down in zip(self.encoder, self.down):
            y = encoder(y)
            kept.append(y)
            y = down(y)
        y = self.middle(y)
        for level in reversed(range(len(self.up))):
            y = self.up[level](y)
            y = self.decoder[level](y + kept[level] if self.skips else y)
        y = self.tail(y)
        if self.residual:
            y = x + y
        path = self._modules.get("global")  # not by its name, a word of Python that torch.compile trips over
        return y if path is None else y * path(x)

    @staticmethod
    def seen(x: Tensor, noise: Union[Tensor, float]) -> Tensor:
        """Squares of four pixels, each pixel beside the level of noise: {N, 16, H/2, W/2}."""
        level = torch.as_tensor(noise, dtype=x.dtype, device=x.device).reshape(-1, 1, 1, 1) / NOISE_SCALE
        if not torch.jit.is_tracing() and level.shape[0] not in (1, x.shape[0]):
            raise ValueError(f"noise: expected one number or one a picture, {x.shape[0]}, got {level.shape[0]}")
        squares = F.pixel_unshuffle(torch.cat([x, level.expand(x.shape[0], 1, *x.shape[2:])], 1), 2)
        # pixel_unshuffle has the channel first, then the place in the square; here the place comes first.
        return squares.unflatten(1, (4, 4)).transpose(1, 2).flatten(1, 2)


def build(model: dict[str, Any]) -> nn.Module:
    """The network that "model" of a config.json describes, with PyTorch's own first values."""
    kind, size = model["kind"], model["size"]
    if kind == "fc":
        return FC(size, model["latent"])
    if kind == "conv":
        return Conv(model["latent"] // (size // 8) ** 2)
    return UNet(model["width"], model["blocks"], model.get("levels", 4), model.get("stem", 1), model["skips"],
                model["global"], model["residual"], model.get("noise_input", False))


def laid_out(weight: Any) -> Tensor:
    """A weight of ours, or the gradient of one, with its axes in PyTorch's order."""
    tensor = torch.as_tensor(weight)
    return tensor.permute(0, 3, 1, 2).contiguous() if tensor.dim() == 4 else tensor


def fill(network: nn.Module, weights: dict[str, Any]) -> None:
    """Copies our weights, arrays by name, into the network."""
    network.load_state_dict({name: laid_out(weight) for name, weight in weights.items()})
