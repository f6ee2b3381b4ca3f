#!/usr/bin/env python3
"""What a call of the corruption from Python costs beside its own work, in microseconds.

  python profiling/python_overhead.py      (with the package installed)

A batch of 16 crops of 64x64. The work alone is timed by what differs between it and a batch of no pictures: an
empty batch passes through all of the call, its checks and its exchange of arrays, and does no work. Best and median
of many calls, on as many threads as there are.
"""
import statistics
import time

import numpy as np

import dae


def microseconds(call, calls=2000):
    for _ in range(50):
        call()
    times = []
    for _ in range(calls):
        begin = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - begin) / 1000)
    return min(times), statistics.median(times)


def main():
    corruption = dae.Corruption()
    pictures = np.random.default_rng(1).integers(0, 256, (16, 64, 64, 3), dtype=np.uint8)
    cases = {"numpy": pictures}
    try:
        import torch
        cases["torch"] = torch.from_numpy(pictures)
    except ImportError:
        pass
    for name, given in cases.items():
        out = corruption(given)
        for what, call in {"whole call": lambda: corruption(given, 3),
                           "into out": lambda: corruption(given, 3, out=out),
                           "no pictures": lambda: corruption(given[:0], 3)}.items():
            best, median = microseconds(call)
            print(f"{name:6} {what:12} {best:8.1f} best {median:8.1f} median")


if __name__ == "__main__":
    main()
