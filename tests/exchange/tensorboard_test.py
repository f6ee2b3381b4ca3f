#!/usr/bin/env python3
"""What `train_cuda --tensorboard` writes, read back by a reader of this file's own and, where it is there, by
TensorBoard's: the rows of metrics.csv and the sheets, also of runs that were killed and resumed.

  python3 tests/exchange/tensorboard_test.py BUILD
"""
import csv
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    EventAccumulator = None

BUILD = pathlib.Path(sys.argv[1]).resolve()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    """The whole records of a file. A checksum of what is long takes long here: TensorBoard's reader checks all."""
    data = path.read_bytes()
    while len(data) >= 12:
        length, = struct.unpack("<Q", data[:8])
        if len(data) < 16 + length:
            return
        assert crc32c(data[:8]) == struct.unpack("<I", data[8:12])[0], path
        record, = struct.unpack(f"<{length}s", data[12:12 + length])
        assert length > 4096 or crc32c(record) == struct.unpack("<I", data[12 + length:16 + length])[0], path
        yield record
        data = data[16 + length:]


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def fields(message):
    """Of a protobuf message: {number: [values]}, whatever they mean."""
    found, at = {}, 0
    while at < len(message):
        key, at = varint(message, at)
        if key & 7 == 0:
            value, at = varint(message, at)
        else:
            length = {1: 8, 5: 4}.get(key & 7)
            if length is None:
                length, at = varint(message, at)
            value, at = message[at:at + length], at + length
        found.setdefault(key >> 3, []).append(value)
    return found


class Board:
    """What a run's event files say: {tag: {step: value}}, with the start of a session making void what was said."""

    def __init__(self, run):
        self.scalars, self.pictures, self.times, self.voided = {}, {}, [], []
        self.files = sorted((run / "tensorboard").iterdir())
        for file in self.files:
            for i, record in enumerate(records(file)):
                self.take(fields(record), i)

    def take(self, event, place):
        step = event.get(2, [0])[0]
        self.times.append(struct.unpack("<d", event[1][0])[0])
        assert (3 in event) == (place == 0), "a file begins with its version, and it alone does"
        if 3 in event:
            assert event[3] == [b"brain.Event:2"]
        if 7 in event:
            assert fields(event[7][0]) == {1: [1]}
            self.voided.append(step)
            for series in [*self.scalars.values(), *self.pictures.values()]:
                for late in [s for s in series if s >= step]:
                    del series[late]
        for summary in event.get(5, []):
            for value in map(fields, fields(summary)[1]):
                tag = value[1][0].decode()
                if 2 in value:
                    self.scalars.setdefault(tag, {})[step] = struct.unpack("<f", value[2][0])[0]
                else:
                    series = self.pictures.setdefault(tag, {})
                    assert step not in series, "a picture twice"
                    series[step] = fields(value[4][0])


