#!/usr/bin/env python3
"""Images a second of a whole training step (corruption, forward, backward, Adam), ours and PyTorch's.

  python3 profiling/peers/train_step.py --build build/release --json profiling/results/NAME.json

The two run in turns, so that a machine that slows down slows both; the median of the rounds counts.
PyTorch is given its best of three modes: plain, channels_last, and torch.compile on channels_last.
"""
import argparse
import statistics
import time

import torch
import torch.nn.functional as F

from corruption import corrupt
from models import make
from ours import bench, machine, save

BATCH, SIZE = 16, 64
MODES = ("nchw", "channels_last", "compile")


class Step:
    def __init__(self, name, mode):
        torch.manual_seed(0)
        self.format = torch.contiguous_format if mode == "nchw" else torch.channels_last
        self.model = make(name).to(memory_format=self.format)
        self.forward = torch.compile(self.model) if mode == "compile" else self.model
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-3, fused=True)
        self.clean = torch.randint(0, 256, (BATCH, 3, SIZE, SIZE), dtype=torch.uint8)

    def __call__(self):
        x = corrupt(self.clean).contiguous(memory_format=self.format)
        loss = F.mse_loss(self.forward(x), self.clean.float() / 255)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()

    def images_per_second(self, seconds):
        done, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < seconds:
            self()
            done += 1
        return done * BATCH / (time.perf_counter() - begin)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release", help="where `bench` was built")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results = {"what": "training step, 16 crops of 64x64, fp32, images/s, median of rounds",
               **machine(), "threads": options.threads, "torch": torch.__version__, "models": {}}
    for name in ("fc", "conv", "unet"):
        steps = {mode: Step(name, mode) for mode in MODES}
        for step in steps.values():
            for _ in range(3):
                step()
        rates = {mode: [] for mode in ("ours", *MODES)}
        for _ in range(options.rounds):
            rates["ours"].append(bench(options.build, f"{name}/train_step", options.threads, 3,
                                       options.seconds / 3)["images/s"])
            for mode, step in steps.items():
                rates[mode].append(step.images_per_second(options.seconds))
        medians = {mode: round(statistics.median(values), 1) for mode, values in rates.items()}
        best = max(medians[mode] for mode in MODES)
        results["models"][name] = {**medians, "ratio_to_best": round(medians["ours"] / best, 2),
                                   "rounds": {m: [round(v, 1) for v in values] for m, values in rates.items()}}
        print(name, medians, f"ours / best of PyTorch: {medians['ours'] / best:.2f}", flush=True)
    save(results, options.json)


if __name__ == "__main__":
    main()
