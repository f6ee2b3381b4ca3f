"""Runs this project's `bench` and reads what it measured."""
import json
import pathlib
import re
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def bench(build, name, threads=0, repetitions=3, seconds=0.5, options=()):
    """The counters and the median seconds of the benchmark called exactly `name`."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [f"{build}/bench", f"^{re.escape(name)}/(iterations:[0-9]+/)?(real|manual)_time", "--json", file.name, "--threads", str(threads),
                   "--repetitions", str(repetitions), "--seconds", str(seconds), *options]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        results = json.load(open(file.name))["benchmarks"]
    median = next((r for r in results if r.get("aggregate_name") == "median"), results[0])
    scale = {"ms": 1e-3, "us": 1e-6}[median["time_unit"]]
    counters = ("graph_ms", "host_gap", "roofline")
    return {"seconds": median["real_time"] * scale,
            **{k: v for k, v in median.items() if "/s" in k or k in counters}}


def clock_of(options):
    """What times a call: from Python, a single thread's own time, to which other work on the machine adds nothing."""
    return time.process_time if options.python and options.threads == 1 else time.perf_counter


def commit():
    try:
        return subprocess.check_output(["git", "-C", ROOT, "describe", "--always", "--dirty"], text=True,
                                       stderr=subprocess.DEVNULL).strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"  # a copy of the files alone


def machine():
    """What a recorded figure must say about where it was measured."""
    cpu = dict(line.split(":", 1) for line in subprocess.check_output(["lscpu"], text=True).splitlines() if ":" in line)
    flags = cpu["Flags"].split()
    return {
        "cpu": cpu["Model name"].strip(),
        "cores": int(cpu["CPU(s)"]),
        "instructions": "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "older",
        "date": subprocess.check_output(["date", "+%Y-%m-%d"], text=True).strip(),
        "commit": commit(),
    }


def save(results, path):
    """Writes them as JSON, if a path was given."""
    if path:
        pathlib.Path(path).write_text(json.dumps(results, indent=1) + "\n")
