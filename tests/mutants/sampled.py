#!/usr/bin/env python3
"""Plants bugs that nobody chose: a random sample, room by room, of what universalmutator makes of the sources.

  bash tools/test.sh --mutants                    (which calls this, for 3 mutants a room)
  python3 tests/mutants/sampled.py --count 40 --seed 2 data record    40 mutants in each of two rooms
  python3 tests/mutants/sampled.py --again        those that survived before, once more

A room's lines are shuffled by the seed; of each in turn one mutation is drawn, until `count` were tried. One
that does not compile, or leaves the machine code of its file as it was, does not count. Each is tried with the
tests that hold its file: NAME_test of ROOM/NAME.cpp, every test that includes ROOM/NAME.h, and their twins on
the simulated GPU; if they see nothing, with the warnings that are errors in the ordinary build, then with the rest
of what tests the room, whole steps and whole programs: the quickest first, and none whose machine code is what it
was. What changes nothing that a user or a caller could see stands in equivalent.json with the reason.

Every result is a line of build/mutants/sampled.jsonl, and what was tried before is not tried again.
build/mutants/sampled.md has the score a room. Ends with 1 if a mutant survives.
"""
import argparse
import collections
import concurrent.futures
import itertools
import json
import os
import pathlib
import queue
import re
import sys
import threading
import time

from drawing import mutation_tool, shuffled
from workspace import WORK, Workspace

# Not mpi: only a program that mpirun launched opens it, and what launches one is no program of GoogleTest's
# (reliability/ranks_test.py).
ROOMS = ["runtime", "ranks", "data", "corrupt", "quality", "kernels", "model", "record", "train", "restore", "evaluate",
         "report", "laboratory", "exchange", "tools"]
# Tests of whole steps, for the rooms that make them, which have a CUDA side; and of whole runs and programs, for what
# a file's own tests and its room's let through.
STEP_ROOMS = ["runtime", "corrupt", "kernels", "model", "train"]
STEPS = ["trainer_test", "simulated_trainer_test", "training_step_test"]
BROAD = ["denoiser_test", "training_test", "evaluation_test", "denoise_test", "denoise_options_test",
         "corrupt_options_test", "train_options_test", "programs_test", "programs_refusals_test", "programs_values_test"]
# Tests of a room's that are scripts: they start the programs.
SCRIPTS = {"ranks": ["reliability/ranks_test.py"], "data": ["reliability/packs_test.py"],
           "record": ["record/run_folder_test.py", "reliability/crashes_test.py"],
           "train": ["reliability/crashes_test.py", "reliability/ranks_test.py"],
           "exchange": ["exchange/tensorboard_test.py"], "tools": ["tools/package_test.py"]}
SECONDS = 900  # without a bug, on a busy machine
SLOWER, SECONDS_MORE = 10, 30  # how often as long and how much longer it may take with one
SAME_CODE = "the same machine code"
RESULTS = WORK / "sampled.jsonl"


def holders(workspace, file):
    """The test programs that hold a file, then those that might, and those that might and take long to build or run."""
    path = pathlib.Path(file)
    includes = re.compile(rf'^#include "({re.escape(path.parts[0])}/(?:.*/)?{re.escape(path.stem)}\.h)"', re.M)
    first = [test for test, text in workspace.tests.items()
             if pathlib.Path(test).stem == f"{path.stem}_test" or includes.search(text)]
    room = [test for test in workspace.tests if test.startswith(path.parts[0] + "/")]
    names = []
    for test in [*first, *room]:
        names.append(pathlib.Path(test).stem)
        if path.parts[0] in STEP_ROOMS:  # elsewhere the twin runs the same code
            names.append("simulated_" + pathlib.Path(test).stem)
    names += [*(STEPS if path.parts[0] in STEP_ROOMS else []), *BROAD]
    names = [name for name in dict.fromkeys(names) if name in workspace.programs]
    own = [name for name in names if name.removeprefix("simulated_") in {pathlib.Path(t).stem for t in first}]
    own = own or names[:4]
    rest = [name for name in names if name not in own]
    slow = [name for name in rest if name.startswith("simulated_")]
    return own, [name for name in rest if name not in slow], slow + SCRIPTS.get(path.parts[0], [])


