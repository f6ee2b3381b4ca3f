#!/usr/bin/env python3
"""That docs/run-folder.md says what is in a run folder: its example runs, its tables are complete.

  python3 tests/record/run_folder_test.py BUILD
"""
import array
import csv
import json
import math
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import types
import unittest

BUILD = pathlib.Path(sys.argv[1])
PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "run-folder.md").read_text()


class Values(array.array):
    """A tensor's values with its shape."""


def load_file(path):
    """Of safetensors.numpy, for machines without it: by the format's own description."""
    data = pathlib.Path(path).read_bytes()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = Values({"F32": "f", "U64": "Q"}[entry["dtype"]], data[begin:end])
            tensors[name].shape = tuple(entry["shape"])
    return tensors


def leaves(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict) and key not in ("software", "device"):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


class RunFolder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.run_folder = pathlib.Path(cls.folder.name) / "run"
        subprocess.run([BUILD / "train_cuda", "--dataset", "synthetic", "--steps", "3", "--size", "16", "--width",
                        "4", "--blocks", "1", "--batch", "2", "--device", "cpu", "--loss", "mse+0.1*ssim", "--out",
                        cls.run_folder], check=True, stdout=subprocess.DEVNULL,
                       env=os.environ | {"XDG_CACHE_HOME": cls.folder.name, "OMP_NUM_THREADS": "1"})
        try:
            import safetensors.numpy
        except ImportError:
            module = types.ModuleType("safetensors.numpy")
            module.load_file = load_file
            sys.modules |= {"safetensors": types.ModuleType("safetensors"), "safetensors.numpy": module}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_the_example_reads_weights_and_curve(self):
        code, = re.findall(r"```python\n(.*?)```", PAGE, re.S)
        self.assertIn('"runs/long"', code)
        seen = {"print": lambda *words: None}
        exec(code.replace("runs/long", str(self.run_folder)), seen)
        self.assertEqual(tuple(seen["weights"]["head.weight"].shape), (4, 4, 4, 3))
        self.assertEqual(tuple(seen["weights"]["encoder.1.0.a.weight"].shape), (8, 3, 3, 8))
        self.assertEqual(tuple(seen["weights"]["up.1.weight"].shape), (16, 2, 2, 8))
        self.assertEqual(tuple(seen["weights"]["global.output.weight"].shape), (3, 64))
        self.assertEqual(seen["tensors"]["step"][0], 3)
        self.assertEqual(seen["curve"][-1][0], 3)
        self.assertTrue(math.isfinite(seen["curve"][-1][1]))
        for kept in ("weights.", "ema.", "moment1.", "moment2."):
            self.assertIn(f"`{kept}NAME`", PAGE)
            names = {name.removeprefix(kept) for name in seen["tensors"] if name.startswith(kept)}
            self.assertEqual(names, set(seen["weights"]))

    def test_every_file_key_and_column_is_described(self):
        files = {str(path.relative_to(self.run_folder)) for path in self.run_folder.rglob("*") if path.is_file()}
        named = {re.sub(r"step_\d+", "step_0001200", name) for name in files}
        for name in named | set(leaves(json.loads((self.run_folder / "config.json").read_text()))):
            self.assertIn(f"`{name}`", PAGE)
        with open(self.run_folder / "metrics.csv") as file:
            columns = next(csv.reader(file))
        for name in columns:
            self.assertIn(f"`{name}`", PAGE)

    def test_every_key_and_file_described_is_there(self):
        config = set(leaves(json.loads((self.run_folder / "config.json").read_text())))
        table = PAGE[PAGE.index("## config.json"):PAGE.index("## metrics.csv")]
        for row in re.findall(r"^\| (`.*?) \|", table, re.M):
            for key in re.findall(r"`(.*?)`", row):
                self.assertIn(key, config)
        table = PAGE[PAGE.index("| file |"):PAGE.index("## While")]
        sometimes = {"checkpoint.previous.safetensors", "checkpoint.damaged.safetensors", "features.safetensors",
                     "samples/step_0001200.png", "tensorboard/events.out.tfevents.*"}
        for row in re.findall(r"^\| (`.*?) \|", table, re.M):
            for name in set(re.findall(r"`(.*?)`", row)) - sometimes:
                self.assertTrue((self.run_folder / name).exists(), name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
