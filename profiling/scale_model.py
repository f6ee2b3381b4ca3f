#!/usr/bin/env python3
"""How long a step takes on R ranks: a model, its constants measured here, and what it says of more.

  python3 profiling/scale_model.py BUILD [--turns 3] [--batch 16] [TRAIN_CUDA'S OPTIONS]

On one thread a process computes a step of b crops in a + b c seconds: a is what a step costs however small it is, Adam
above all. Two processes that compute side by side take m times as long. On R ranks, a batch of B in R shards, on C cores,

  T(R) = max(1, R / C) m (a + B / R c) + X(R)        X(R) = 2 (R - 1) l + 8 P (R - 1) / R / w

X is the exchange: each rank gives every other its part of the sums, and then of the means; a message costs l, a byte 1 / w.
a and c are from one process with batches of B / 4 and B; m from two processes that know nothing of each other; l and w from
two ranks that have next to nothing to compute, with a small and a large network. T(2) and T(4) are then measured, and held
against it. Every time is the median step of a run. Machines change within minutes, which moves a turn's constants, a above
all: the last row has the medians of all turns, and it counts.
"""
import argparse
import csv
import os
import pathlib
import re
import statistics
import subprocess
import tempfile

CORES = len(os.sched_getaffinity(0))
ENVIRONMENT = os.environ | {"GOMP_SPINCOUNT": "1000", "OMPI_ALLOW_RUN_AS_ROOT": "1",
                            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
TINY = ["--size", "8"]  # next to nothing to compute


class Machine:
    def __init__(self, build, options):
        self.program = pathlib.Path(build).resolve() / "train_cuda"
        self.options = ["--dataset", "synthetic", "--device", "cpu", "--threads", "1", "--save-every", "1000", *options]
        self.folder = tempfile.TemporaryDirectory()
        self.runs = 0

    def start(self, ranks, batch, steps, options=()):
        self.runs += 1
        run = pathlib.Path(self.folder.name) / str(self.runs)
        launcher = [] if ranks == 1 else ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", str(ranks)]
        command = [*launcher, str(self.program), *self.options, "--batch", str(batch), "--steps", str(steps), *options,
                   "--out", str(run)]
        return run, batch, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                            env=ENVIRONMENT)

    def seconds(self, started):
        """Of the median step; and the number of the network's weights."""
        run, batch, process = started
        said = process.communicate()[0]
        if process.returncode:
            raise SystemExit(said)
        weights = int(re.search(r"([0-9]+) weights", said).group(1))
        with open(run / "metrics.csv") as file:
            rates = [float(row["images_per_second"]) for row in csv.DictReader(file)]
        return batch / statistics.median(rates), weights

    def step(self, *what, **options):
        return self.seconds(self.start(*what, **options))


def turn(machine, batch):
    """The constants, and T(2) and T(4) by the clock."""
    small, weights = machine.step(1, batch // 4, 24)
    large = machine.step(1, batch, 12)[0]
    c = (large - small) / (batch - batch // 4)
    a = small - batch // 4 * c
    pair = [machine.start(1, batch // 2, 20) for _ in range(2)]
    m = statistics.mean([machine.seconds(one)[0] for one in pair]) / (a + batch // 2 * c)

    exchanges = []
    for width in (4, 32):
        options = [*TINY, "--width", str(width)]
        alone, of = machine.step(1, 1, 100, options=options)
        exchanges.append((machine.step(2, 2, 100, options=options)[0] - m * alone, of))
    (short, few), (long, many) = exchanges
    a_byte = max(long - short, 0) / (4 * (many - few))
    return {"a": a, "c": c, "m": m, "l": max((short - 4 * few * a_byte) / 2, 0), "1 / w": a_byte, "P": weights,
            **{f"T({ranks})": machine.step(ranks, batch, 16)[0] for ranks in (2, 4)}}


def model(t, batch, ranks):
    """Seconds of a step, of which the exchange."""
    exchange = 2 * (ranks - 1) * t["l"] + 8 * t["P"] * (ranks - 1) / ranks * t["1 / w"]
    return max(1, ranks / CORES) * t["m"] * (t["a"] + batch / ranks * t["c"]) + exchange, exchange


def show(name, t, batch):
    cells = [f"{1e3 * t['a']:.1f}", f"{1e3 * t['c']:.2f}", f"{t['m']:.2f}", f"{1e3 * t['l']:.3f}",
             f"{1e9 * t['1 / w']:.2f}"]
    for ranks in (2, 4):
        whole, exchange = model(t, batch, ranks)
        measured = t[f"T({ranks})"]
        cells.append(f"{1e3 * whole:.0f} ({1e3 * exchange:.0f}), {1e3 * measured:.0f}, {whole / measured:.2f}")
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    known, options = parser.parse_known_args()
    machine = Machine(known.build, options)
    print(f"{CORES} cores; milliseconds; of T: by the model (of which the exchange), measured, model / measured")
    print("| turn | a | c | m | l | 1 / w, a MB | T(2) | T(4) |\n|---|---|---|---|---|---|---|---|")
    turns = []
    for number in range(1, known.turns + 1):
        turns.append(turn(machine, known.batch))
        show(number, turns[-1], known.batch)
    medians = {name: statistics.median(t[name] for t in turns) for name in turns[0]}
    show("medians", medians, known.batch)
    print(f"{medians['P']} weights")


if __name__ == "__main__":
    main()
