"""Builds wheels as scikit-build-core does, then puts the shared libraries that the module needs inside, with
their licences, and gives the wheel the tag of the glibc that all of it needs (auditwheel).

NVIDIA's libraries are none of them: the module opens them at run time, where PyTorch's wheels or a toolkit
have brought them.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from scikit_build_core import build as scikit
from scikit_build_core.build import *  # noqa: F403  (the other hooks of a backend)

HERE = pathlib.Path(__file__).resolve().parent
UNDER_THE_GPL = ("libfftw3", "libexiv2", "libopenblas")  # programs and the laboratory link them, never the module


def run(*command, **environment):
    done = subprocess.run([str(word) for word in command], env=os.environ | environment, text=True, capture_output=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    if not sys.platform.startswith("linux"):
        return scikit.build_wheel(wheel_directory, config_settings, metadata_directory)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "stand_in").mkdir()
        built = folder / scikit.build_wheel(str(folder), config_settings, metadata_directory)
        run(os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O2", "-Wl,-soname,libjbig.so.0",
            HERE / "no_jbig.c", "-o", folder / "stand_in" / "libjbig.so.0")
        path = [str(folder / "stand_in"), os.environ.get("LD_LIBRARY_PATH", "")]
        run(sys.executable, "-m", "auditwheel", "repair", built, "--wheel-dir", folder / "repaired",
            LD_LIBRARY_PATH=":".join(filter(None, path)))
        repaired, = (folder / "repaired").iterdir()
        return add_licences(repaired, pathlib.Path(wheel_directory))


def add_licences(wheel, directory):
    """The wheel with what Debian says of its libraries' authors and licences, in `directory`; its name."""
    from auditwheel.wheeltools import InWheel
    with InWheel(wheel, directory / wheel.name) as inside:
        libraries, = pathlib.Path(inside).glob("*.libs")
        for library in sorted(libraries.glob("*.so*")):
            if library.name.startswith(UNDER_THE_GPL):
                raise SystemExit(f"{library.name} would be in the wheel, and is under the GPL")
            licence = licence_of(library.name.split("-")[0])
            if licence is not None:
                shutil.copyfile(licence, libraries / f"{library.name.split('-')[0]}.copyright")
    return wheel.name


def licence_of(name):
    """Debian's copyright file of the library whose file was `name`; None elsewhere, and of what is our own."""
    if name == "libjbig" or shutil.which("dpkg-query") is None:
        return None
    done = subprocess.run(["dpkg-query", "--search", f"*/{name}.so*", f"*/{name}-*.so*"], capture_output=True, text=True)
    for line in done.stdout.splitlines():
        licence = pathlib.Path("/usr/share/doc") / line.split(":")[0] / "copyright"
        if "-dev" not in licence.parent.name and licence.exists():
            return licence
    return None
