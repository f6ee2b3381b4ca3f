"""docs/python.md: its snippets run, in order, in a folder that has what they name."""
import re
import runpy

import numpy as np
import pytest

import dae
from conftest import ROOT

PAGE = (ROOT / "docs" / "python.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with photos/, pictures of 96x80 pixels."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "photos").mkdir()
    random = np.random.default_rng(1)
    for i in range(6):
        picture = np.kron(random.integers(30, 220, (10, 12, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        (folder / "photos" / f"{i}.ppm").write_bytes(b"P6 96 80 255\n" + picture.tobytes())
    return folder


def needs(snippet):
    return [module for module in ("torch", "jax", "cupy", "pandas", "PIL") if re.search(rf"\b(import|from) {module}\b", snippet)]


def test_there_are_snippets():
    assert len(SNIPPETS) >= 6


def test_the_snippets_run(place, monkeypatch):
    """One after another with the same names, as a reader types them; those of frameworks that are not here, or that
    need a GPU, are passed over."""
    monkeypatch.chdir(place)
    names, ran = {}, 0
    for snippet in SNIPPETS:
        try:
            for module in needs(snippet):
                __import__(module)
        except ImportError:
            continue
        if "cuda" in snippet and ("torch" not in names or not names["torch"].cuda.is_available()):
            continue
        exec(compile(snippet, "docs/python.md", "exec"), names)
        ran += 1
    assert ran >= 4
    assert (place / "runs" / "first" / "report.html").is_file()


def test_every_public_name_is_documented():
    for name in dae.__all__:
        thing = getattr(dae, name)
        if callable(thing):
            assert thing.__doc__, name
    for name in ("Corruption", "Denoiser", "train", "evaluate", "read_run", "dae.torch.load"):
        assert name in PAGE, name
