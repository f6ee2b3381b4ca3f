#!/usr/bin/env python3
"""Images a second of a whole training step on a GPU, ours and PyTorch's, at one precision.

  python3 profiling/peers/gpu_train_step.py --build build/release --precision bf16 --json NAME.json
  python3 profiling/peers/gpu_train_step.py --build build/release --rehearse      tiny, on the CPU
  python3 profiling/peers/gpu_train_step.py --compile-only --models unet --cases 256x64

First both sides do one step of each model from equal weights on an equal batch: loss, gradients and
Adam's update must agree, or that model is not timed. Then for each model, batch and size `bench` (ours)
is timed before and after PyTorch's modes, so that a GPU that slows down slows both. The modes that are
usually fastest come first, since time may run out:

  graph          channels_last, the whole step captured into one CUDA graph
  compile_graph  the same of what torch.compile makes of corruption, network and loss
  compile        torch.compile alone
  channels_last  the layout that cuDNN likes
  eager          NCHW, as one writes it first

Both sides corrupt, run forward and backward, clip, step Adam and average the weights. PyTorch's batch
stays on the GPU and is not cropped or flipped; ours is. Cases are taken in order of importance until
--budget seconds are over; what is left reads "out of time". Compiling is not timed; --compile-only does
nothing else, so that a later run finds what it needs in TORCHINDUCTOR_CACHE_DIR.
"""
import argparse
import gc
import pathlib
import statistics
import subprocess
import tempfile
import time

import torch
import torch.nn.functional as F

from corruption import corrupt
from exchange import Dumped, relative
from models import make
from ours import bench, machine, save

MODES = ("graph", "compile_graph", "compile", "channels_last", "eager")
DECAY = 0.999
# What one step may differ by: relative, of the loss and of all gradients together. fp32 sums in
# another order. bf16 keeps 8 bits and rounds in other places: PyTorch's bf16 against our fp32, on a
# CPU, differed by up to 4e-4 and 3.5e-2.
TOLERANCE = {"fp32": (1e-5, 1e-3), "bf16": (2e-3, 1e-1)}


class Step:
    """A training step of PyTorch in one of the modes."""

    def __init__(self, name, mode, batch, size, precision, device):
        torch.manual_seed(0)
        self.device, self.precision = device, precision
        self.format = torch.contiguous_format if mode == "eager" else torch.channels_last
        self.model = make(name, size=size).to(device).to(memory_format=self.format)
        self.parameters = list(self.model.parameters())
        self.average = [p.detach().clone() for p in self.parameters]
        self.optimizer = torch.optim.Adam(self.parameters, 1e-3, fused=True, capturable=device.type == "cuda")
        self.clean = torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8, device=device)
        self.forward = torch.compile(self.corrupted_loss) if mode.startswith("compile") else self.corrupted_loss
        self.graph = None
        if mode.endswith("graph"):
            self.capture()

    def loss(self, x, clean):
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            y = self.model(x)
        return F.mse_loss(y.float(), clean.float() / 255)

    def corrupted_loss(self, clean):
        return self.loss(corrupt(clean).contiguous(memory_format=self.format), clean)

    def update(self):
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.parameters, 1 - DECAY)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        self.forward(self.clean).backward()
        self.update()

    def capture(self):
        side = torch.cuda.Stream()  # as PyTorch's documentation asks: warmed up on another stream
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.step()

    def seconds(self, steps):
        run = self.graph.replay if self.graph else self.step
        wait = torch.cuda.synchronize if self.device.type == "cuda" else lambda: None
        wait()
        begin = time.perf_counter()
        for _ in range(steps):
            run()
        wait()
        return (time.perf_counter() - begin) / steps


def forget(device):
    """What one mode leaves behind must not weigh on the next."""
    torch._dynamo.reset()
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def compile_only(options, models, cases, device):
    """Has every compiled mode of these cases compiled, which are all the same code, and times nothing.
    Returns the names of the cases that failed."""
    # Which of a kernel's variants is fastest must not be chosen while others use the GPU: the variants
    # are compiled here, the choice is left to the run that is timed.
    torch._inductor.config.autotune_local_cache = False
    failed = []
    for batch, size in cases if set(options.modes.split(",")) & {"compile", "compile_graph"} else ():
        for name in models:
            begin, key = time.perf_counter(), f"{name} {batch}x{size}"
            try:
                Step(name, "compile", batch, size, options.precision, device).step()
                print(f"{key}: compiled in {time.perf_counter() - begin:.1f} s", flush=True)
            except Exception as error:  # the run that is timed says so again; others go on
                print(f"{key}: {type(error).__name__}: {error}", flush=True)
                failed.append(key)
            forget(device)
    return failed


