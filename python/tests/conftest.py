"""The tests of the package as it is installed: `python -m pytest python/tests`, or bash tools/test.sh --python."""
import pathlib

import numpy as np
import pytest

import dae

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Pictures are decoded into a cache of the tests' own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def pictures():
    """uint8 (5, 24, 37, 3)"""
    return np.random.default_rng(3).integers(0, 256, (5, 24, 37, 3), dtype=np.uint8)


class OnGpu:
    """Says that its memory is a GPU's; it is never read."""

    def __init__(self, array, device):
        self.array, self.device, self.shape = array, device, array.shape

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, **options):
        raise AssertionError("asked for its memory")


SMALL = dict(size=16, width=4, blocks=1, levels=2, batch=2, steps=3, device="cpu")


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The folder of a small run on synthetic pictures."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        dae.train("synthetic", out=folder, loss="mse+0.1*l1", **SMALL)
    return folder
