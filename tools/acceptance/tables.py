"""Tables of what was measured, as Markdown, and the figures that are taken from them."""
import json


def table(header, rows):
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)] + [
        "| " + " | ".join(str(cell).replace("|", "/") for cell in row) + " |" for row in rows] + [""]


def number(value, digits=3):
    if not isinstance(value, (int, float)):
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def percent(value):
    return f"{100 * value:.0f} %" if isinstance(value, (int, float)) else "-"


# --- Figures ----------------------------------------------------------------------------------------
def benched(results):
    """(stem, context, name, entry) of every benchmark that has a time."""
    return [(stem, result["context"], name, entry) for stem, result in results.items()
            if isinstance(result, dict) and "benchmarks" in result
            for name, entry in result["benchmarks"].items() if "seconds" in entry]


def ratios(results):
    """Ours over PyTorch's best mode, with the case's name."""
    return [(case["ratio"], name) for result in results.values() if isinstance(result, dict)
            for name, case in result.get("cases", {}).items() if isinstance(case, dict) and "ratio" in case]


def case_of(name, context):
    return f"{name.split('/')[0]} {context['batch']}x{context['size']} {context['precision']}"


def step_rooflines(results, least_batch):
    return [(entry["roofline"], case_of(name, context)) for stem, context, name, entry in benched(results)
            if name.endswith("/train_step") and "roofline" in entry and int(context["batch"]) >= least_batch
            and not stem.startswith("old-")]


def corruption(results):
    return [(entry["Mpixel/s"] / 1e3, name) for stem, _, name, entry in benched(results)
            if "Mpixel/s" in entry and not stem.startswith("old-")]


def copies(results):
    """Shares of the copy bandwidth of kernels that only move memory."""
    ops = ("kernel/upsample", "kernel/add", "kernel/relu", "kernel/sigmoid", "kernel/residual", "kernel/bias")
    return [(entry["roofline"], name) for stem, _, name, entry in benched(results)
            if "roofline" in entry and not stem.startswith("old-")
            and (name.startswith(ops) or name.split("/")[1:2] == ["adam"])]


def pairs(results, choose):
    """{name: {side: [entries]}} of benchmarks for which choose(stem, name) gives a side and a name."""
    found = {}
    for stem, _, name, entry in benched(results):
        if chosen := choose(stem, name):
            side, key = chosen
            found.setdefault(key, {}).setdefault(side, []).append(entry)
    return found


def fused_pairs(results):
    """Times of fusion/FORM/SHAPE/fused and /unfused, and of mma/FORM/SHAPE/ours and /cudnn: (name, fused, unfused)."""
    sides_of = {"fused": "fused", "unfused": "unfused", "ours": "fused", "cudnn": "unfused"}

    def choose(_, name):
        base, _, side = name.rpartition("/")
        return (sides_of[side], base) if name.startswith(("fusion/", "mma/")) and side in sides_of else None
    return [(name, sides["fused"][-1], sides["unfused"][-1]) for name, sides in pairs(results, choose).items()
            if len(sides) == 2]


def old_new_pairs(results):
    """(name, seconds of the old turns, seconds of the new turns)."""
    def choose(stem, name):
        side = stem.partition("-")[0]
        return (side, name) if side in ("old", "new") else None
    return [(name, [e["seconds"] for e in sides["old"]], [e["seconds"] for e in sides["new"]])
            for name, sides in pairs(results, choose).items() if len(sides) == 2]


def mean(values):
    return sum(values) / len(values)


def decided(old, new):
    """How many times faster the new build is; None where the turns of one side reach into the other's."""
    apart = max(old) < min(new) or max(new) < min(old)
    return mean(old) / mean(new) if apart and len(old) + len(new) > 2 else None


def notable(results):
    rows = []
    for stem, context, name, entry in benched(results):
        if name.endswith("/train_step") and stem.split("-")[0] not in ("old", "new"):
            rows.append((f"step of {case_of(name, context)}", f"{number(entry['seconds'] * 1e3, 4)} ms, "
                         f"{number(entry.get('images/s'), 4)} images/s, graph {number(entry.get('graph_ms'), 4)} ms, "
                         f"host gap {percent(entry.get('host_gap'))}"))
    for ratio, name in ratios(results):
        rows.append((f"ours over PyTorch, {name}", number(ratio)))
    fused = [(unfused["seconds"] / fused["seconds"], name) for name, fused, unfused in fused_pairs(results)]
    if fused:
        rows.append(("fused over unfused, best and worst", "; ".join(
            f"{number(ratio)} ({name.removeprefix('fusion/')})" for ratio, name in (max(fused), min(fused)))))
    changes = {name: decided(old, new) for name, old, new in old_new_pairs(results)}
    if changes:
        changed = sorted(((ratio, name) for name, ratio in changes.items() if ratio), key=lambda c: -abs(c[0] - 1))
        rows.append(("new over old, the largest changes", "; ".join(f"{number(r)} ({n})" for r, n in changed[:4]) or
                     "no change larger than the turns' spread"))
    if training := results.get("training"):
        rows.append(("main job", f"validation {training.get('validation_psnr', '-')} dB at step "
                     f"{training.get('validated at step', '-')}, {training.get('images_per_second', '-')} images/s"))
    return rows[:12]


