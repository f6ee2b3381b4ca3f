#!/usr/bin/env python3
"""Writes what tools/gpu_acceptance.sh found: acceptance.json and summary.md.

  python3 tools/acceptance_report.py WORK OUT

WORK has machine.tsv, items.tsv and results/; parts that OUT/acceptance.json has from earlier runs and
WORK has not are kept. What was not measured reads "waiting for a GPU".
"""
import csv
import datetime
import json
import pathlib
import sys

WAITING = "waiting for a GPU"


# --- Reading --------------------------------------------------------------------------------------
def benchmarks(path):
    """Median and spread of each benchmark of a file that `bench --json` wrote."""
    data = json.loads(path.read_text())
    found = {}
    for run in data["benchmarks"]:
        name = run["run_name"].split("/iterations:")[0].removesuffix("/real_time").removesuffix("/manual_time")
        entry = found.setdefault(name, {})
        if run.get("aggregate_name") == "median":
            scale = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}[run["time_unit"]]
            entry["seconds"] = run["real_time"] * scale
            counters = ("GB/s", "GFLOP/s", "Mpixel/s", "images/s", "roofline", "graph_ms", "host_gap")
            entry.update({key: run[key] for key in counters if key in run})
        elif run.get("aggregate_name") == "cv":
            entry["spread"] = run["real_time"]
    return {"context": {k: v for k, v in data["context"].items() if isinstance(v, str)}, "benchmarks": found}


def counters(path):
    """Rows of `ncu --csv --page raw`: a header, a row of units, a row a kernel."""
    lines = path.read_text(errors="replace").splitlines()
    begin = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), None)
    if begin is None:
        return []
    rows = list(csv.DictReader(lines[begin:]))
    number = lambda row, key: float((row.get(key) or "nan").replace(",", ""))
    table = []
    for row in rows[1:]:
        seconds = number(row, "gpu__time_duration.sum") * 1e-9
        table.append({
            "kernel": row["Kernel Name"], "us": seconds * 1e6,
            "GB/s": number(row, "dram__bytes.sum") / seconds / 1e9,
            "memory %": number(row, "dram__throughput.avg.pct_of_peak_sustained_elapsed"),
            "SM %": number(row, "sm__throughput.avg.pct_of_peak_sustained_elapsed"),
            "L2 hits %": number(row, "lts__t_sector_hit_rate.pct"),
            "active warps %": number(row, "sm__warps_active.avg.pct_of_peak_sustained_active"),
            "registers": number(row, "launch__registers_per_thread")})
    return table


def training(run):
    """The last line of a run folder's metrics."""
    with open(run / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    return rows[-1] if rows else {}


def read_results(folder):
    results = {}
    for path in sorted(folder.glob("*.json")):
        try:
            results[path.stem] = json.loads(path.read_text()) if path.stem == "peers" else benchmarks(path)
        except (ValueError, KeyError) as error:  # cut off: its item says so
            print(f"{path.name}: {error}", file=sys.stderr)
    for path in sorted(folder.glob("*.csv")):
        results[path.stem] = counters(path)
    if (folder / "run" / "metrics.csv").exists():
        results["training"] = training(folder / "run")
    return results


def read_items(work):
    parts = {}
    if (work / "items.tsv").exists():
        for line in (work / "items.tsv").read_text(errors="replace").splitlines():
            part, name, status, seconds, note, command = line.split("\t")
            parts.setdefault(part, []).append(
                {"name": name, "status": status, "seconds": int(seconds), "note": note, "command": command})
    return parts


# --- Writing --------------------------------------------------------------------------------------
def table(header, rows):
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)] + [
        "| " + " | ".join(str(cell).replace("|", "/") for cell in row) + " |" for row in rows] + [""]


def number(value, digits=3):
    if not isinstance(value, (int, float)):
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def percent(value):
    return f"{100 * value:.0f} %" if isinstance(value, (int, float)) else "-"


def best(results, choose):
    """The least of what `choose` gives for the benchmarks of all files, with its name."""
    found = [(value, stem if stem.startswith("step-") else name) for stem, result in results.items() if isinstance(result, dict) and "benchmarks" in result
             for name, entry in result["benchmarks"].items() for value in [choose(name, entry)] if value is not None]
    return min(found, default=None)


def targets(results):
    """What the CUDA step has to reach on an H100 or H200, and what was found."""
    rows = []

    def row(text, found, enough, show):
        rows.append((text, WAITING) if found is None else
                    (text, f"{show(found[0])} ({found[1]}): {'reached' if found[0] >= enough else 'missed'}"))

    cases = results.get("peers", {}).get("cases", {})
    ratios = [(case["ratio"], name) for name, case in cases.items() if isinstance(case, dict) and "ratio" in case]
    row("whole step against PyTorch's best mode: 1.5, the least", min(ratios, default=None), 1.5, number)

    def step_roofline(name, entry):
        return entry.get("roofline") if name.endswith("/train_step") else None
    large = {k: v for k, v in results.items() if k.startswith("step-") and int(k.split("-")[2]) >= 256}
    row("whole step: 45 % of the sum of each op's roofline, at batch 256 and more, the least",
        best(large, step_roofline), 0.45, percent)
    pixels = [(e["Mpixel/s"] / 1e3, n) for n, e in results.get("kernels-bf16", {}).get("benchmarks", {}).items()
              if "Mpixel/s" in e]
    row("corruption: 40 Gpixel/s", max(pixels, default=None), 40, number)

    def copies(name, entry):
        ops = ("kernel/upsample", "kernel/add", "kernel/relu", "kernel/sigmoid", "kernel/residual", "kernel/bias")
        return entry.get("roofline") if name.startswith(ops) or name.split("/")[1:2] == ["adam"] else None
    row("Adam, upsampling, losses, activations: 85 % of measured copy bandwidth, the least", best(results, copies),
        0.85, percent)
    return table(["what must be reached", "found"], rows)


