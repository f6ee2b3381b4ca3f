#!/usr/bin/env python3
"""Plants the bugs of planted.json one at a time in a copy of the sources and asks whether the tests see them.

  bash tools/test.sh --planted                (which calls this)
  python3 tests/mutants/planted.py [PATTERN]  only the bugs in whose description PATTERN, a regular expression, is

Each bug replaces a piece of text that must occur exactly once. It is caught if the named test program
fails or does not end. Ends with 1 if one survives, and writes what caught what to
build/mutants/planted.md.
"""
import argparse
import json
import pathlib
import re
import sys

from workspace import WORK, Workspace

SECONDS = 240


def what_caught(workspace, mutant):
    """The first test that fails, or None."""
    text = (workspace.source / mutant["file"]).read_text()
    if text.count(mutant["from"]) != 1:
        sys.exit(f"{mutant['bug']}: its text occurs {text.count(mutant['from'])} times in {mutant['file']}")
    with workspace.planted(mutant["file"], text.replace(mutant["from"], mutant["to"])):
        compiles, output = workspace.build([mutant["program"]])
        if not compiles:  # it is no bug that a test could see
            sys.exit(f"{mutant['bug']}: does not compile\n{output[-3000:]}")
        return workspace.run(mutant["program"], mutant.get("filter", "*"), SECONDS)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("pattern", nargs="*")
    pattern = " ".join(arguments.parse_args().pattern)
    mutants = json.loads(pathlib.Path(__file__).with_name("planted.json").read_text())
    mutants = [m for m in mutants if re.search(pattern, m["bug"])]
    if not mutants:
        sys.exit(f"no bug of the list has {pattern} in its description")
    workspace = Workspace(WORK)
    workspace.build_whole(sorted({m["program"] for m in mutants}))
    for mutant in mutants:  # a filter that a renamed test has slipped out of would let every bug survive
        if not workspace.has_tests(mutant["program"], mutant.get("filter", "*")):
            sys.exit(f"{mutant['bug']}: {mutant['program']} has no test {mutant['filter']}")
    survivors, rows = [], ["| planted bug | in | caught by |", "|---|---|---|"]
    for number, mutant in enumerate(mutants, 1):
        caught = what_caught(workspace, mutant)
        print(f"{number}/{len(mutants)} {mutant['bug']}: {caught or 'SURVIVES'}", flush=True)
        if not caught:
            survivors.append(mutant["bug"])
        shown = (caught or "**nothing**").replace("|", "\\|")
        rows.append(f"| {mutant['bug']} | `{mutant['file']}` | {shown} |")
    (WORK / "planted.md").write_text("\n".join(rows) + "\n")
    if survivors:
        sys.exit("survivors: " + "; ".join(survivors))
    print(f"all {len(mutants)} caught")


if __name__ == "__main__":
    main()
