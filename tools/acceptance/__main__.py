"""tools/gpu_acceptance.sh from the built programs on: options, sections in their order, results."""
import argparse
import pathlib
import signal
import sys

import details
import report
from parts import PARTS
from place import Place
from readings import Readings
from runner import FAILED, Runner


def parse():
    parser = argparse.ArgumentParser(prog="gpu_acceptance.sh", allow_abbrev=False, description=(
        "Tries on a GPU what cannot be tried without one. The first lines of the script say the rest."))
    parser.add_argument("--part", required=True, choices=PARTS)
    parser.add_argument("--build", default="build/release", help="a build's folder, or what tools/gpu_bundle.sh packed")
    parser.add_argument("--old", help="an earlier build, to be timed in turns with this one")
    parser.add_argument("--engines", help="engines.jsonl of an earlier part: engine choices that need no timing")
    parser.add_argument("--out", default="build/acceptance", help="gets the results; later parts add to them")
    parser.add_argument("--dataset", default="synthetic", help="what the main job trains on")
    parser.add_argument("--simulated", help="rehearse benchmarks and main job with the programs of this folder")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)  # the command line alone
    options = parser.parse_args()
    for name in ("old", "engines", "simulated") if options.check else ("build", "old", "engines", "simulated"):
        given = getattr(options, name)
        if given is not None and not pathlib.Path(given).exists():
            parser.error(f"--{name} {given}: there is no such file or folder")
    return options


def main():
    options = parse()
    if options.check:
        return 0
    place = Place(options)
    try:
        place.earlier = report.read_earlier(place.out)
        found = report.Report(place, options.part, Readings(place.results), PARTS)
        runner = Runner(place, found.write)
        place.records = runner.records
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, runner.interrupt)
        print(f"part {options.part}: at most {PARTS[options.part][-1].ends} s; results in {place.out}", flush=True)
        for section in PARTS[options.part]:
            runner.run_section(section)
        runner.finish_part()
        found.entry["dropped"] = details.pack(place.work, place.out / f"details-{options.part}.tar.gz")
        found.write(runner)
        print(report.last_words(found.whole, options.part))
        print(f"{place.out}/summary.md", flush=True)
        if runner.cut_off:
            return 128 + signal.Signals[runner.cut_off]
        return 1 if any(record["status"] == FAILED for record in runner.records) else 0
    finally:
        place.remove()


if __name__ == "__main__":
    sys.exit(main())