def check_equal(options, name, size, device):
    """One step of ours, repeated by PyTorch. Returns the differences; raises RuntimeError if they are large."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "step.safetensors"
        command = [f"{options.build}/dump_step", "--model", name, "--size", str(size), "--batch", "4",
                   "--device", device.type, "--precision", options.precision, "--out", path]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        step = Step(name, "channels_last", 4, size, options.precision, device)
        ours = Dumped(path, step.model, device)
    named = dict(step.model.named_parameters())
    with torch.no_grad():
        for key, p in named.items():
            p.copy_(ours.weights[key])
    loss = step.loss(ours.corrupted.contiguous(memory_format=step.format), ours.clean)
    loss.backward()
    found = {"loss": abs(loss.item() - ours.loss) / ours.loss,
             "gradients": relative(ours.gradients, {k: p.grad for k, p in named.items()})}
    # Adam's first step is the sign of the gradient, so it is compared on our gradients.
    for key, p in named.items():
        p.grad.copy_(ours.gradients[key])
    step.optimizer.param_groups[0]["lr"] = ours.learning_rate
    step.update()
    moved = {k: ours.after[k] - ours.weights[k] for k in named}
    found["update"] = relative(moved, {k: p.detach() - ours.weights[k] for k, p in named.items()})
    most_loss, most_gradients = TOLERANCE[options.precision]
    if not (found["loss"] < most_loss and found["gradients"] < most_gradients and found["update"] < 1e-3):
        raise RuntimeError(f"{name} {options.precision}: the two sides do not compute the same step: {found}")
    return found


def time_mode(case, mode, options, device):
    """Images a second, one figure a round."""
    name, batch, size = case
    step = Step(name, mode, batch, size, options.precision, device)
    step.seconds(1 if options.rehearse else 3)
    count = 1 if options.rehearse else max(3, int(options.seconds / step.seconds(3)))
    return [batch / step.seconds(count) for _ in range(options.rounds)]


def time_ours(case, options, device):
    name, batch, size = case
    more = ["--device", device.type, "--precision", options.precision, "--model", name, "--batch", str(batch),
            "--size", str(size)]
    return bench(options.build, f"{name}/train_step", 0, 1, options.seconds,
                 more + (["--once"] if options.rehearse else []))


def compare(case, options, device, deadline):
    modes = [m for m in options.modes.split(",") if device.type == "cuda" or not m.endswith("graph")]
    ours, rounds, failed = [time_ours(case, options, device)], {}, {}
    for mode in modes:
        if time.monotonic() > deadline:
            failed[mode] = "out of time"
            continue
        try:
            rounds[mode] = time_mode(case, mode, options, device)
        except Exception as error:  # a mode that this PyTorch cannot do, or that does not fit
            failed[mode] = f"{type(error).__name__}: {error}".splitlines()[0]
        forget(device)
    ours.append(time_ours(case, options, device))
    if options.rehearse:
        return {"ran": ["ours", *rounds], "not measured": failed}
    result = {"rounds": {"ours": [o["images/s"] for o in ours], **rounds}, "not measured": failed,
              "host_gap": ours[-1].get("host_gap")}
    result["median"] = {side: statistics.median(values) for side, values in result["rounds"].items()}
    best = max(rounds, key=lambda mode: result["median"][mode], default=None)
    if best:
        result["best"], result["ratio"] = best, result["median"]["ours"] / result["median"][best]
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release", help="where `bench` and `dump_step` were built")
    parser.add_argument("--precision", default="bf16", choices=TOLERANCE)
    parser.add_argument("--models", default="unet,conv,fc")
    parser.add_argument("--cases", default="256x64,64x64,1024x64,256x128,64x128,1024x128", help="BATCHxSIZE,...")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1, help="a round")
    parser.add_argument("--budget", type=float, default=float("inf"), help="seconds after which nothing new begins")
    parser.add_argument("--compile-only", action="store_true", help="have what is compiled ready on disk; times nothing")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, one tiny step: its times mean nothing")
    parser.add_argument("--json")
    options = parser.parse_args()
    if unknown := set(options.modes.split(",")) - set(MODES):
        parser.error(f"--modes: there is no {', '.join(sorted(unknown))}")
    deadline = time.monotonic() + options.budget
    device = torch.device("cpu" if options.rehearse else "cuda")
    if options.rehearse:
        options.precision, options.cases, options.rounds = "fp32", "2x16", 1
    elif not torch.cuda.is_available():
        raise SystemExit("no usable GPU for PyTorch")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    models = options.models.split(",")
    cases = [tuple(map(int, case.split("x"))) for case in options.cases.split(",")]
    if options.compile_only:
        if failed := compile_only(options, models, cases, device):
            raise SystemExit(f"not compiled: {', '.join(failed)}")
        return
    torch.backends.cudnn.benchmark = True
    results = {"what": "training step, images/s, medians of rounds", **machine(), "torch": torch.__version__,
               "gpu": "none: a rehearsal" if options.rehearse else torch.cuda.get_device_name(),
               "precision": options.precision, "equal": {}, "cases": {}}

    different = []
    for name in models:
        try:
            results["equal"][name] = check_equal(options, name, cases[0][1], device)
        except RuntimeError as error:
            results["equal"][name] = str(error)
            different.append(name)
        print(name, "one step, relative differences:", results["equal"][name], flush=True)
        save(results, options.json)
    for batch, size in cases:
        for name in [name for name in models if name not in different]:
            key = f"{name} {batch}x{size}"
            if time.monotonic() > deadline:
                results["cases"][key] = "out of time"
            else:
                try:
                    result = compare((name, batch, size), options, device, deadline)
                    line = ", ".join(f"{side} {value:.0f}" for side, value in result.get("median", {}).items())
                except SystemExit as error:  # ours did not run: it does not fit, say
                    result = line = str(error).strip()
                results["cases"][key] = result
                print(f"{key}: {line or result}", flush=True)
            save(results, options.json)
    if different:
        raise SystemExit(f"not timed, since the steps differ: {', '.join(different)}")


if __name__ == "__main__":
    main()