class Clock:
    """How long each test program takes without a bug. One that fails then would be taken to see every bug."""

    def __init__(self):
        self.file = WORK / "seconds.json"
        self.by_code = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.seconds = {}

    def measure(self, workspace, programs):
        for program in [p for p in programs if p not in self.seconds]:
            code = workspace.whole_code_of(program)
            if code not in self.by_code:
                if not workspace.build([program], jobs=1)[0]:
                    sys.exit(f"{program} does not compile without a bug")
                start = time.monotonic()
                failed = workspace.run(program, "*", SECONDS)
                if failed:
                    sys.exit(f"{program} fails without a bug: {failed}")
                self.by_code[code] = round(time.monotonic() - start, 2)
                self.file.write_text(json.dumps(self.by_code))
            self.seconds[program] = self.by_code[code]

    def limit(self, program):
        return SECONDS_MORE + SLOWER * self.seconds[program]


def what_sees(workspace, clock, programs):
    """(what the first of the programs that sees the planted bug says, "" if none does and None if one does not compile;
    whether one is another program by it)."""
    could = False
    for program in sorted(programs, key=clock.seconds.get):
        if not workspace.build([program], jobs=1)[0]:
            return None, could
        if workspace.can_see(program):
            could = True
            caught = workspace.run(program, "*", clock.limit(program))
            if caught:
                return f"{program}: {caught}", could
    return "", could


def what_the_compiler_says(workspace, file, text):
    """The verdict that takes no test: that a mutant is no other program, or one that the ordinary build refuses."""
    before = workspace.plain_code(file)
    with workspace.planted(file, text):
        if workspace.plain_code(file) == before:
            return "equivalent", SAME_CODE
        warning = workspace.warning(file)
    return ("caught", f"the compiler: {warning}") if warning else None


def verdict(workspace, clock, mutant):
    """("caught", by what), ("survived", ""), ("invalid", "") or ("equivalent", why)."""
    lines = (workspace.source / mutant["file"]).read_text().splitlines(keepends=True)
    lines[mutant["line"] - 1] = mutant["to"] + "\n"
    could_one = False
    for number, programs in enumerate(holders(workspace, mutant["file"])):
        if number == 1 and objects:
            why = what_the_compiler_says(workspace, mutant["file"], "".join(lines))
            if why:
                return why
        workspace.build_whole(programs, jobs=1)
        clock.measure(workspace, programs)
        objects = workspace.objects(mutant["file"])
        with workspace.planted(mutant["file"], "".join(lines)):
            if number == 0 and objects:  # the file alone says most of it, before anything is linked
                if not workspace.build([path.relative_to(workspace.build_folder) for path in objects], jobs=1)[0]:
                    return "invalid", ""
                if not any(map(workspace.differs, objects)):
                    continue  # but a simulated GPU's might, which the rest needs
            said, could = what_sees(workspace, clock, programs)
        could_one = could_one or could
        if said is None:
            return "invalid", ""
        if said:
            return "caught", said
    return ("survived", "") if could_one else ("equivalent", SAME_CODE)


def key_of(mutant):
    """What tells mutants apart, wherever their lines stand."""
    return mutant["file"], mutant["from"], mutant["to"].strip()


