#!/usr/bin/env python3
"""How fast a large picture is restored: this project's `bench restore/4000x6000` against the same network in
PyTorch and in onnxruntime, in the same tiles with the same overlap, in turns.

    python profiling/peers/restore_throughput.py --json out.json

Before anything is timed, PyTorch restores a small picture by the network that ships and must come to what
`denoise` writes. onnxruntime runs what PyTorch exports, and must agree with it.
"""
import argparse
import statistics
import subprocess
import tempfile
import time

import cv2
import numpy
import onnxruntime
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from models import Block
from ours import ROOT, bench, machine, save

WIDTH, BLOCKS, LEVELS = 48, 2, 3


class Shipped(nn.Module):
    """The network that ships: x {N, 3, H, W}, told {N} the noise in units of pixels in [0, 1]."""

    def __init__(self):
        super().__init__()
        blocks = lambda channels: nn.Sequential(*(Block(channels) for _ in range(BLOCKS)))
        self.head = nn.Conv2d(16, WIDTH, 3, padding=1)
        self.encoder = nn.ModuleList(blocks(WIDTH << level) for level in range(LEVELS - 1))
        self.down = nn.ModuleList(nn.Conv2d(WIDTH << level, WIDTH << (level + 1), 2, 2) for level in range(LEVELS - 1))
        self.middle = blocks(WIDTH << (LEVELS - 1))
        self.up = nn.ModuleList(nn.ConvTranspose2d(WIDTH << (level + 1), WIDTH << level, 2, 2)
                                for level in range(LEVELS - 1))
        self.decoder = nn.ModuleList(blocks(WIDTH << level) for level in range(LEVELS - 1))
        self.tail = nn.ConvTranspose2d(WIDTH, 3, 4, 2, 1)

    def forward(self, x, told):
        level = (told * 255 / 64)[:, None, None, None].expand(-1, 1, x.shape[2], x.shape[3])
        # The four pixels of a square one after another, each with the level beside it.
        y = self.head(F.pixel_unshuffle(torch.cat([x, level], 1), 2))
        skips = []
        for encoder, down in zip(self.encoder, self.down):
            y = encoder(y)
            skips.append(y)
            y = down(y)
        y = self.middle(y)
        for level in reversed(range(LEVELS - 1)):
            y = self.decoder[level](self.up[level](y) + skips[level])
        return x + self.tail(y)


def load(path):
    """Our file's weights, {K, kernel, kernel, C}, in PyTorch's layout."""
    model, ours = Shipped(), load_file(path)
    state = {}
    for name, place in model.state_dict().items():
        weight = ours[name].float()
        if name == "head.weight":  # squares' places first there, channels first in pixel_unshuffle
            weight = weight.view(WIDTH, 3, 3, 4, 4).transpose(3, 4).reshape(WIDTH, 3, 3, 16)
        if weight.dim() == 4:
            weight = weight.permute(0, 3, 1, 2)
        state[name] = weight.reshape(place.shape)
    model.load_state_dict(state)
    return model.eval()


def tiles(length, tile, overlap):
    starts = [0]
    while starts[-1] + tile < length:
        starts.append(min(starts[-1] + tile - 2 * overlap, length - tile))
    return starts


def restore(run, picture, tile, overlap):
    """{3, H, W} in tiles: what a tile keeps has seen all that it can see, as in restore/restorer.cpp."""
    restored = numpy.empty_like(picture)
    _, height, width = picture.shape
    for top in tiles(height, tile, overlap):
        for left in tiles(width, tile, overlap):
            y = run(picture[None, :, top:top + tile, left:left + tile])
            a, b = (overlap if top else 0), (overlap if left else 0)
            restored[:, top + a:top + tile, left + b:left + tile] = y[0, :, a:, b:]
    return restored


def check(model, network, programs):
    """`denoise` and PyTorch come to the same bytes but for rounding."""
    picture = numpy.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=numpy.uint8)
    with tempfile.TemporaryDirectory() as folder:
        cv2.imwrite(f"{folder}/a.png", picture)
        subprocess.run([f"{programs}/denoise", network, f"{folder}/a.png", "--sigma", "20", "--out", f"{folder}/o"],
                       check=True, capture_output=True)
        ours = cv2.imread(f"{folder}/o/a.png")
    x = torch.from_numpy(picture[:, :, ::-1].copy()).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        theirs = model(x, torch.tensor([20 / 255]))[0].permute(1, 2, 0).clamp(0, 1).numpy()[:, :, ::-1] * 255
    apart = numpy.abs(ours - theirs).max()
    if apart > 0.51:
        raise SystemExit(f"PyTorch and denoise are {apart:.2f} levels apart: nothing is timed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release", help="where `bench` and `denoise` were built")
    parser.add_argument("--network", default=str(ROOT / "models" / "photographs.safetensors"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--height", type=int, default=4000)
    parser.add_argument("--width", type=int, default=6000)
    parser.add_argument("--tile", type=int, default=768)
    parser.add_argument("--overlap", type=int, default=96, help="pixels; the receptive radius, rounded up")
    parser.add_argument("--json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load(options.network)
    check(model, options.network, options.build)

    picture = numpy.random.default_rng(2).random((3, options.height, options.width), numpy.float32)
    told = torch.tensor([20 / 255])
    example = torch.from_numpy(picture[None, :, :options.tile, :options.tile].copy())
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        torch.onnx.export(model, (example, told), f"{folder}/n.onnx", input_names=["x", "told"], dynamo=False)
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = options.threads
        session = onnxruntime.InferenceSession(f"{folder}/n.onnx", session_options, ["CPUExecutionProvider"])
    last = load(options.network).to(memory_format=torch.channels_last)

    def plain(x):
        with torch.inference_mode():
            return model(torch.from_numpy(numpy.ascontiguousarray(x)), told).numpy()

    def channels_last(x):
        with torch.inference_mode():
            given = torch.from_numpy(numpy.ascontiguousarray(x)).contiguous(memory_format=torch.channels_last)
            return last(given, told).numpy()

    def onnx(x):
        return session.run(None, {"x": numpy.ascontiguousarray(x), "told": told.numpy()})[0]

    peers = {"pytorch": plain, "pytorch_channels_last": channels_last, "onnxruntime": onnx}
    first = plain(example.numpy())
    for name, run in peers.items():
        apart = numpy.abs(run(example.numpy()) - first).max()  # and its warm-up
        if apart > 1e-4:
            raise SystemExit(f"{name} is {apart} from PyTorch: nothing is timed")
    megapixels = options.height * options.width / 1e6
    rates = {name: [] for name in ("ours", *peers)}
    for _ in range(options.rounds):
        name = f"restore/{options.height}x{options.width}"
        rates["ours"].append(bench(options.build, name, options.threads, repetitions=1)["Mpixel/s"])
        for name, run in peers.items():
            begin = time.perf_counter()
            restore(run, picture, options.tile, options.overlap)
            rates[name].append(megapixels / (time.perf_counter() - begin))
    medians = {name: round(statistics.median(values), 3) for name, values in rates.items()}
    best = max(value for name, value in medians.items() if name != "ours")
    results = {"what": f"restoration of {options.width}x{options.height} pixels, Mpixel/s, median of rounds", **machine(),
               "threads": options.threads, "versions": {m.__name__: m.__version__ for m in (torch, onnxruntime)},
               "rates": rates, "medians": medians, "ratio_to_best": round(medians["ours"] / best, 2)}
    print(medians, f"ours / best of the others: {medians['ours'] / best:.2f}", flush=True)
    save(results, options.json)


if __name__ == "__main__":
    main()
