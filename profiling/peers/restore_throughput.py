#!/usr/bin/env python3
"""How fast a large picture is restored: this project's `bench restore/4000x6000` against the same network in
PyTorch and in onnxruntime, in the same tiles with the same overlap, in turns.

  python profiling/peers/restore_throughput.py --json out.json
  python profiling/peers/restore_throughput.py --python --height 2000 --width 3000     by the Python package

Before anything is timed, PyTorch restores a small picture by the network that ships and must come to what
ours makes of it. onnxruntime runs what PyTorch exports, and must agree with it.
"""
import argparse
import json
import statistics
import subprocess
import tempfile

import cv2
import numpy
import onnxruntime
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from models import networks
from ours import ROOT, bench, clock_of, machine, save

NOISE = 20.0  # of 255, that the network is told of


def load(path):
    """The network of a file that `export` wrote."""
    with safe_open(path, "pt") as file:
        model = networks.build(json.loads(file.metadata()["config"])["model"])
    networks.fill(model, load_file(path))
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


class Programs:
    """Ours as programs: `denoise` and `bench`."""

    def __init__(self, options):
        self.options = options

    def restored(self, picture):
        with tempfile.TemporaryDirectory() as folder:
            cv2.imwrite(f"{folder}/a.png", picture[..., ::-1])
            subprocess.run([f"{self.options.build}/denoise", self.options.network, f"{folder}/a.png", "--sigma", str(NOISE),
                            "--out", f"{folder}/o"], check=True, capture_output=True)
            return cv2.imread(f"{folder}/o/a.png")[..., ::-1]

    def rate(self, picture):
        name = f"restore/{picture.shape[1]}x{picture.shape[2]}"
        return bench(self.options.build, name, self.options.threads, repetitions=1)["Mpixel/s"]


class Package:
    """Ours as the Python package that is installed here."""

    def __init__(self, options):
        import dae
        dae.set_threads(options.threads)
        self.clock = clock_of(options)
        self.denoiser = dae.Denoiser.open(options.network, device="cpu")

    def restored(self, picture):
        return self.denoiser(picture, noise=NOISE)

    def rate(self, picture):
        picture = numpy.ascontiguousarray(picture.transpose(1, 2, 0))
        return megapixels_a_second(picture, lambda: self.denoiser(picture, noise=NOISE), self.clock)


def megapixels_a_second(picture, run, clock):
    begin = clock()
    run()
    return picture.size / 3e6 / (clock() - begin)


def check(model, ours):
    """Both sides come to the same bytes but for rounding."""
    picture = numpy.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=numpy.uint8)
    x = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        theirs = model(x, torch.tensor([NOISE]))[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255
    apart = numpy.abs(ours.restored(picture) - theirs).max()
    if apart > 0.51:
        raise SystemExit(f"PyTorch and ours are {apart:.2f} levels apart: nothing is timed")


def peers(model, options):
    """By name, what restores a tile {1, 3, H, W}."""
    told = torch.tensor([NOISE])
    example = torch.from_numpy(numpy.random.default_rng(3).random((1, 3, options.tile, options.tile), numpy.float32))
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

    found = {"pytorch": plain, "pytorch_channels_last": channels_last, "onnxruntime": onnx}
    first = plain(example.numpy())
    for name, run in found.items():
        apart = numpy.abs(run(example.numpy()) - first).max()  # and its warm-up
        if apart > 1e-4:
            raise SystemExit(f"{name} is {apart} from PyTorch: nothing is timed")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release", help="where `bench` and `denoise` were built")
    parser.add_argument("--python", action="store_true", help="ours is the package that is installed here, no program")
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
    model, ours = load(options.network), (Package if options.python else Programs)(options)
    check(model, ours)
    others = peers(model, options)

    picture = numpy.random.default_rng(2).random((3, options.height, options.width), numpy.float32)
    rates = {name: [] for name in ("ours", *others)}
    for _ in range(options.rounds):
        rates["ours"].append(ours.rate(picture))
        for name, run in others.items():
            rates[name].append(megapixels_a_second(
                picture, lambda: restore(run, picture, options.tile, options.overlap), clock_of(options)))
    medians = {name: round(statistics.median(values), 3) for name, values in rates.items()}
    best = max(value for name, value in medians.items() if name != "ours")
    results = {"what": f"restoration of {options.width}x{options.height} pixels, Mpixel/s, median of rounds", **machine(),
               "ours": "from Python" if options.python else "bench", "threads": options.threads,
               "versions": {m.__name__: m.__version__ for m in (torch, onnxruntime)}, "rates": rates, "medians": medians,
               "ratio_to_best": round(medians["ours"] / best, 2)}
    print(medians, f"ours / best of the others: {medians['ours'] / best:.2f}", flush=True)
    save(results, options.json)


if __name__ == "__main__":
    main()
