"""Writes what was found: acceptance.json for programs, summary.md for people, and the last table."""
import datetime
import json
import os

import tables
from runner import FAILED, PASSED, SKIPPED, WAITING
from tables import number, percent, table

VOID = "REHEARSED WITHOUT A GPU: no time here means anything."


def write_whole(path, text):
    """Beside it first: a script that is ended leaves the last whole file."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text)
    os.replace(beside, path)


def read_earlier(out):
    """acceptance.json of earlier parts in this folder."""
    try:
        return json.loads((out / "acceptance.json").read_text())
    except (OSError, ValueError):
        return {"parts": {}}


class Report:
    def __init__(self, place, part, readings, all_parts):
        self.place, self.part, self.readings = place, part, readings
        self.order = list(all_parts)
        self.entry = {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")}
        self.whole = {"parts": {**place.earlier.get("parts", {}), part: self.entry}}
        self.whole["parts"] = {name: self.whole["parts"][name] for name in self.order if name in self.whole["parts"]}

    def write(self, runner):
        self.entry.update({
            "machine": self.place.machine, "items": runner.records, "sections": runner.sections,
            "seconds": round(runner.elapsed(), 1), "overhead": round(runner.overhead(), 2),
            "cut off": runner.cut_off, "results": self.readings.read(), "own kernels": self.place.own_kernels()})
        short = self.place.short
        write_whole(self.place.out / "acceptance.json", short(json.dumps(self.whole, indent=1)) + "\n")
        write_whole(self.place.out / "summary.md", short(summary(self.whole)))
        self.place.keep_engines()


# --- What must be reached ---------------------------------------------------------------------------
def figures(report):
    """Results of all parts that ran on a GPU; where there are none, those of rehearsals, and False."""
    on_gpu = [part for part in report["parts"].values() if part["machine"]["gpu"]]
    results = {}
    for part in on_gpu or report["parts"].values():
        results.update(part["results"])
    return results, bool(on_gpu)


def counted(report, begins):
    """How many items whose name begins so passed, of those that were tried on a GPU."""
    tried = [item for part in report["parts"].values() if part["machine"]["gpu"] for item in part["items"]
             if item["name"].startswith(begins)]
    last = {item["name"]: item["status"] for item in tried}  # a later part tried it again
    if not last:
        return WAITING
    missing = {status: sum(1 for s in last.values() if s == status) for status in (FAILED, SKIPPED)}
    text = f"{sum(1 for s in last.values() if s == PASSED)} of {len(last)}"
    text += "".join(f", {count} {status}" for status, count in missing.items() if count)
    return f"{text}: {'missed' if missing[FAILED] else 'reached so far' if missing[SKIPPED] else 'reached'}"


def targets(report):
    """What the CUDA side has to reach on an H100 or H200, and what was found."""
    results, real = figures(report)
    rows = [("tests on cuda: all pass, by program", counted(report, "tests on cuda: "))]
    rows += [(f"{tool}: nothing found, by test program", counted(report, f"{tool}: "))
             for tool in ("memcheck", "racecheck", "initcheck")]

    def row(text, found, enough, show):
        if found is None:
            rows.append((text, WAITING))
        elif real:
            rows.append((text, f"{show(found[0])} ({found[1]}): {'reached' if found[0] >= enough else 'missed'}"))
        else:
            rows.append((text, f"{WAITING} (rehearsed with {found[1]})"))

    row("whole step against PyTorch's best mode: 1.5, the least", min(tables.ratios(results), default=None), 1.5,
        number)
    row("whole step: 45 % of the sum of each op's roofline, at batch 256 and more, the least",
        min(tables.step_rooflines(results, 256 if real else 1), default=None), 0.45, percent)
    row("corruption: 40 Gpixel/s", max(tables.corruption(results), default=None), 40, number)
    row("Adam, upsampling, losses, activations: 85 % of measured copy bandwidth, the least",
        min(tables.copies(results), default=None), 0.85, percent)
    return rows


def notable(report):
    """Figures without a target that one wants to see at once."""
    results, real = figures(report)
    rows = [(what, value if real else f"{WAITING} (rehearsed)") for what, value in tables.notable(results)]
    chosen = {problem for part in report["parts"].values() if part["machine"]["gpu"] for problem in
              part.get("own kernels", [])}
    if rows and real:
        rows.append(("our kernels on tensor cores, chosen for", "; ".join(sorted(chosen)) or "nothing"))
    return rows or [("step of unet, fusions, old against new, validation", WAITING)]


# --- Writing ----------------------------------------------------------------------------------------
def counts(items):
    found = {}
    for item in items:
        found[item["status"]] = found.get(item["status"], 0) + 1
    return ", ".join(f"{count} {status}" for status, count in found.items())


def summary(report):
    lines = ["# GPU acceptance", "", "Each part says where and when; its figures were measured there and then.", "",
             *table(["what must be reached", "found"], targets(report)),
             *table(["figure", "found"], notable(report))]
    for name, part in report["parts"].items():
        machine = part["machine"]
        where = machine["gpu"] or f"no GPU ({machine['why']})"
        lines += [f"## Part {name}: {counts(part['items'])}", "",
                  f"{where}; commit {machine['commit']}; {part['date']}; {number(part['seconds'])} s, of which the "
                  f"script's own {number(part['overhead'])}", "",
                  "; ".join(f"{key} {value}" for key, value in machine["versions"].items()), ""]
        if part["cut off"]:
            lines += [f"**Cut off by {part['cut off']}.**", ""]
        if part.get("dropped"):
            lines += [f"Left out of details-{name}.tar.gz for its size: {', '.join(part['dropped'])}.", ""]
        lines += table(["section", "item", "status", "s", "note"],
                       [[i["section"], i["name"], i["status"], i["seconds"], i["note"]] for i in part["items"]])
        if part["results"]:
            lines += [f"### Figures of part {name}", "", *([] if machine["gpu"] else [VOID, ""]),
                      *tables.all_tables(part["results"])]
    lines += ["## Commands", ""]
    for name, part in report["parts"].items():
        lines += [f"- {name}, {item['name']}: `{item['command']}`" for item in part["items"] if item["command"]]
    return "\n".join(lines) + "\n"


def columns(rows):
    width = max(len(what) for what, _ in rows)
    return [f"{what:<{width}}  {found}" for what, found in rows]


def last_words(report, part):
    """What is printed at the end, short enough for the last screen of a log."""
    entry = report["parts"][part]
    bad = [f"FAILED  {item['name']}: {item['note']}" for item in entry["items"] if item["status"] == FAILED]
    return "\n".join([
        "", *columns([("WHAT MUST BE REACHED", "FOUND"), *targets(report), *notable(report)]), "", *bad[:20],
        *([f"and {len(bad) - 20} more"] if len(bad) > 20 else []),
        f"{part}: {counts(entry['items'])}" + (f"; cut off by {entry['cut off']}" if entry["cut off"] else ""),
        "seconds: " + ", ".join(f"{name} {number(seconds)}" for name, seconds in entry["sections"].items()),
        f"{number(entry['seconds'])} s in all, the script's own {number(entry['overhead'])} s"])
