#!/usr/bin/env python3
"""What losses must give: tests/fixtures/losses.json.

Run `python3 -O tests/make_loss_fixtures.py` (needs numpy, scikit-image, torch, pytorch-msssim) after
changing a loss on purpose. SSIM is scikit-image's, MS-SSIM and the gradients of both are
pytorch-msssim's, in fp64. -O, because pytorch-msssim asserts a size that five scales need, however
many there are. "pictures": alone, on pictures made of integers, which tests/support/loss_fixtures.h
makes too. "networks": a sum of losses at the end of each network of make_training_fixtures.py.
"""
import json
import math
import pathlib
import sys

import numpy as np
import make_training_fixtures as networks
import pytorch_msssim
import torch
import torch.nn.functional as F
from skimage.metrics import structural_similarity

WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]  # Wang, Simoncelli & Bovik, 2003
SAMPLES = 61
SUM = {"mse": 0.5, "l1": 0.25, "ssim": 0.125, "ms_ssim": 0.75, "dct": 0.375}


def mixed(i):
    return ((i.astype(np.uint64) * 2654435761) % 2**32 >> 24).astype(np.int64)


def pictures(shape):
    """The restoration and the target, f32 as C++ makes them, in fp64."""
    i = np.arange(np.prod(shape))
    channel, x, row = i % 3, i // 3 % shape[2], i // 3 // shape[2]
    wave = np.abs((3 * x + 5 * row + 17 * channel) % 128 - 64)
    code = 3 * wave + mixed(i) // 8
    y = (3 * code + 64 + mixed(i + 1000003)) / 1024
    target = code.astype(np.float32) / np.float32(255)
    return y.reshape(shape), target.astype(np.float64).reshape(shape)


def window():
    """The 11 Gaussian weights in fp64: the package's own are rounded to f32."""
    taps = torch.exp(-torch.arange(-5, 6, dtype=torch.float64)**2 / (2 * 1.5**2))
    return (taps / taps.sum()).reshape(1, 1, 1, 11).repeat(3, 1, 1, 1)


def with_gradient(loss, y, target):
    y = torch.tensor(y, requires_grad=True)
    value = loss(y.permute(0, 3, 1, 2), torch.tensor(target).permute(0, 3, 1, 2))
    value.backward()
    gradient = -y.grad.flatten()  # of 1 - value
    every = len(gradient) // SAMPLES
    return value.item(), {"norm": gradient.norm().item(), "every": every,
                          "samples": gradient[::every].tolist()}


def scales_and_weights(height, width):
    scales = 5
    while min(height, width) >> (scales - 1) < 11:
        scales -= 1
    return scales, [w / sum(WEIGHTS[:scales]) for w in WEIGHTS[:scales]]


def block_dct(e):
    """8x8 blocks of {N, C, H, W} by the matrix of the orthonormal DCT-II."""
    k, i = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    matrix = torch.cos((2 * i + 1) * k * math.pi / 16) * torch.where(k == 0, math.sqrt(1 / 8), 0.5)
    blocks = e.unfold(2, 8, 8).unfold(3, 8, 8)
    return matrix @ blocks @ matrix.T


def sum_of_losses(model, size=24):
    """One step of a network under SUM: its loss, its gradient's norm, and those of each term by y."""
    net = networks.Net()
    x, target = (torch.tensor(p).permute(0, 3, 1, 2)
                 for p in pictures((networks.BATCH, size, size, 3)))
    y = model(net, x, latent=36) if model is networks.conv else model(net, x)
    terms = {
        "mse": F.mse_loss(y, target),
        "l1": F.l1_loss(y, target),
        "ssim": 1 - pytorch_msssim.ssim(y, target, data_range=1, win=window()),
        "dct": block_dct(y - target).abs().mean(),
    }
    # The first outputs of the others are so unlike that MS-SSIM has no value there.
    if model is networks.unet:
        _, weights = scales_and_weights(size, size)
        terms["ms_ssim"] = 1 - pytorch_msssim.ms_ssim(y, target, data_range=1, win=window(),
                                                      weights=weights)
    loss = sum(SUM[name] * value for name, value in terms.items())
    gradients = torch.autograd.grad(loss, list(net.parameters.values()), retain_graph=True)
    by_y = {name: torch.autograd.grad(SUM[name] * value, y, retain_graph=True)[0].norm().item()
            for name, value in terms.items()}
    return {"loss": loss.item(),
            "gradient_norm": math.sqrt(sum(g.square().sum().item() for g in gradients)),
            "terms": [{"name": name, "weight": SUM[name], "value": value.item(),
                       "gradient_norm": by_y[name]} for name, value in terms.items()]}


def main():
    if __debug__:
        sys.exit(__doc__)
    entries = []
    for shape in [(2, 24, 40, 3), (2, 64, 64, 3), (1, 88, 96, 3), (1, 176, 192, 3)]:
        y, target = pictures(shape)
        ssim = np.mean([structural_similarity(a, b, data_range=1, gaussian_weights=True, sigma=1.5,
                                              use_sample_covariance=False, channel_axis=-1)
                        for a, b in zip(y, target)])
        scales, weights = scales_and_weights(*shape[1:3])
        _, ssim_gradient = with_gradient(
            lambda a, b: pytorch_msssim.ssim(a, b, data_range=1, win=window()), y, target)
        ms_ssim, ms_ssim_gradient = with_gradient(
            lambda a, b: pytorch_msssim.ms_ssim(a, b, data_range=1, win=window(), weights=weights),
            y, target)
        entries.append({"shape": shape, "ssim": ssim, "ssim_gradient": ssim_gradient,
                        "scales": scales, "ms_ssim": ms_ssim, "ms_ssim_gradient": ms_ssim_gradient})
    path = pathlib.Path(__file__).parent / "fixtures" / "losses.json"
    with open(path, "w", encoding="ascii") as file:
        sums = {f.__name__: sum_of_losses(f)
                for f in (networks.fc, networks.conv, networks.unet)}
        json.dump({"pictures": entries, "networks": sums}, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