class TensorBoard(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)
        self.run_folder = self.folder / "run"
        self.environment = os.environ | {"XDG_CACHE_HOME": str(self.folder / "cache"), "OMP_NUM_THREADS": "1"}

    def tearDown(self):
        self.temporary.cleanup()

    def command(self, *options):
        return [str(word) for word in (
            BUILD / "train_cuda", "--dataset", "synthetic", "--size", 16, "--width", 4, "--blocks", 1, "--batch", 2,
            "--device", "cpu", "--tensorboard", "--out", self.run_folder, *options)]

    def train(self, *options):
        subprocess.run(self.command(*options), check=True, stdout=subprocess.DEVNULL, env=self.environment)

    def expect_what_metrics_say(self, names):
        board = Board(self.run_folder)
        with open(self.run_folder / "metrics.csv") as file:
            rows = list(csv.DictReader(file))
        for tag, column in names.items():
            expected = {int(row["step"]): float(row[column]) for row in rows if row[column]}
            series = board.scalars[tag]
            self.assertEqual(sorted(series), sorted(expected), tag)
            for step, value in expected.items():
                # metrics.csv has six digits, and of a speed two after the point.
                rounding = 0.006 if tag == "train/images_per_second" else 1e-5 * abs(value)
                self.assertAlmostEqual(series[step], value, delta=rounding, msg=f"{tag} {step}")
        self.assertEqual(set(board.scalars), set(names))
        sheets = board.pictures["validation/samples"]
        for step, picture in sheets.items():
            png = picture[4][0]
            self.assertEqual(png, (self.run_folder / "samples" / f"step_{step:07}.png").read_bytes())
            self.assertEqual([picture[1][0], picture[2][0]], list(struct.unpack(">II", png[16:24]))[::-1])
        validated = [step for step in board.scalars["validation/psnr"]]
        self.assertEqual(sorted(sheets), sorted(validated))
        self.assertEqual(board.times, sorted(board.times))
        self.assertLess(abs(board.times[-1] - time.time()), 3600)
        if EventAccumulator:
            theirs = EventAccumulator(str(self.run_folder / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
            theirs.Reload()
            self.assertEqual(set(theirs.Tags()["scalars"]), set(names))
            for tag in names:
                self.assertEqual({event.step: event.value for event in theirs.Scalars(tag)}, board.scalars[tag], tag)
            self.assertEqual([event.step for event in theirs.Images("validation/samples")], sorted(sheets))
        return board

    NAMES = {f"train/{column}": column for column in ("loss", "learning_rate", "gradient_norm", "images_per_second")}
    NAMES["validation/psnr"] = "validation_psnr"

    def test_rows_and_sheets_of_a_sum_of_losses(self):
        self.train("--steps", 5, "--loss", "l1+0.1*ssim")
        board = self.expect_what_metrics_say(
            self.NAMES | {f"train/{column}": column
                          for column in ("l1", "l1_gradient_norm", "ssim", "ssim_gradient_norm")})
        self.assertEqual((len(board.files), board.voided), (1, []))

    def test_a_run_that_is_gone_on_with(self):
        self.train("--steps", 4)
        self.train("--resume", "--steps", 7)
        board = self.expect_what_metrics_say(self.NAMES)
        self.assertEqual((len(board.files), board.voided), (2, [5]))

    def test_killed_at_any_moment_it_goes_on_from_its_checkpoint(self):
        for _ in range(2):
            options = ["--resume"] if self.run_folder.exists() else ["--steps", "20000"]
            process = subprocess.Popen(self.command(*options, "--save-every", "0.3"), stdout=subprocess.DEVNULL,
                                       env=self.environment)
            checkpoint = self.run_folder / "checkpoint.safetensors"
            before = checkpoint.stat().st_mtime if checkpoint.exists() else 0
            while not checkpoint.exists() or checkpoint.stat().st_mtime == before:
                self.assertIsNone(process.poll())
                time.sleep(0.05)
            time.sleep(0.2)
            process.send_signal(signal.SIGKILL)
            process.wait()
        # As a kill within a write leaves it: a record cut off.
        with open(Board(self.run_folder).files[-1], "r+b") as last:
            begun = last.read(30)
            last.seek(0, os.SEEK_END)
            last.write(begun)
        files = len(Board(self.run_folder).files)
        process = subprocess.Popen(self.command("--resume"), stdout=subprocess.DEVNULL, env=self.environment)
        while len(Board(self.run_folder).files) == files or not Board(self.run_folder).files[-1].stat().st_size > 500:
            self.assertIsNone(process.poll())
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        process.wait()
        board = self.expect_what_metrics_say(self.NAMES)
        self.assertEqual(len(board.voided), 2)

    def test_a_folder_that_cannot_be_made_is_named(self):
        self.train("--steps", 2)
        shutil.rmtree(self.run_folder / "tensorboard")
        (self.run_folder / "tensorboard").write_text("taken")
        done = subprocess.run(self.command("--resume", "--steps", 3), capture_output=True, text=True,
                              env=self.environment)
        self.assertEqual(done.returncode, 1)
        self.assertIn("run/tensorboard: cannot be made: Not a directory\n", done.stderr)

    def test_without_the_option_there_is_nothing(self):
        command = self.command("--steps", 2)
        command.remove("--tensorboard")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=self.environment)
        self.assertFalse((self.run_folder / "tensorboard").exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
