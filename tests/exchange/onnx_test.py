#!/usr/bin/env python3
"""What `export --onnx` writes, run by onnxruntime and checked by ONNX's checker, against `denoise`.

  python3 tests/exchange/onnx_test.py BUILD     with tests/peers.txt's packages; else it is skipped
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
    import onnx
    import onnxruntime
    import png
except ImportError as missing:
    print(f"skipped: {missing} (bash tools/test.sh --peers brings it)")
    sys.exit(0)

BUILD = pathlib.Path(sys.argv[1]).resolve()
AGREEMENT = 1e-4
# Not on the grid, less than a crop, one pixel, more than eight crops along a side.
SIZES = [(64, 64), (101, 67), (33, 300), (7, 5), (1, 1)]


def run(*command):
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True,
                          env=os.environ | {"OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "1000"})
    if done.returncode:
        raise AssertionError(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def noisy_picture(height, width):
    """uint16: shapes of a few levels with noise of 20/255, so that every channel reaches both its ends."""
    random = np.random.default_rng(height * 1000 + width)
    y, x = np.mgrid[:height, :width]
    waves = [0.5 + 0.4 * np.sin(x / (5 + c)) * np.sign(np.sin(y / (9 + 3 * c))) for c in range(3)]
    noisy = np.stack(waves, axis=2) + random.normal(0, 20 / 255, (height, width, 3))
    return np.round(np.clip(noisy, 0, 1) * 65535).astype(np.uint16)


def write(path, picture):
    height, width, _ = picture.shape
    bits = 8 * picture.dtype.itemsize
    with open(path, "wb") as file:
        png.Writer(width, height, greyscale=False, bitdepth=bits).write(file, picture.reshape(height, -1))


def read(path):
    width, height, rows, info = png.Reader(bytes=path.read_bytes()).read()
    return np.vstack([np.asarray(row) for row in rows]).reshape(height, width, info["planes"])


class Onnx(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        os.environ["XDG_CACHE_HOME"] = str(cls.folder / "cache")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def trained(self, name, *options):
        """A run folder, made where there is none of that name."""
        out = self.folder / name
        if not out.exists():
            run(BUILD / "train_cuda", "--dataset", "synthetic", "--steps", 8, "--batch", 4, "--size", 32, "--device",
                "cpu", "--lr", "5e-3", "--out", out, *options)
        return out

    def session(self, *export):
        file = self.folder / "network.onnx"
        run(BUILD / "export", *export, "--onnx", file, "--force")
        onnx.checker.check_model(str(file), full_check=True)
        return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])

    def restored(self, picture, network, options):
        folder = self.folder / "pictures"
        folder.mkdir(exist_ok=True)
        write(folder / "picture.png", picture)
        run(BUILD / "denoise", *network, folder / "picture.png", "--device", "cpu", "--out", folder / "restored",
            *options)
        restored = read(folder / "restored" / "picture.png")
        (folder / "restored" / "picture.png").unlink()
        return restored

    def expect_agreement(self, session, network, sizes, sigma=None):
        for size in sizes:
            picture = noisy_picture(*size)
            given = {"picture": (picture / 65535).astype(np.float32).transpose(2, 0, 1)[None]}
            options = []
            if sigma is not None:
                given["sigma"] = np.array([sigma], np.float32)
                options = ["--sigma", sigma]
            found, = session.run(["restored"], given)
            self.assertEqual(found.shape, (1, 3, *size))
            ours = self.restored(picture, network, options) / 65535
            theirs = np.clip(found[0].transpose(1, 2, 0), 0, 1)
            self.assertLess(np.abs(theirs - ours).max(), AGREEMENT, f"{size}")
            self.assertGreater(np.abs(ours - picture / 65535).max(), 0.01, "something was done")

    def test_unet_with_a_global_path(self):
        network = self.trained("unet", "--width", 8)
        self.expect_agreement(self.session(network), [network], SIZES)

    def test_unet_at_the_whole_size_without_skips(self):
        network = self.trained("stem", "--width", 8, "--stem", 1, "--levels", 4, "--skips", "off", "--global", "off",
                               "--residual", "off")
        self.expect_agreement(self.session(network), [network], SIZES[1:3])

    def test_conv(self):
        network = self.trained("conv", "--model", "conv")
        self.expect_agreement(self.session(network), [network], SIZES)

    def test_fc_at_its_size(self):
        network = self.trained("fc", "--model", "fc")
        session = self.session(network)
        self.expect_agreement(session, [network], [(32, 32)])
        self.assertEqual(session.get_inputs()[0].shape, ["N", 3, 32, 32])

    def test_the_network_that_ships_is_told_the_noise(self):
        session = self.session()
        self.assertEqual([given.name for given in session.get_inputs()], ["picture", "sigma"])
        for sigma in (5, 20, 60):
            self.expect_agreement(session, [], [(101, 67)], sigma)
        picture = noisy_picture(20, 30).astype(np.float32).transpose(2, 0, 1)[None] / 65535
        same, = session.run(None, {"picture": picture, "sigma": np.array([0.2], np.float32)})
        self.assertTrue((same == picture).all(), "noise below that of rounding is none")
        said = session.get_modelmeta().custom_metadata_map
        self.assertIn("noise 0:55", said["trained_for"])
        self.assertIn("order camera", said["trained_for"])
        self.assertEqual(json.loads(said["config"])["model"]["noise_input"], True)
        self.assertEqual(said["dae_version"], run(BUILD / "export", "--version").split()[1])
        # What lies beyond the receptive radius has no influence; what lies at it may.
        radius = int(said["receptive_radius"])
        picture = np.full((1, 3, 32, 2 * radius + 64), 0.5, np.float32)
        changed = picture.copy()
        changed[..., 32 + radius + 1:] = 0.9
        given = {"sigma": np.array([20], np.float32)}
        one, = session.run(None, given | {"picture": picture})
        other, = session.run(None, given | {"picture": changed})
        self.assertLess(np.abs(one - other)[..., :33].max(), 1e-6)
        self.assertGreater(np.abs(one - other).max(), 0.1)

    def test_bytes(self):
        network = self.trained("unet", "--width", 8)
        session = self.session(network, "--pixels", "uint8")
        for size in SIZES[1:3]:
            picture = (noisy_picture(*size) >> 8).astype(np.uint8)
            found, = session.run(None, {"picture": picture.transpose(2, 0, 1)[None]})
            self.assertEqual(found.dtype, np.uint8)
            ours = self.restored(picture, [network], []).astype(int)
            away = np.abs(found[0].transpose(1, 2, 0).astype(int) - ours)
            self.assertLessEqual(away.max(), 1, "where rounding goes the other way")
            self.assertLess((away > 0).mean(), 0.001)

    def test_several_pictures_at_once(self):
        session = self.session(self.trained("unet", "--width", 8))
        pictures = np.stack([noisy_picture(40, 70), noisy_picture(70, 40).transpose(1, 0, 2)]) / 65535
        planes = pictures.astype(np.float32).transpose(0, 3, 1, 2)
        both, = session.run(None, {"picture": planes})
        for i in range(2):
            alone, = session.run(None, {"picture": planes[i:i + 1]})
            self.assertLess(np.abs(both[i] - alone[0]).max(), 1e-5)

    def test_quick_start(self):
        page = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "quick-start.md").read_text()
        section = page[page.index("\n## ONNX\n"):]
        commands, = re.findall(r"```sh\n(.*?)```", section, re.S)
        code, = re.findall(r"```python\n(.*?)```", section, re.S)
        folder = self.folder / "quick"
        (folder / "runs").mkdir(parents=True)
        (folder / "runs" / "a").symlink_to(self.trained("unet", "--width", 8))
        subprocess.run(["bash", "-euc", f"{commands}\n{sys.executable} - <<'END'\n{code}\nEND"], check=True, cwd=folder,
                       stdout=subprocess.DEVNULL, env=os.environ | {"PATH": f"{BUILD}/manual:{os.environ['PATH']}"})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
