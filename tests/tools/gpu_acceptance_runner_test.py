#!/usr/bin/env python3
"""What tools/acceptance/ promises of judging, of time and of packing: `python3 tests/tools/gpu_acceptance_runner_test.py`."""
import json
import os
import pathlib
import sys
import tarfile
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "acceptance"))
import details  # noqa: E402
import parts  # noqa: E402
import readings  # noqa: E402
import report  # noqa: E402
import runner  # noqa: E402
import tables  # noqa: E402
from runner import FAILED, PASSED, SKIPPED, WAITING, Item, Runner, Section, judge  # noqa: E402


class Judging(unittest.TestCase):
    def expect(self, code, log, status, note, gpu="a GPU", **item):
        self.assertEqual(judge(Item("", [], **item), code, log, gpu), (status, note), log)

    def test_of_programs(self):
        self.expect(0, "anything", PASSED, "")
        self.expect(1, "working\nit broke\n", FAILED, "it broke")
        self.expect(1, "", FAILED, "exit code 1, and not a word")
        self.expect(2, "no usable GPU\nbench: unknown option", FAILED, "bench: unknown option", gpu="")
        self.expect(77, "not installed: nsys", SKIPPED, "not installed: nsys")
        self.expect(-11, "step 3", FAILED, "ended by SIGSEGV: step 3")
        self.expect(1, "bench: no usable GPU: none", WAITING, "", gpu="")
        self.expect(1, "bench: no usable GPU: none", FAILED, "bench: no usable GPU: none")
        self.expect(1, "it broke", FAILED, "it broke", gpu="")

    def test_of_test_programs(self):
        self.expect(0, "[  PASSED  ] 12 tests.\n[  SKIPPED ] 2 tests, listed below:\n", PASSED, "12 tests, 2 skipped")
        none = "no usable GPU\n[  PASSED  ] 0 tests.\n[  SKIPPED ] 2 tests, listed below:\n"
        self.expect(0, none, WAITING, "0 tests, 2 skipped", gpu="")
        self.expect(0, none, SKIPPED, "0 tests, 2 skipped")
        self.expect(0, "a_test.cpp:61: Skipped\nfor the simulated GPU\n[  PASSED  ] 0 tests.\n", SKIPPED,
                    "0 tests: for the simulated GPU", gpu="")
        self.expect(1, "[  FAILED  ] A.b (3 ms)\n[  FAILED  ] A.c, where it is (3 ms)\n"
                       "[  FAILED  ] 2 tests, listed below:\n"
                       "[  FAILED  ] A.b\n[  FAILED  ] A.c, where it is\n", FAILED, "2 tests failed, first A.b")

    def test_of_tools(self):
        self.expect(99, "========= ERROR SUMMARY: 2 errors", FAILED, "========= ERROR SUMMARY: 2 errors")
        self.expect(1, "==ERROR== ERR_NVGPUCTRPERM\nbye", FAILED, "==ERROR== ERR_NVGPUCTRPERM")
        self.expect(0, "==WARNING== No kernels were profiled.", FAILED, "no kernel was profiled")
        planted = {"expected_code": 99}
        self.expect(99, "", PASSED, "", **planted)
        self.expect(0, "", FAILED, "asleep: the planted bug was not reported", **planted)
        self.expect(1, "no usable GPU", WAITING, "", gpu="", **planted)
        self.expect(2, "usage", FAILED, "usage", **planted)

    def test_of_what_was_left(self):
        self.expect(0, "", FAILED, "left nothing", check=lambda: "left nothing")
        self.expect(0, "", WAITING, "rehearsed", gpu="", check=lambda: "", passes_as=(WAITING, "rehearsed"))


class Place:
    """As much of a place as the runner asks for."""
    gpu, left = "a GPU", 0

    def __init__(self, folder):
        self.logs = pathlib.Path(folder)

    def environment(self):
        return dict(os.environ)

    def has(self, program):
        return program != "nowhere"


