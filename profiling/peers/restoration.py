#!/usr/bin/env python3
"""Restoration after equal seconds of training: same network, schedule and data, ours and PyTorch's.

  python3 profiling/peers/restoration.py --build build/release --train photos/train --val photos/val \\
      --seconds 60 --seeds 3 --json profiling/results/NAME.json

Both train on --train for the same seconds (PyTorch from images decoded beforehand; its start-up and
the calibration of its number of steps are not counted, ours are), in turns, and restore the same 128
crops of --val, corrupted by OpenCV. `evaluate --pairs` scores the PNG files of both.
"""
import argparse
import json
import math
import pathlib
import statistics
import subprocess
import tempfile
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from corruption import corrupt, corrupt_noise_only
from models import make
from ours import machine, save

BATCH, SIZE, CROPS, PEAK, DECAY = 16, 64, 128, 0.002, 0.999


def load(folder):
    paths = sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    return [cv2.imread(str(p))[:, :, ::-1] for p in paths]


def write_pairs(images, folder, noise_only):
    """Test crops, corrupted by code that neither side trains with."""
    rng = np.random.default_rng(123)
    for name in ("clean", "corrupted"):
        (folder / name).mkdir()
    for i in range(CROPS):
        image = images[i % len(images)]
        y, x = rng.integers(image.shape[0] - SIZE + 1), rng.integers(image.shape[1] - SIZE + 1)
        clean = image[y:y + SIZE, x:x + SIZE]
        bad = clean / 255 + rng.normal(size=clean.shape) * ((25 if noise_only else rng.uniform(0, 50)) / 255)
        if not noise_only:
            bad = cv2.GaussianBlur(bad, (0, 0), rng.uniform(0.2, 1.5))
            bad = bad * rng.uniform(0.7, 1.3) * rng.uniform(0.85, 1.15, 3)
        bad = np.rint(np.clip(bad, 0, 1) * 255).astype(np.uint8)
        for name, pixels in (("clean", clean), ("corrupted", bad)):
            cv2.imwrite(str(folder / name / f"{i:03}.png"), np.ascontiguousarray(pixels[:, :, ::-1]))


class Peer:
    """PyTorch's side: the same batches, schedule, clipping and averaged weights."""

    def __init__(self, images, options, seed):
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        self.images = images
        self.corrupt = corrupt_noise_only if options.noise_only else corrupt
        self.model = make(options.model, options.width, options.blocks, options.global_path == "on")
        self.model.to(memory_format=torch.channels_last)
        self.average = [p.detach().clone() for p in self.model.parameters()]
        self.optimizer = torch.optim.Adam(self.model.parameters(), PEAK, fused=True)

    def batch(self):
        crops = np.empty((BATCH, SIZE, SIZE, 3), np.uint8)
        for crop in crops:
            image = self.images[self.rng.integers(len(self.images))]
            y, x = self.rng.integers(image.shape[0] - SIZE + 1), self.rng.integers(image.shape[1] - SIZE + 1)
            crop[:] = image[y:y + SIZE, x:x + SIZE][:, ::-1 if self.rng.random() < 0.5 else 1]
        return torch.from_numpy(crops).permute(0, 3, 1, 2)

    def step(self, number, total):
        warmup = max(1, min(100, total // 10))
        if number <= warmup:
            rate = PEAK * number / warmup
        else:
            rate = PEAK * 0.5 * (1 + math.cos(math.pi * (number - warmup) / max(1, total - warmup)))
        self.optimizer.param_groups[0]["lr"] = rate
        clean = self.batch()
        x = self.corrupt(clean).contiguous(memory_format=torch.channels_last)
        loss = F.mse_loss(self.model(x), clean.float() / 255)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, list(self.model.parameters()),
                                 1 - min(DECAY, (1 + number) / (10 + number)))

    def restore(self, source, target):
        target.mkdir()
        with torch.no_grad():
            for p, average in zip(self.model.parameters(), self.average):
                p.copy_(average)
            for path in sorted(source.iterdir()):
                x = torch.from_numpy(np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1]))
                y = self.model(x.permute(2, 0, 1)[None].float() / 255)[0].clamp(0, 1)
                pixels = (y * 255).round().byte().permute(1, 2, 0).numpy()
                cv2.imwrite(str(target / path.name), np.ascontiguousarray(pixels[:, :, ::-1]))