class Sampler:
    def __init__(self, workspaces):
        self.free = queue.SimpleQueue()
        for workspace in workspaces:
            self.free.put(workspace)
        self.lock = threading.Lock()
        self.clock = Clock()
        self.results = read_results()
        self.known = {key_of(e): e["why"] for e in
                      json.loads(pathlib.Path(__file__).with_name("equivalent.json").read_text())}

    def try_one(self, mutant, again=False):
        key = key_of(mutant)
        with self.lock:
            earlier = self.results.get(key)
        if key in self.known:
            result = {**mutant, "verdict": "equivalent", "by": self.known[key]}
        elif earlier and not again:
            return earlier
        else:
            workspace, start = self.free.get(), time.monotonic()
            try:
                what, by = verdict(workspace, self.clock, mutant)
            finally:
                self.free.put(workspace)
            result = {**mutant, "verdict": what, "by": by, "seconds": round(time.monotonic() - start)}
        with self.lock:
            self.results[key] = result
            with RESULTS.open("a") as out:
                out.write(json.dumps(result) + "\n")
            if result["verdict"] != "invalid":
                print(f"{mutant['file']}:{mutant['line']}: {mutant['from']}  ->  {mutant['to'].strip()}\n"
                      f"    {result['verdict'].upper() if what_is_wrong(result) else result['verdict']} "
                      f"{result['by']}", flush=True)
        return result


def what_is_wrong(result):
    return result["verdict"] == "survived"


def read_results():
    """The last verdict on each mutant."""
    results = {}
    if RESULTS.exists():
        for line in RESULTS.read_text().splitlines():
            result = json.loads(line)
            results[key_of(result)] = result
    return results


def sample(sampler, tool, source, room, count, seed, workers):
    """Tries mutants until `count` compiled and made a difference to the machine code."""
    tried, mutants = [], shuffled(tool, source, room, seed)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        while len(tried) < count:
            batch = list(itertools.islice(mutants, min(workers, count - len(tried))))
            if not batch:
                break
            tried += [r for r in pool.map(sampler.try_one, batch)
                      if r["verdict"] != "invalid" and r["by"] != SAME_CODE]
    return tried


def write_scores(results):
    rows = ["| room | tried | equivalent | caught | survived | score |", "|---|---|---|---|---|---|"]
    totals = collections.Counter()
    for room in ROOMS:
        counts = collections.Counter(r["verdict"] for r in results if r["room"] == room
                                     and r["by"] != SAME_CODE)
        totals.update(counts)
        rows.append(score_row(room, counts))
    rows.append(score_row("**all**", totals))
    survivors = [f"- `{r['file']}:{r['line']}`: `{r['from']}` -> `{r['to'].strip()}`" for r in results if what_is_wrong(r)]
    (WORK / "sampled.md").write_text("\n".join([*rows, "", *survivors]) + "\n")
    print("\n".join([*rows, "", *survivors]))


def score_row(name, counts):
    seen, survived = counts["caught"], counts["survived"]
    score = f"{100 * seen / (seen + survived):.0f} %" if seen + survived else ""
    return f"| {name} | {seen + survived + counts['equivalent']} | {counts['equivalent']} | {seen} | {survived} | {score} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="*", default=ROOMS)
    parser.add_argument("--count", type=int, default=3, help="mutants a room")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="mutants at once")
    parser.add_argument("--again", action="store_true", help="try those that survived once more, and no others")
    options = parser.parse_args()
    rooms = options.rooms or ROOMS
    tool = mutation_tool()
    workspaces = [Workspace(WORK if n == 0 else WORK / str(n)) for n in range(options.jobs)]
    sampler = Sampler(workspaces)
    if options.again:
        survivors = [r for r in sampler.results.values() if what_is_wrong(r) and r["room"] in rooms]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            standing = filter(None, (moved(workspaces[0].source, r) for r in survivors))
            results = list(pool.map(lambda mutant: sampler.try_one(mutant, again=True), standing))
    else:
        results = [r for room in rooms for r in
                   sample(sampler, tool, workspaces[0].source, room, options.count, options.seed, options.jobs)]
    write_scores(list(sampler.results.values()) if options.again else results)
    sys.exit(any(what_is_wrong(r) for r in results))


def moved(source, result):
    """The mutant where its line stands now; None if it is gone."""
    lines = [line.strip() for line in (source / result["file"]).read_text().splitlines()]
    near = [n for n, line in enumerate(lines, 1) if line == result["from"]]
    if not near:
        return None
    line = min(near, key=lambda n: abs(n - result["line"]))
    return {key: result[key] for key in ("room", "file", "from", "to")} | {"line": line}


if __name__ == "__main__":
    main()
