#!/usr/bin/env python3
"""Runs clang-tidy with the checks of .clang-tidy on the rooms, the programs and the benchmarks.

  bash tools/test.sh --tidy              (which calls this)
  python3 tests/run_tidy.py [FILES]      only those, as the repository names them

Ends with 1 if there is a finding. Tests are left out: half of their code is googletest's macros. So is
the simulated GPU, which compiles the same sources again.
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "tidy"


def sources(wanted):
    """Of the build: each once, as it is compiled for the real GPU where there is nvcc."""
    subprocess.run(["cmake", "--preset", "dev"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    chosen = []
    for entry in json.loads((ROOT / "build" / "dev" / "compile_commands.json").read_text()):
        name = str(pathlib.Path(entry["file"]).relative_to(ROOT))
        if name.endswith(".cpp") and not name.startswith("tests/") and "DAE_SIMULATED_GPU" not in entry["command"]:
            chosen.append((name, entry))
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "compile_commands.json").write_text(json.dumps([entry for _, entry in chosen]))
    return [name for name, _ in chosen if not wanted or name in wanted]


def findings(name):
    # The build's options are GCC's, of which clang does not know all.
    done = subprocess.run(["clang-tidy", "--quiet", "--extra-arg=-Wno-unknown-warning-option", "-p", WORK, name],
                          cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or (done.stderr.strip() if done.returncode else "")


def main():
    names = sources(set(sys.argv[1:]))
    seen = set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, (name, found) in enumerate(zip(names, pool.map(findings, names)), 1):
            if found and found not in seen:  # a header's comes with every file that includes it
                print(found.replace(f"{ROOT}/", ""))
            seen |= {found} - {""}
            print(f"{number}/{len(names)} {name}: {'findings' if found else 'clean'}", flush=True)
    if seen:
        sys.exit(1)
    print("no findings")


if __name__ == "__main__":
    main()
