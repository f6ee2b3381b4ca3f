#!/usr/bin/env python3
"""Pairs of values and the 95% interval of their mean difference: tests/fixtures/intervals.json.

Run `python3 tests/make_interval_fixtures.py` (needs numpy, scipy). Intervals are those of scipy's paired
t-test.
"""
import json
import pathlib

import numpy as np
from scipy.stats import ttest_rel


def entry(rng, count, shift):
    """Pairs that share most of their spread, as runs of one seed do."""
    common = rng.normal(20, 3, count)
    a, b = common + shift + rng.normal(0, 0.2, count), common + rng.normal(0, 0.2, count)
    interval = ttest_rel(a, b).confidence_interval(0.95)
    return {"a": a.tolist(), "b": b.tolist(), "mean": float(np.mean(a - b)),
            "low": float(interval.low), "high": float(interval.high)}


def main():
    rng = np.random.default_rng(1908)
    cases = [(2, 0.1), (3, 0.5), (5, 0.0), (5, 0.8), (8, -0.4), (30, 0.2), (200, -0.1)]
    path = pathlib.Path(__file__).parent / "fixtures" / "intervals.json"
    with open(path, "w", encoding="ascii") as file:
        json.dump([entry(rng, *case) for case in cases], file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
