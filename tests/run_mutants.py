#!/usr/bin/env python3
"""Plants the bugs of mutants.json one at a time in a copy of the sources and asks whether the tests see them.

  bash tools/test.sh --mutants            (which calls this)
  python3 tests/run_mutants.py [WORDS]    only the bugs whose description holds WORDS

Each bug replaces a piece of text that must occur exactly once. It is caught if the named test program
fails or does not end. Ends with 1 if one survives, and writes what caught what to
build/mutants/results.md.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "mutants"
SOURCE, BUILD = WORK / "source", WORK / "build"
SECONDS = 240


def copy_sources():
    names = subprocess.check_output(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], text=True).split("\n")
    for stale in SOURCE.rglob("*"):  # a file that was moved would be compiled twice
        if stale.is_file() and str(stale.relative_to(SOURCE)) not in names:
            stale.unlink()
    for name in filter(None, names):
        source, target = ROOT / name, SOURCE / name
        if not source.is_file():
            continue
        # Only what changed: an untouched file is not compiled again.
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())


def build(programs):
    done = subprocess.run(["cmake", "--build", BUILD, "--target", *programs], capture_output=True, text=True)
    return done.returncode == 0, done.stdout


def what_caught(mutant):
    """The first test that fails, or None."""
    compiles, output = build([mutant["program"]])
    if not compiles:  # it is no bug that a test could see
        sys.exit(f"{mutant['bug']}: does not compile\n{output[-3000:]}")
    command = [BUILD / "tests" / mutant["program"], "--gtest_filter=" + mutant.get("filter", "*")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS,
                              env={"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"})
    except subprocess.TimeoutExpired:
        return "no end"
    if done.returncode == 0:
        return None
    failed = re.findall(r"^\[  FAILED  \] ([\w/]+\.[\w/]+)", done.stdout, re.M)
    started = re.findall(r"^\[ RUN      \] ([\w/]+\.[\w/]+)", done.stdout, re.M)
    # Sources by their names in the project, not by where this copy of them lies.
    finding = re.search(r"simulated GPU: (.*)", (done.stdout + done.stderr).replace(f"{SOURCE}/", ""))
    test = failed[0] if failed else f"{started[-1]} ends the program" if started else "the program ends"
    return test + (f": {finding[1]}" if finding else "")


def refuse_empty_filters(mutants):
    """A filter that a renamed test has slipped out of would let every bug survive."""
    for mutant in mutants:
        listed = subprocess.check_output([BUILD / "tests" / mutant["program"], "--gtest_list_tests",
                                          "--gtest_filter=" + mutant.get("filter", "*")], text=True)
        if not re.search(r"^  \w", listed, re.M):
            sys.exit(f"{mutant['bug']}: {mutant['program']} has no test {mutant['filter']}")


def main():
    words = " ".join(sys.argv[1:])
    mutants = [m for m in json.loads((ROOT / "tests" / "mutants.json").read_text()) if words in m["bug"]]
    WORK.mkdir(parents=True, exist_ok=True)
    copy_sources()
    subprocess.run(["cmake", "-S", SOURCE, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DDAE_CUDA=OFF",
                    "-DDAE_BENCH=OFF", "-DCMAKE_CXX_FLAGS=-w"], check=True, stdout=subprocess.DEVNULL)
    print("building without a bug", flush=True)
    fine, output = build(sorted({m["program"] for m in mutants}))
    if not fine:
        sys.exit(output[-3000:])
    refuse_empty_filters(mutants)
    survivors, rows = [], ["| planted bug | in | caught by |", "|---|---|---|"]
    for number, mutant in enumerate(mutants, 1):
        path = SOURCE / mutant["file"]
        text = path.read_text()
        if text.count(mutant["from"]) != 1:
            sys.exit(f"{mutant['bug']}: its text occurs {text.count(mutant['from'])} times in {mutant['file']}")
        path.write_text(text.replace(mutant["from"], mutant["to"]))
        caught = what_caught(mutant)
        path.write_text(text)
        print(f"{number}/{len(mutants)} {mutant['bug']}: {caught or 'SURVIVES'}", flush=True)
        if not caught:
            survivors.append(mutant["bug"])
        shown = (caught or "**nothing**").replace("|", "\\|")
        rows.append(f"| {mutant['bug']} | `{mutant['file']}` | {shown} |")
    (WORK / "results.md").write_text("\n".join(rows) + "\n")
    if survivors:
        sys.exit("survivors: " + "; ".join(survivors))
    print(f"all {len(mutants)} caught")


if __name__ == "__main__":
    main()
