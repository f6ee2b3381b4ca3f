#!/usr/bin/env python3
"""Builds a wheel, installs it into an empty environment, and runs the package's tests there.

  bash tools/test.sh --python [PYTHON ...]     (which calls this) with these interpreters instead of `python3`

The module is compiled as preset dev compiles, so that with ccache what that has built is not built again; the first
interpreter's wheel serves later ones that can use it. The environments are made anew in build/python/. PyTorch comes
from the package index, with NVIDIA's libraries some gigabytes; DAE_WITHOUT=torch,jax leaves such packages out, and the tests of
them are skipped.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "python"
PACKAGES = ["pytest", "pandas", "pillow", "torch", "jax", "mypy"]


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **options)


def cache_variables(preset):
    """Those of a preset of CMakePresets.json and of what it inherits."""
    presets = json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
    own, = (found for found in presets if found["name"] == preset)
    return (cache_variables(own["inherits"]) if "inherits" in own else {}) | own.get("cacheVariables", {})


def fitting_wheel(python):
    """One that was built before and that this interpreter installs."""
    wheels = sorted(WORK.glob("*.whl"))
    for wheel in wheels:
        done = subprocess.run([python, "-m", "pip", "install", "--dry-run", "--no-deps", "--quiet", wheel],
                              capture_output=True)
        if done.returncode == 0:
            return wheel
    return None


def build(python):
    variables = cache_variables("dev") | {"DAE_WARNINGS_ARE_ERRORS": "ON"}
    build_type = variables.pop("CMAKE_BUILD_TYPE")  # scikit-build-core gives it itself
    settings = [f"--config-settings=cmake.define.{name}={value}" for name, value in variables.items()]
    before, begin = set(WORK.glob("*.whl")), time.monotonic()
    run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", WORK,
        f"--config-settings=cmake.build-type={build_type}", "--config-settings=install.strip=true", *settings, ROOT,
        env=os.environ | {"CCACHE_BASEDIR": str(ROOT), "CCACHE_NOHASHDIR": "1"})
    wheel, = set(WORK.glob("*.whl")) - before
    print(f"{wheel.name}: {wheel.stat().st_size / 2**20:.1f} MiB, built in {time.monotonic() - begin:.0f} s", flush=True)
    return wheel


def look_inside(wheel):
    """What must be in it, and what must not."""
    names = [pathlib.PurePath(name).name for name in zipfile.ZipFile(wheel).namelist()]
    for needed in ("photographs.safetensors", "py.typed", "_dae.pyi", "LICENSE"):
        assert needed in names, f"{wheel.name} has no {needed}"
    for unwanted in ("libcud", "libcublas", "libnv", "libfftw", "libexiv2", "libopenblas", "libstdc++"):
        assert not any(name.startswith(unwanted) for name in names), f"{wheel.name} has {unwanted}"
    assert "-manylinux_2_" in wheel.name, f"{wheel.name} does not say which glibc it needs"


def main():
    pythons = sys.argv[1:] or ["python3"]
    left_out = os.environ.get("DAE_WITHOUT", "").split(",")
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    for number, interpreter in enumerate(pythons):
        environment = WORK / f"environment{number}"
        run(interpreter, "-m", "venv", environment)
        python = environment / "bin" / "python"
        wheel = fitting_wheel(python) or build(python)
        look_inside(wheel)
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel,
            *(package for package in PACKAGES if package not in left_out))
        # Not from the checkout's folder, where python/dae has no module.
        run(python, "-m", "pytest", "-p", "no:cacheprovider", "-rs", ROOT / "python" / "tests", cwd=environment)
        if "mypy" not in left_out:
            run(python, "-m", "mypy", "--warn-unused-ignores", "--cache-dir", WORK / "mypy", ROOT / "python" / "tests" / "typed.py", cwd=environment)


if __name__ == "__main__":
    main()
