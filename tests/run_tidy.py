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
    """Of the build: each once, as it is compiled for the real GPU where there is nvcc. Nothing is precompiled, so an
    include that is missing is an error here."""
    subprocess.run(["cmake", "--preset", "dev", "-B", WORK, "-DDAE_TESTS=OFF", "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON"],
                   cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", WORK, "--target", "tensorboard_events"], check=True,
                   stdout=subprocess.DEVNULL)  # whose header is generated
    built = json.loads((WORK / "compile_commands.json").read_text())
    names = [str(pathlib.Path(entry["file"]).relative_to(ROOT)) for entry in built]
    return [name for name in names if name.endswith(".cpp") and (not wanted or name in wanted)]


def findings(name):
    # The build's options are GCC's, of which clang does not know all.
    strange = ["unknown-warning-option", "unused-command-line-argument"]
    done = subprocess.run(["clang-tidy", "--quiet", *[f"--extra-arg=-Wno-{what}" for what in strange], "-p", WORK, name],
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