class Time(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.written = []
        self.runner = Runner(Place(folder.name), lambda runner: self.written.append(len(runner.records)))
        runner.GRACE, self.before = 0.3, runner.GRACE
        self.addCleanup(setattr, runner, "GRACE", self.before)
        self.addCleanup(setattr, sys, "stdout", sys.stdout)
        sys.stdout = open(os.devnull, "w")
        self.addCleanup(sys.stdout.close)

    def run_section(self, ends, items, **how):
        self.runner.run_section(Section("section", ends, lambda place: items, **how))

    def found(self):
        return {record["name"]: (record["status"], record["note"]) for record in self.runner.records}

    def expect_ended(self, child):
        """Within what a busy machine needs for it; what is left running would sleep for longer."""
        state, begin = pathlib.Path(f"/proc/{child.read_text().strip()}/stat"), time.monotonic()
        while state.exists() and state.read_text().split()[2] != "Z":
            self.assertLess(time.monotonic() - begin, 40)
            time.sleep(0.01)

    def test_a_command_is_ended_with_all_it_started(self):
        child = self.runner.place.logs / "child"
        deaf = f"trap '' TERM; sleep 50 & echo $! >{child}; wait; wait"
        self.run_section(60, [Item("deaf", ["bash", "-c", deaf], limit=2), Item("next", ["true"])])
        self.assertEqual(self.found(), {"deaf": (FAILED, "not over after 2 s"), "next": (PASSED, "")})
        self.assertLess(self.runner.elapsed(), 40)
        self.expect_ended(child)

    def test_what_a_command_leaves_running_is_ended(self):
        child = self.runner.place.logs / "child"
        self.run_section(60, [Item("parent", ["bash", "-c", f"sleep 50 & echo $! >{child}"])])
        self.expect_ended(child)

    def test_a_late_section_is_cut_and_the_next_one_has_its_time(self):
        runner.LEAST, before = 0.2, runner.LEAST
        self.addCleanup(setattr, runner, "LEAST", before)
        self.run_section(3, [Item("slow", ["sleep", "50"], limit=20), Item("late", ["true"])])
        self.run_section(60, [Item("next", ["true"])])
        found = self.found()
        status, note = found.pop("slow")
        self.assertEqual(status, SKIPPED)
        self.assertRegex(note, "cut off after [0-9]+ s by the section's end")
        self.assertEqual(found, {"late": (SKIPPED, "out of time"), "next": (PASSED, "")})

    def test_without_a_gpu_nothing_is_rented_and_limits_are_for_what_hangs(self):
        self.runner.place.gpu = ""
        self.run_section(0.2, [Item("slow", ["sleep", "0.5"], limit=0.1), Item("next", ["true"])])
        self.assertEqual(self.found(), {"slow": (PASSED, ""), "next": (PASSED, "")})

    def test_several_run_at_once_and_each_is_written(self):
        here = self.runner.place.logs / "here"
        here.mkdir()
        meet = f"touch {here}/$0; while [ $(ls {here} | wc -l) -lt 6 ]; do sleep 0.05; done"
        self.run_section(60, [Item(str(i), ["bash", "-c", meet, str(i)]) for i in range(6)], at_once=6)
        self.assertEqual(set(self.found().values()), {(PASSED, "")})
        self.assertEqual(self.written, [1, 2, 3, 4, 5, 6])

    def test_overhead_is_the_time_in_which_nothing_runs(self):
        self.run_section(60, [Item("work", ["sleep", "0.3"]), Item("call", lambda: (time.sleep(0.3), (PASSED, ""))[1])])
        time.sleep(0.4)
        self.assertGreater(self.runner.overhead(), 0.4)
        self.assertLess(self.runner.overhead(), self.runner.elapsed() - 0.55)

    def test_what_runs_beside_is_waited_for_and_then_stopped(self):
        self.run_section(60, [Item("quick", ["sleep", "0.3"], background=True),
                              Item("slow", ["sleep", "50"], background=True), Item("beside", ["true"])])
        self.assertEqual(list(self.found()), ["beside"])
        self.run_section(60, [Item("alone", ["true"])], waits=1)
        self.assertEqual(self.found(), {"beside": (PASSED, ""), "quick": (PASSED, ""), "alone": (PASSED, ""),
                                        "slow": (SKIPPED, "cut off after 1 s by what must be timed alone")})

    def test_what_cannot_be_begun_stops_nothing(self):
        def broken():
            raise RuntimeError("broken")
        self.run_section(60, [Item("missing", ["/nowhere/bench"]), Item("tool", ["true"], needs="nowhere"),
                              Item("call", broken), Item("next", ["true"])])
        self.assertEqual(self.found(), {"missing": (FAILED, "No such file or directory: /nowhere/bench"),
                                        "tool": (SKIPPED, "not installed: nowhere"),
                                        "call": (FAILED, "RuntimeError: broken"), "next": (PASSED, "")})

    def test_sections_follow_each_other_within_the_minutes_of_a_call(self):
        for name, most in (("first", 330), ("second", 360)):
            ends = [section.ends for section in parts.PARTS[name]]
            self.assertEqual(ends, sorted(set(ends)), name)
            self.assertLessEqual(ends[-1] + self.before, most, name)


class Keeping(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_the_largest_files_are_left_out_of_an_archive_that_would_be_too_large(self):
        for name, size in (("logs/001.log", 1000), ("results/large.ncu-rep", 200000), ("results/run/small", 3000),
                           ("results/run/checkpoint.safetensors", 10)):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(os.urandom(size))
        dropped = details.pack(self.folder, self.folder / "details.tar.gz", most=100000)
        self.assertEqual(dropped, ["results/large.ncu-rep (0 MB)"])
        self.assertLess((self.folder / "details.tar.gz").stat().st_size, 100000)
        with tarfile.open(self.folder / "details.tar.gz") as archive:
            self.assertEqual(archive.getnames(), ["logs/001.log", "results/run/small"])

    def test_benchmarks_that_were_cut_off_are_read_up_to_there(self):
        runs = [{"run_name": f"op/{i}/manual_time", "run_type": "iteration", "real_time": 2, "time_unit": "us"}
                for i in range(3)]
        text = json.dumps({"context": {"device": "cuda"}, "benchmarks": runs}, indent=2)
        path = self.folder / "bench.json"
        path.write_text(text[:text.index('"op/2')])
        self.assertEqual(readings.benchmarks(path)["benchmarks"],
                         {"op/0": {"seconds": 2e-6}, "op/1": {"seconds": 2e-6}})

    def test_a_benchmark_that_says_it_failed_is_no_figure(self):
        path = self.folder / "bench.json"
        path.write_text(json.dumps({"context": {}, "benchmarks": [
            {"run_name": "op", "run_type": "iteration", "error_occurred": True, "error_message": "broke"}]}))
        self.assertEqual(readings.no_benchmarks(path), "op: broke")
        self.assertEqual(readings.no_benchmarks(path, may_skip=True), "op: broke")  # no other has a time
        path.write_text(json.dumps({"context": {}, "benchmarks": []}))
        self.assertEqual(readings.no_benchmarks(path), "left no benchmarks")

    def test_what_was_rehearsed_does_not_stand_among_what_was_measured(self):
        def part(gpu, roofline):
            step = {"seconds": 1, "images/s": 1, "roofline": roofline}
            context = {"batch": "256", "size": "64", "precision": "bf16"}
            return {"machine": {"gpu": gpu}, "items": [],
                    "results": {"unet": {"context": context, "benchmarks": {"unet/train_step": step}}}}
        both = {"parts": {"first": part("H100", 0.5), "second": part("", 0.1)}}
        self.assertIn(("whole step: 45 % of the sum of each op's roofline, at batch 256 and more, the least",
                       "50 % (unet 256x64 bf16): reached"), report.targets(both))


class Comparing(unittest.TestCase):
    def test_builds_differ_where_their_turns_lie_apart(self):
        self.assertEqual(tables.decided([1, 1], [2, 2]), 0.5)
        self.assertEqual(tables.decided([2, 2], [1, 1]), 2)
        self.assertIsNone(tables.decided([1, 3], [2, 2]))
        self.assertIsNone(tables.decided([2, 2], [1, 3]))
        self.assertIsNone(tables.decided([1], [2]), "one turn of each has no spread")


if __name__ == "__main__":
    unittest.main()
