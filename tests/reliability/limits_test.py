#!/usr/bin/env python3
"""What a run says that it will take of memory, against what it takes, and what it does where there is too little;
that the programs are hardened.

  python3 tests/reliability/limits_test.py BUILD
"""
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

from runs import strace_works

BUILD = pathlib.Path(sys.argv[1])
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class Limits(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)

    def train(self, *options, address_space=None):
        """The exit code, what was said on both streams, and the most memory that the process had, in bytes."""
        def limit():
            if address_space:
                resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
        command = [BUILD / "train_cuda", "--dataset", "synthetic", "--steps", "2", "--out", self.folder / "run", *options]
        environment = os.environ | {"XDG_CACHE_HOME": str(self.folder / "cache"), "GOMP_SPINCOUNT": "1000"}
        with open(self.folder / "said", "w") as said:
            process = subprocess.Popen(command, stdout=said, stderr=said, env=environment, preexec_fn=limit)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, (self.folder / "said").read_text(), usage.ru_maxrss * 1024

    def test_memory_is_predicted(self):
        for options in (["--size", "64", "--batch", "32"], ["--size", "64", "--batch", "32", "--model", "conv"]):
            with self.subTest(options=options):
                code, said, taken = self.train(*options)
                self.assertEqual(code, 0, said)
                number, unit = re.search(r"^memory: ([0-9.]+) (\w+) = ", said, re.M).groups()
                predicted = float(number) * UNITS[unit]
                self.assertLess(abs(taken / predicted - 1), 0.1, f"{taken / 2**20:.1f} MiB were taken\n{said}")
                shutil.rmtree(self.folder / "run")

    def test_a_limit_is_met_with_one_line(self):
        code, said, _ = self.train("--size", "128", "--batch", "32", address_space=300 << 20)
        self.assertEqual(code, 1, said)
        self.assertRegex(said, r"^train_cuda: batch 32: [0-9.]+ MiB of memory are needed and [0-9.]+ MiB are free; the "
                               r"largest batch that fits is [0-9]+\n$")
        self.assertFalse((self.folder / "run").exists())

    def test_the_machine_and_the_control_group_are_asked(self):
        """What they say is read by memory_test from files of its own; here, that it is theirs."""
        log = self.folder / "strace.log"
        if not strace_works():
            self.skipTest("strace cannot be used here")
        subprocess.run(["strace", "-f", "-o", log, "-e", "trace=openat", BUILD / "train_cuda", "--dataset", "synthetic",
                        "--steps", "1", "--size", "16", "--width", "2", "--out", self.folder / "run"],
                       check=True, stdout=subprocess.DEVNULL, env=os.environ | {"XDG_CACHE_HOME": str(self.folder)})
        asked = log.read_text(errors="replace")
        for file in ('"/proc/meminfo"', '"/proc/self/cgroup"', '"/sys/fs/cgroup/'):
            self.assertIn(file, asked)

    def test_programs_are_hardened(self):
        def said(*command):
            return subprocess.run([*command, BUILD / "denoise"], check=True, capture_output=True, text=True).stdout
        self.assertIn("GNU_RELRO", said("readelf", "-lW"))
        self.assertIn("NOW", said("readelf", "-dW"))
        symbols = said("nm", "-D")
        for name in ("__stack_chk_fail", "__memcpy_chk"):
            self.assertIn(name, symbols)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
