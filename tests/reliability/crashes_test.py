#!/usr/bin/env python3
"""That a run that is cut off anywhere goes on to the bits of one that never was.

  python3 tests/reliability/crashes_test.py BUILD [ROUNDS [TEST ...]]      TEST: Crashes.test_killed_at_random_moments

train_cuda saves after every step and is killed: in ROUNDS runs at random moments, again and again until it
is over; and at ROUNDS of each of the calls by which it writes (write, fsync, fdatasync, linkat, rename,
mkdir), or such a call fails, for which strace has to be there. Afterwards the folder opens or is free,
`--resume` or the same command goes on, and weights, metrics and sheets are those of a run that was left alone.
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from runs import expect_same, strace_works

BUILD = pathlib.Path(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 2
CALLS = ("write", "fsync", "fdatasync", "linkat", "rename", "mkdir")
TRAIN = ["--dataset", "synthetic", "--steps", "12", "--size", "16", "--width", "4", "--blocks", "1", "--batch", "2",
         "--device", "cpu", "--loss", "mse+0.1*l1", "--save-every", "0"]


class Crashes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.environment = os.environ | {"XDG_CACHE_HOME": str(cls.folder / "cache"), "OMP_NUM_THREADS": "1",
                                        "GOMP_SPINCOUNT": "1000"}
        began = time.monotonic()
        cls.run_to_end(cls.folder / "whole")
        cls.seconds = time.monotonic() - began

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def command(cls, run):
        resume = ["--resume"] if (run / "config.json").exists() else []
        return [BUILD / "train_cuda", *TRAIN, "--out", run, *resume]

    @classmethod
    def run_to_end(cls, run):
        done = subprocess.run(cls.command(run), capture_output=True, text=True, env=cls.environment)
        if done.returncode != 0:
            raise AssertionError(f"{run.name} does not go on: {done.stderr}")

    def expect_as_whole(self, run, what):
        """Clocks aside, and apart from notes in the report."""
        whole = self.folder / "whole"
        with self.subTest(what):
            expect_same(self, run, whole)
            self.assertTrue((run / "report.html").exists())
            left = sorted(path.name for path in run.rglob("*") if path.is_file())
            known = {path.name for path in whole.rglob("*")} | {"checkpoint.next.safetensors"}
            self.assertEqual([name for name in left if name not in known], [])
        shutil.rmtree(run)

    def test_killed_at_random_moments(self):
        moments, all_kills = random.Random(1), 0
        for number in range(ROUNDS):
            run, kills = self.folder / f"killed{number}", 0
            while True:
                process = subprocess.Popen(self.command(run), env=self.environment, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.PIPE)
                try:
                    _, errors = process.communicate(timeout=moments.uniform(0.1, 1.1) * self.seconds)
                    self.assertEqual(process.returncode, 0, errors)
                    break
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    kills += 1
            self.expect_as_whole(run, f"round {number}, killed {kills} times")
            all_kills += kills
        print(f"{ROUNDS} runs: {all_kills} kills", flush=True)

    def injected(self, run, call, fault, number):
        """Runs it with a fault at the number-th of these calls."""
        return subprocess.run(
            ["strace", "-f", "-o", self.folder / "strace.log", "-e", f"trace={call}",
             "-e", f"inject={call}:{fault}:when={number}", *self.command(run)],
            capture_output=True, text=True, env=self.environment)

    def each_call(self, kind, faults, check):
        if not strace_works():
            print("strace cannot be used here", flush=True)
            self.skipTest("no strace")
        numbers, tried = random.Random(1), 0
        for call in CALLS:
            run = self.folder / "counted"
            subprocess.run(["strace", "-f", "-o", self.folder / "strace.log", "-e", f"trace={call}", *self.command(run)],
                           check=True, stdout=subprocess.DEVNULL, env=self.environment)
            shutil.rmtree(run)
            count = (self.folder / "strace.log").read_text(errors="replace").count(f" {call}(")
            for number in sorted(numbers.sample(range(1, count + 1), min(ROUNDS, count))):
                run, fault = self.folder / f"{call}{number}", faults[tried % len(faults)]
                check(self.injected(run, call, fault, number))
                self.run_to_end(run)
                self.expect_as_whole(run, f"{call} {number} of {count}: {fault}")
                tried += 1
        print(f"{kind}: {tried} calls", flush=True)

    def test_killed_at_each_call(self):
        self.each_call("killed", ["signal=KILL"], lambda done: self.assertNotEqual(done.returncode, 0))

    def test_each_call_fails(self):
        def check(done):
            # What is no harm may go unnoticed; all else is one line.
            if done.returncode != 0:
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, "No space left on device|Input/output error|Read-only file system")
                self.assertEqual(done.stderr.strip().count("\n"), 0, done.stderr)

        self.each_call("failing", ["error=ENOSPC", "error=EIO", "error=EROFS"], check)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
