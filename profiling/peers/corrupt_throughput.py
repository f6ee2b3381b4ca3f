#!/usr/bin/env python3
"""Megapixels a second of the whole corruption, ours and that of the libraries people use.

  python3 profiling/peers/corrupt_throughput.py --build build/release --json profiling/results/NAME.json
  python3 profiling/peers/corrupt_throughput.py --python       ours from Python, with what a call costs

Every candidate makes float images in [0, 1] from 8-bit ones, with parameters of its own for each
image: Gaussian noise, Gaussian blur, brightness, channel gains, clip. Ours rounds to 8 bits besides, and
without --python it crops and flips. What a library lacks (Kornia has no channel gains) it is spared.
"""
import argparse
import itertools
import statistics
import time

import albumentations
import cv2
import kornia.augmentation
import numpy as np
import torch
import torchvision
import torchvision.transforms.v2.functional as TF

from corruption import blur
from ours import bench, clock_of, machine, save


def candidates(size, batch):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    planes = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    noise = np.empty((size, size, 3), np.float32)
    out = np.empty(images.shape, np.float32)

    def opencv():
        for i in range(batch):
            x = images[i].astype(np.float32)
            x *= 1 / 255
            cv2.randn(noise, 0, rng.uniform(0, 50 / 255))
            cv2.add(x, noise, x)
            cv2.GaussianBlur(x, (0, 0), rng.uniform(0.2, 1.5), x)
            x *= (rng.uniform(0.7, 1.3) * rng.uniform(0.85, 1.15, 3)).astype(np.float32)
            np.clip(x, 0, 1, out=out[i])

    def torchvision():
        for i in range(batch):
            x = planes[i].float().div_(255)
            x = x + torch.randn_like(x) * float(rng.uniform(0, 50 / 255))
            x = TF.gaussian_blur(x, [11, 11], float(rng.uniform(0.2, 1.5)))
            x = x * float(rng.uniform(0.7, 1.3)) * torch.from_numpy(rng.uniform(0.85, 1.15, (3, 1, 1)).astype(np.float32))
            x.clamp_(0, 1)

    def batched(planes, sigma, width, brightness, channel):
        x = planes.float() / 255
        x = blur(x + torch.randn_like(x) * sigma, width)
        return (x * brightness * channel).clamp(0, 1)

    def with_draws(f):
        return lambda: f(planes, torch.rand(batch, 1, 1, 1) * (50 / 255), 0.2 + 1.3 * torch.rand(batch),
                         0.7 + 0.6 * torch.rand(batch, 1, 1, 1), 0.85 + 0.3 * torch.rand(batch, 3, 1, 1))

    augment = albumentations.Compose([
        albumentations.GaussNoise(std_range=(0.0, 50 / 255), p=1),
        albumentations.GaussianBlur(sigma_limit=(0.2, 1.5), blur_limit=0, p=1),
        albumentations.RandomBrightnessContrast(brightness_limit=0.3, contrast_limit=0, p=1),
        albumentations.MultiplicativeNoise(multiplier=(0.85, 1.15), per_channel=True, p=1)])
    kornia_augment = kornia.augmentation.AugmentationSequential(
        kornia.augmentation.RandomGaussianNoise(std=0.1, p=1.0),
        kornia.augmentation.RandomGaussianBlur((11, 11), (0.2, 1.5), p=1.0),
        kornia.augmentation.RandomBrightness((0.7, 1.3), p=1.0))
    return {
        "opencv": opencv,
        "torchvision": torchvision,
        "albumentations": lambda: [augment(image=i.astype(np.float32) / 255)["image"] for i in images],
        "kornia": lambda: kornia_augment(planes.float() / 255),
        "torch_batched": with_draws(batched),
        "torch_batched_compiled": with_draws(torch.compile(batched)),
    }


def rate_of(f, size, batch, clock, seconds=0.5):
    """Mpixel/s of the median of calls."""
    f()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        begin = clock()
        f()
        times.append(clock() - begin)
    return batch * size * size / 1e6 / statistics.median(times)


def by_bench(options, size, batch):
    return lambda: bench(options.build, f"corrupt/{size}x{size}x{batch}", options.threads)["Mpixel/s"]


def by_package(options, size, batch):
    import dae
    dae.set_threads(options.threads)
    corruption = dae.Corruption()
    images = np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    steps = itertools.count()
    return lambda: rate_of(lambda: corruption(images, next(steps)), size, batch, options.clock)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release", help="where `bench` was built")
    parser.add_argument("--python", action="store_true", help="ours is the package that is installed here, not `bench`")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    options = parser.parse_args()
    options.clock = clock_of(options)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    results = {"what": "corruption of a batch, Mpixel/s, median of rounds", **machine(), "threads": options.threads,
               "ours": "from Python" if options.python else "bench",
               "versions": {m.__name__: m.__version__ for m in (torch, torchvision, cv2, albumentations, kornia)}, "sizes": {}}
    for size, batch in ((64, 1), (64, 16), (512, 8)) if options.python else ((64, 64), (512, 8)):
        peers = candidates(size, batch)
        ours = (by_package if options.python else by_bench)(options, size, batch)
        rates = {name: [] for name in ("ours", *peers)}
        for _ in range(options.rounds):
            rates["ours"].append(ours())
            for name, f in peers.items():
                rates[name].append(rate_of(f, size, batch, options.clock))
        medians = {name: round(statistics.median(values), 1) for name, values in rates.items()}
        best = max(value for name, value in medians.items() if name != "ours")
        results["sizes"][f"{size}x{size}x{batch}"] = {**medians, "ratio_to_best": round(medians["ours"] / best, 1)}
        print(size, medians, f"ours / best of the others: {medians['ours'] / best:.1f}", flush=True)
    save(results, options.json)


if __name__ == "__main__":
    main()