# --- Tables -----------------------------------------------------------------------------------------
def measured_by(context):
    where = context.get("gpu", context["device"])
    return (f"{where}, {context['date']}, `{context['command']}`; ceilings of this run: "
            f"copy {float(context['copy_bytes_per_second']) / 1e9:.0f} GB/s, "
            f"{context['precision']} product {float(context['matmul_flops_per_second']) / 1e12:.1f} TFLOP/s")


def step_table(results):
    """All training steps in one table."""
    rows = [[case_of(name, context), stem, number(e["seconds"] * 1e3, 4), percent(e.get("spread")),
             number(e.get("images/s"), 4), number(e.get("graph_ms"), 4), percent(e.get("host_gap")),
             percent(e.get("roofline"))]
            for stem, context, name, e in benched(results) if name.endswith("/train_step")]
    return ["#### Training steps", "", *table(
        ["step", "from", "ms", "spread", "images/s", "graph alone, ms", "host's share",
         "of the sum of its ops' rooflines"], rows)] if rows else []


def op_tables(results):
    lines = []
    for stem, result in results.items():
        if not isinstance(result, dict) or "benchmarks" not in result or stem.split("-")[0] in ("step", "old", "new"):
            continue
        rows = [[name, number(e["seconds"] * 1e6, 4), percent(e.get("spread")), number(e.get("GB/s"), 4),
                 number(e["GFLOP/s"] / 1e3) if "GFLOP/s" in e else "-",
                 number(e["Mpixel/s"] / 1e3) if "Mpixel/s" in e else "-", percent(e.get("roofline"))]
                for name, e in result["benchmarks"].items() if "seconds" in e and not name.endswith("/train_step")]
        if rows:
            lines += [f"#### {stem}", "", measured_by(result["context"]), "", *table(
                ["what", "us", "spread", "GB/s", "TFLOP/s", "Gpixel/s", "of the roofline"], rows)]
    return lines


def fusion_table(results):
    rows = [[name.removeprefix("fusion/"), number(fused["seconds"] * 1e6, 4), number(unfused["seconds"] * 1e6, 4),
             percent(max(fused.get("spread", 0), unfused.get("spread", 0))),
             number(unfused["seconds"] / fused["seconds"])]
            for name, fused, unfused in fused_pairs(results)]
    rows += [[name.removeprefix("fusion/"), entry["error"], "", "", ""] for result in results.values()
             if isinstance(result, dict) for name, entry in result.get("benchmarks", {}).items()
             if name.startswith(("fusion/", "mma/")) and "error" in entry]
    return ["#### Fused against unfused", "", *table(
        ["what", "fused, us", "unfused, us", "spread", "times faster"], rows)] if rows else []


def old_new_table(results):
    shown = lambda values: " and ".join(number(value * 1e6, 4) for value in values)
    rows = [[name, shown(old), shown(new), number(mean(old) / mean(new)), "" if decided(old, new) else "undecided"]
            for name, old, new in old_new_pairs(results)]
    return ["#### Old against new, in turns", "", *table(
        ["what", "old, us", "new, us", "times faster", "turns overlap"], rows)] if rows else []


def peer_tables(results):
    lines = []
    for peers in results.values():
        if not isinstance(peers, dict) or "cases" not in peers:
            continue
        lines += [f"#### PyTorch {peers['torch']}, {peers['precision']}, images/s, medians; {peers['gpu']}", ""]
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
        lines += [f"Equal steps first: {json.dumps(peers['equal'])}", ""]
    return lines


def counter_tables(results):
    lines = []
    for stem, rows in results.items():
        if not isinstance(rows, list) or not rows:
            continue
        rows = sorted(rows, key=lambda row: -row["us"])[:40]
        lines += [f"#### {stem}: Nsight Compute, the {len(rows)} that take longest", ""]
        lines += table(list(rows[0]), [[v if isinstance(v, str) else number(v) for v in row.values()] for row in rows])
    return lines


def training_table(results):
    training = results.get("training")
    return ["#### The main job", "", *table(list(training), [list(training.values())])] if training else []


def all_tables(results):
    return [line for make in (step_table, old_new_table, fusion_table, peer_tables, training_table, op_tables,
                              counter_tables) for line in make(results)]
