"""Reads what the items left: JSON of `bench` and of the peers, Nsight Compute's tables, metrics of a run."""
import csv
import json
import math

COUNTERS = ("GB/s", "GFLOP/s", "Mpixel/s", "images/s", "roofline", "graph_ms", "host_gap")
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}


def load_cut_off(text):
    """JSON of a `bench` that was ended: what stands before its last whole benchmark's end."""
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(text[:text.rindex("\n    }")] + "\n    }\n  ]\n}")


def benchmarks(path):
    """Median and spread of each benchmark of a file that `bench --json` wrote. A benchmark that ran once
    has no median: its one run stands for it."""
    data = load_cut_off(path.read_text())
    found = {}
    for run in data["benchmarks"]:
        name = run["run_name"].split("/iterations:")[0].removesuffix("/real_time").removesuffix("/manual_time")
        entry = found.setdefault(name, {})
        if run.get("error_occurred"):
            entry["error"] = run.get("error_message", "failed")
        elif run.get("aggregate_name") == "median" or run["run_type"] == "iteration" and "seconds" not in entry:
            entry["seconds"] = run["real_time"] * SECONDS[run["time_unit"]]
            entry.update({key: run[key] for key in COUNTERS if key in run})
        elif run.get("aggregate_name") == "cv":
            entry["spread"] = run["real_time"]
    context = {key: value for key, value in data["context"].items() if isinstance(value, str)}
    return {"context": context, "benchmarks": found}


def counters(path):
    """Rows of `ncu --csv --page raw`: a header, a row of units, a row a kernel."""
    lines = path.read_text(errors="replace").splitlines()
    begin = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), None)
    if begin is None:
        return []

    def number(row, key):
        text = (row.get(key) or "").replace(",", "")
        return float(text) if text not in ("", "n/a", "nan") else None

    shown = {"memory %": "dram__throughput.avg.pct_of_peak_sustained_elapsed",
             "SM %": "sm__throughput.avg.pct_of_peak_sustained_elapsed",
             "L2 hits %": "lts__t_sector_hit_rate.pct",
             "active warps %": "sm__warps_active.avg.pct_of_peak_sustained_active",
             "registers": "launch__registers_per_thread"}
    table = []
    for row in list(csv.DictReader(lines[begin:]))[1:]:
        ns, moved = number(row, "gpu__time_duration.sum"), number(row, "dram__bytes.sum")
        if ns is None:
            continue  # cut off in the middle of a line
        table.append({"kernel": row["Kernel Name"], "us": ns / 1e3,
                      "GB/s": moved / ns if moved is not None and ns > 0 else None,
                      **{name: number(row, key) for name, key in shown.items() if key in row}})
    return table


def training(run):
    """Of a run folder's metrics the last line, with the last validation and its step."""
    with open(run / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    validated = [row for row in rows if row.get("validation_psnr")]
    last = dict(rows[-1]) if rows else {}
    if validated:
        last.update({"validation_psnr": validated[-1]["validation_psnr"], "validated at step": validated[-1]["step"]})
    return last


# --- What is wrong with what an item left, or "" ----------------------------------------------------
def no_benchmarks(path, may_skip=False):
    try:
        found = benchmarks(path)["benchmarks"]
    except (OSError, ValueError, KeyError) as error:
        return f"left no benchmarks: {error}"
    errors = [f"{name}: {entry['error']}" for name, entry in found.items() if "error" in entry]
    timed = {name: entry for name, entry in found.items() if "error" not in entry}
    if errors and not (may_skip and timed):
        return errors[0]
    strange = [name for name, entry in timed.items() if not math.isfinite(entry.get("seconds", math.nan))]
    return f"no time of {strange[0]}" if strange else "" if timed else "left no benchmarks"


def no_counters(path):
    try:
        return "" if counters(path) else "no kernel was profiled"
    except OSError as error:
        return f"left no table: {error}"


def no_validation(run):
    try:
        return "" if training(run).get("validation_psnr") else "metrics.csv has no validation"
    except OSError as error:
        return f"left no metrics: {error}"


class Readings:
    """Of a folder of results; a file is read again when it has changed, since this is asked after every
    item."""

    def __init__(self, folder):
        self.folder, self.known = folder, {}

    def read(self):
        found = {}
        sources = [(path.stem, path, json_of) for path in sorted(self.folder.glob("*.json"))]
        sources += [(path.stem, path, counters) for path in sorted(self.folder.glob("*.csv"))]
        sources += [("training", path, lambda path: training(path.parent))
                    for path in self.folder.glob("run/metrics.csv")]
        for stem, path, read in sources:
            status = path.stat()
            key = (status.st_mtime_ns, status.st_size)
            if self.known.get(path, (None,))[0] != key:
                try:
                    self.known[path] = key, read(path)
                except (ValueError, KeyError, IndexError):  # being written, or cut off: its item says so
                    continue
            found[stem] = self.known[path][1]
        return found


def json_of(path):
    return json.loads(path.read_text()) if path.stem.startswith("peers") else benchmarks(path)