def measured_by(context):
    return (f"{context.get('gpu', context['device'])}, {context['date']}, `{context['command']}`; ceilings of this run: "
            f"copy {float(context['copy_bytes_per_second']) / 1e9:.0f} GB/s, "
            f"{context['precision']} product {float(context['matmul_flops_per_second']) / 1e12:.1f} TFLOP/s")


def step_table(results):
    """All training steps in one table."""
    rows, contexts = [], []
    for stem, result in results.items():
        for name, e in result["benchmarks"].items() if stem.startswith("step-") else ():
            if "seconds" in e and "images/s" in e:
                rows.append([*stem.split("-")[1:], number(e["seconds"] * 1e3, 4), percent(e.get("spread")),
                             number(e["images/s"], 4), number(e.get("graph_ms"), 4), percent(e.get("host_gap")),
                             percent(e.get("roofline"))])
                contexts.append(result["context"])
    if not rows:
        return []
    return ["### Training steps", "", "One of them: " + measured_by(contexts[0]), ""] + table(
        ["model", "batch", "size", "precision", "ms", "spread", "images/s", "graph alone, ms", "host's share",
         "of the sum of its ops' rooflines"], rows)


def op_tables(results):
    lines = []
    for stem, result in results.items():
        if not isinstance(result, dict) or "benchmarks" not in result or stem.startswith("step-"):
            continue
        lines += [f"### {stem}", "", measured_by(result["context"]), ""]
        rows = [[name, number(e["seconds"] * 1e6, 4), percent(e.get("spread")), number(e.get("GB/s"), 4),
                 number(e["GFLOP/s"] / 1e3) if "GFLOP/s" in e else "-",
                 number(e["Mpixel/s"] / 1e3) if "Mpixel/s" in e else "-", percent(e.get("roofline"))]
                for name, e in result["benchmarks"].items() if "seconds" in e]
        lines += table(["what", "us", "spread", "GB/s", "TFLOP/s", "Gpixel/s", "of the roofline"], rows)
    return lines


def peer_tables(results):
    peers = results.get("peers")
    if not peers:
        return []
    lines = [f"### PyTorch {peers['torch']}, {peers['precision']}, images/s, medians; {peers['gpu']}", ""]
    rows = []
    for case, result in peers["cases"].items():
        if not isinstance(result, dict) or "median" not in result:
            rows.append([case, "", result if isinstance(result, str) else "rehearsed", ""])
            continue
        rest = ", ".join(f"{mode} {number(value, 4)}" for mode, value in result["median"].items() if mode != "ours")
        missing = "; ".join(f"{mode}: {why}" for mode, why in result["not measured"].items())
        rows.append([case, number(result["median"]["ours"], 4), rest + (f" ({missing})" if missing else ""),
                     number(result.get("ratio"))])
    lines += table(["model, batch, size", "ours", "PyTorch", "ours / its best"], rows)
    return lines + [f"Equal steps first: {json.dumps(peers['equal'])}", ""]


def counter_tables(results):
    lines = []
    for stem, rows in results.items():
        if not isinstance(rows, list) or not rows:
            continue
        rows = sorted(rows, key=lambda row: -row["us"])[:40]
        lines += [f"### {stem}: Nsight Compute, the 40 that take longest", ""]
        lines += table(list(rows[0]), [[v if isinstance(v, str) else number(v) for v in row.values()] for row in rows])
    return lines


def summary(report):
    results = report["results"]
    lines = ["# GPU acceptance", "", "Each part says where and when; its figures were measured there and then.", ""]
    for part, entry in report["parts"].items():
        items, machine, counts = entry["items"], entry["machine"], {}
        for item in items:
            counts[item["status"]] = counts.get(item["status"], 0) + 1
        where = f"{machine['gpu']}, driver {machine['driver']}" if machine["gpu"] else f"no GPU ({machine['why']})"
        lines += [f"## Part {part}: " + ", ".join(f"{n} {status}" for status, n in counts.items()), "",
                  f"{where}; commit {machine['commit']}; {entry['date']}", ""]
        lines += table(["item", "status", "s", "note"],
                       [[i["name"], i["status"], i["seconds"], i["note"]] for i in items])
    lines += ["## Targets", "", *targets(results)]
    if "training" in results:
        lines += ["## Two minutes of training", "", *table(list(results["training"]), [results["training"].values()])]
    lines += ["## Figures", "", *step_table(results), *op_tables(results), *peer_tables(results), *counter_tables(results)]
    lines += ["## Commands", ""]
    for part, entry in report["parts"].items():
        lines += [f"- {part}, {item['name']}: `{item['command']}`" for item in entry["items"] if item["command"]]
    return "\n".join(lines) + "\n"


def main():
    work, out = map(pathlib.Path, sys.argv[1:])
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    path = out / "acceptance.json"
    report = json.loads(path.read_text()) if path.exists() else {"parts": {}, "results": {}}
    machine = dict(line.split("\t", 1) for line in (work / "machine.tsv").read_text().splitlines())
    for part, items in read_items(work).items():
        report["parts"][part] = {"date": date, "machine": machine, "items": items}
    report["parts"] = dict(sorted(report["parts"].items()))
    report["results"].update(read_results(work / "results"))
    path.write_text(json.dumps(report, indent=1) + "\n")
    (out / "summary.md").write_text(summary(report))


if __name__ == "__main__":
    main()
