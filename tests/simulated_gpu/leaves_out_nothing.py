#!/usr/bin/env python3
"""That whatever a GPU would be tested with, the simulated one is: compares the lists of tests.

  python3 tests/simulated_gpu/leaves_out_nothing.py BUILD CTEST
"""
import json
import pathlib
import re
import subprocess
import sys
import unittest

BUILD, CTEST = sys.argv[1:]
SAME_BARRIERS = ("_wide", "_relu", "_addend", "_misaligned")  # as another case, for ThreadSanitizer
TESTS = pathlib.Path(__file__).resolve().parents[1]


def cases(command):
    """The names of a program's tests, of which one process runs all."""
    suite, names = "", set()
    for line in subprocess.check_output([*command, "--gtest_list_tests"], text=True).splitlines():
        name = line.split("#")[0].rstrip()
        if name.startswith("  "):
            names.add(suite + name.strip())
        elif name.endswith("."):
            suite = name
    return names


def listed():
    """The names of tests, by program."""
    shown = subprocess.check_output([CTEST, "--test-dir", BUILD, "--show-only=json-v1"], text=True)
    programs = {}
    for test in json.loads(shown)["tests"]:
        # Behind env and what it sets.
        program = next(pathlib.Path(word).name for word in test["command"]
                       if "=" not in word and pathlib.Path(word).name != "env")
        if program.startswith(("simulated_asan_", "simulated_tsan_")):
            programs[program] = cases(test["command"])
            continue
        name = test["name"].removeprefix("simulated.")
        programs.setdefault(program, set()).add(name)
    return programs


class LeavesOutNothing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.programs = listed()

    def test_every_case_for_a_gpu_runs_on_the_simulated_one(self):
        cases = 0
        for program, names in self.programs.items():
            for name in names:
                simulated = re.sub(r"(?<![a-z])cuda(?![a-z])", "simulated", name)
                if simulated != name:
                    cases += 1
                    self.assertIn(simulated, self.programs.get(f"simulated_{program}", ()))
        self.assertGreater(cases, 500)

    def test_kernels_run_under_both_sanitizers(self):
        for folder in ("kernels", "corrupt"):
            for source in (TESTS / folder).glob("*_test.cpp"):
                if f"simulated_{source.stem}" in self.programs:
                    self.assertIn(f"simulated_asan_{source.stem}", self.programs)
                    self.assertIn(f"simulated_tsan_{source.stem}", self.programs)

    def test_sanitizers_are_spared_what_is_large_alone(self):
        for program, watched in self.programs.items():
            if not program.startswith("simulated_asan_"):
                continue
            test = program.removeprefix("simulated_asan_")
            kept = {name for name in self.programs[f"simulated_{test}"] if not name.endswith("_large")}
            self.assertEqual(watched, kept, test)
            self.assertEqual(self.programs[f"simulated_tsan_{test}"],
                             {name for name in kept if "_bf16_" not in name and not name.endswith(SAME_BARRIERS)}, test)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
