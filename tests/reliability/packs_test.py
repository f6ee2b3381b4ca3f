#!/usr/bin/env python3
"""That processes which open a dataset at once fill its cache together, and that none that is killed hurts it.

  python3 tests/reliability/packs_test.py BUILD [ROUNDS [TEST ...]]

`corrupt` draws a sheet of a dataset of archives, which it decodes first. Several do so at once, in ROUNDS rounds
of which some are killed or stopped at a random moment: the others end, with the same sheet, and so does whoever
comes after.
"""
import io
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import zlib

BUILD = pathlib.Path(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 4
SHARDS, PICTURES, SIDE = 12, 10, 150
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "1000"}


def picture(moments):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    row = b"\0" + moments.randbytes(3 * SIDE)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(row * SIDE)) + chunk(b"IEND", b""))


class Packs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        (cls.folder / "shards").mkdir()
        moments = random.Random(1)
        for shard in range(SHARDS):
            with tarfile.open(cls.folder / "shards" / f"{shard:02}.tar", "w") as archive:
                for number in range(PICTURES):
                    data = picture(moments)
                    member = tarfile.TarInfo(f"{number}.png")
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))
        began = time.monotonic()
        cls.whole = cls.sheet_of(cls.start("alone", "alone"), "alone")
        cls.seconds = time.monotonic() - began
        cls.packs = cls.contents("alone")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def start(cls, cache, name):
        return subprocess.Popen([BUILD / "corrupt", cls.folder / "shards", "--out", cls.folder / f"{name}.png"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                env=ENVIRONMENT | {"XDG_CACHE_HOME": str(cls.folder / "caches" / cache)})

    @classmethod
    def sheet_of(cls, process, name):
        said = process.communicate(timeout=600)[1]
        if process.returncode != 0:
            raise AssertionError(f"{name}: {said}")
        return (cls.folder / f"{name}.png").read_bytes()

    @classmethod
    def contents(cls, cache):
        return {path.name: path.read_bytes() for path in (cls.folder / "caches" / cache).rglob("*.pack")}

    def test_there_is_a_pack_a_shard(self):
        self.assertEqual(len(self.packs), SHARDS)
        left = [path.name for path in (self.folder / "caches/alone").rglob("*") if path.is_file()]
        self.assertEqual(sorted(left), sorted(self.packs))

    def test_whoever_is_lost_hurts_nobody(self):
        moments = random.Random(2)
        for number in range(ROUNDS):
            cache, names = f"cache{number}", [f"{number}-{i}" for i in range(4)]
            processes = [self.start(cache, name) for name in names]
            time.sleep(moments.uniform(0.1, 1.5) * self.seconds)
            killed, stopped = processes[0], processes[1]
            killed.kill()
            stopped.send_signal(signal.SIGSTOP)
            with self.subTest(number=number):
                for process, name in zip(processes[2:], names[2:]):
                    self.assertEqual(self.sheet_of(process, name), self.whole)
                stopped.send_signal(signal.SIGCONT)
                self.assertEqual(self.sheet_of(stopped, names[1]), self.whole)
                killed.communicate()
                self.assertEqual(self.sheet_of(self.start(cache, "after"), "after"), self.whole)
                self.assertEqual(self.contents(cache), self.packs)
            shutil.rmtree(self.folder / "caches" / cache)

    def test_what_was_left_is_gone_on_with(self):
        """All are killed at once, again and again: each finds what those before it have made."""
        moments = random.Random(3)
        for _ in range(ROUNDS):
            processes = [self.start("left", f"left{i}") for i in range(2)]
            time.sleep(moments.uniform(0.1, 0.6) * self.seconds)
            made = self.contents("left")
            for process in processes:
                process.kill()
                process.communicate()
            self.assertLessEqual(made.items(), self.contents("left").items())
        self.assertEqual(self.sheet_of(self.start("left", "left"), "left"), self.whole)
        self.assertEqual(self.contents("left"), self.packs)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