def train_peer(images, options, seed):
    trial = Peer(images, options, seed)
    for i in range(3):
        trial.step(1 + i, 100)
    begin, steps = time.perf_counter(), 0
    while time.perf_counter() - begin < max(1.0, 0.05 * options.seconds):
        trial.step(4 + steps, 100000)
        steps += 1
    total = max(1, int(options.seconds / ((time.perf_counter() - begin) / steps)))
    peer = Peer(images, options, seed)
    begin = time.perf_counter()
    for number in range(1, total + 1):
        peer.step(number, total)
    return peer, total, time.perf_counter() - begin


def train_ours(options, seed, run):
    command = [f"{options.build}/train_cuda", "--dataset", options.train, "--val", options.val, "--model", options.model,
               "--batch", str(BATCH), "--size", str(SIZE), "--lr", str(PEAK), "--time", str(options.seconds),
               "--threads", str(options.threads), "--seed", str(seed), "--out", str(run)]
    if options.model == "unet":
        command += ["--width", str(options.width), "--blocks", str(options.blocks), "--global", options.global_path,
                    "--levels", "4", "--stem", "1"]  # as models.make() has it
    if options.noise_only:
        command += "--noise 0:55 --blur off --brightness off --channel off --clip off --quantize off".split()
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    return json.load(open(run / "config.json"))["optimizer"]["steps"], seconds


def score(options, clean, restored):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run([f"{options.build}/evaluate", "--pairs", clean, restored, "--json", file.name], check=True,
                       stdout=subprocess.DEVNULL)
        scores = json.load(open(file.name))["pairs"]
    return {key: scores[key] for key in ("psnr", "ssim", "aligned_psnr")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release", help="where the programs were built")
    parser.add_argument("--train", required=True)
    parser.add_argument("--val", required=True)
    parser.add_argument("--model", default="unet", choices=("unet", "conv", "fc"))
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--blocks", type=int, default=1)
    parser.add_argument("--global", dest="global_path", default="on", choices=("on", "off"))
    parser.add_argument("--noise-only", action="store_true", help="train on noise of 0 to 55, score at 25")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    images = load(options.train)
    results = {"what": "restoration of 128 crops after equal seconds of training", **machine(),
               "torch_version": torch.__version__, "options": vars(options), "runs": []}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_pairs(load(options.val), folder, options.noise_only)
        results["corrupted"] = score(options, folder / "clean", folder / "corrupted")
        print("doing nothing", results["corrupted"], flush=True)
        for seed in range(1, options.seeds + 1):
            run = folder / f"run{seed}"
            steps, seconds = train_ours(options, seed, run)
            subprocess.run([f"{options.build}/denoise", run, folder / "corrupted", "--out", folder / f"ours{seed}"],
                           check=True, stdout=subprocess.DEVNULL)
            sides = [("ours", folder / f"ours{seed}", steps, seconds)]
            if not options.ours_only:
                peer, steps, seconds = train_peer(images, options, seed)
                peer.restore(folder / "corrupted", folder / f"torch{seed}")
                sides.append(("torch", folder / f"torch{seed}", steps, seconds))
            for side, restored, steps, seconds in sides:
                results["runs"].append({"side": side, "seed": seed, "steps": steps, "seconds": round(seconds, 1),
                                        **score(options, folder / "clean", restored)})
                print(results["runs"][-1], flush=True)
    for side in ("ours", "torch"):
        values = [run["psnr"] for run in results["runs"] if run["side"] == side]
        if values:
            results[side] = {"psnr_mean": round(statistics.mean(values), 3),
                             "psnr_spread": round(statistics.stdev(values), 3) if len(values) > 1 else None}
            print(side, results[side])
    save(results, options.json)


if __name__ == "__main__":
    main()
