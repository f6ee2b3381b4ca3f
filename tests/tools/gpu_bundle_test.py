#!/usr/bin/env python3
"""What tools/gpu_bundle.sh packed, held to what a GPU machine has: `python3 tests/tools/gpu_bundle_test.py ARCHIVE`.

Such a machine is taken to be an Ubuntu 24.04 with a compiler: of shared libraries it has glibc, libstdc++ and
libgcc_s, and whatever else a program loads must come from the bundle. Each check is also shown something
that it must refuse.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ARCHIVE = None
MOST = 64 << 20  # bytes of bundle and checkout together, as in the script
PROGRAMS = ["train_cuda", "study", "denoise", "evaluate", "export", "corrupt", "blur_report", "bench", "dump_step",
            "describe_gpu"]
SYSTEM = {"libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "ld-linux-x86-64.so.2",
          "libstdc++.so.6", "libgcc_s.so.1"}
# The newest symbol versions of Ubuntu 24.04: glibc 2.39 and the libraries of GCC 14.
NEWEST = {"GLIBC": (2, 39), "GLIBCXX": (3, 4, 33), "CXXABI": (1, 3, 15), "GCC": (14, 0, 0)}


def output_of(*command, env=None):
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout


def too_new(objdump):
    """The symbol versions that a file requires, by `objdump -p`, and NEWEST has not."""
    found, required = [], objdump.partition("Version References:")[2]
    for version in re.findall(r"^ +0x[0-9a-f]+ 0x[0-9a-f]+ [0-9a-f]+ (\S+)$", required, re.M):
        library, _, number = version.partition("_")
        if library in NEWEST:
            parts = number.split(".")
            if not all(part.isdigit() for part in parts) or tuple(map(int, parts)) > NEWEST[library]:
                found.append(version)
    return found


def loaded(trace, lib):
    """The libraries of `lib` in a loader's trace, and the lines that name one of neither `lib` nor SYSTEM."""
    own, strays = set(), []
    for line in filter(None, map(str.strip, trace.splitlines())):
        name, _, path = line.rpartition(" (0x")[0].partition(" => ")
        path = pathlib.Path(os.path.normpath(path))
        if path.parent == lib:
            own.add(path.name)
        elif name != "linux-vdso.so.1" and pathlib.Path(name).name not in SYSTEM:
            strays.append(line)
    return own, strays


def search_paths(readelf):
    """[(RPATH or RUNPATH, its value)], by `readelf -d`."""
    return re.findall(r"\((RPATH|RUNPATH)\) .*\[(.*)\]", readelf)


def checkout_bytes():
    """0 where there is no git, or no checkout of its."""
    try:
        names = output_of("git", "-C", ROOT, "ls-files", "-z").split("\0")
    except (OSError, subprocess.CalledProcessError):
        return 0
    return sum((ROOT / name).stat().st_size for name in names if name and (ROOT / name).is_file())


def trace(program):
    # What `ldd -r` does: loads, says from where, and names symbols that nothing has.
    done = subprocess.run([program], capture_output=True, text=True, env={
        "LD_TRACE_LOADED_OBJECTS": "1", "LD_WARN": "yes", "LD_BIND_NOW": "yes"})
    return done.stdout + done.stderr


class GpuBundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.bundle = pathlib.Path(folder.name).resolve()
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(cls.bundle)
        cls.lib = cls.bundle / "lib"
        cls.libraries = sorted(cls.lib.iterdir())
        cls.tests = sorted((cls.bundle / "tests").glob("*_test"))
        cls.planted_bugs = cls.bundle / "tests/planted_bugs"
        cls.programs = [*(cls.bundle / name for name in PROGRAMS), *cls.tests, cls.planted_bugs]

    def test_holds_what_the_script_promises(self):
        self.assertEqual({path.name for path in self.bundle.iterdir()}, {*PROGRAMS, "tests", "lib", "commit"})
        self.assertGreaterEqual(len(self.tests), 30)
        self.assertLessEqual({"cudnn_test", "conv2d_test", "trainer_test", "ssim_loss_test"},
                             {test.name for test in self.tests})
        self.assertEqual(SYSTEM & {library.name for library in self.libraries}, set())
        self.assertNotEqual((self.bundle / "commit").read_text().strip(), "")

    def test_every_program_starts_in_an_empty_environment(self):
        starts = [(program, [], "usage:", 2) if program == self.planted_bugs else
                  (program, ["--gtest_list_tests"], "cuda", 0) if program in self.tests else
                  (program, ["--help"], "--help", 0) for program in self.programs]
        for program, arguments, says, code in starts:
            with self.subTest(program.name):
                done = subprocess.run([program, *arguments], capture_output=True, text=True, env={}, cwd=self.bundle)
                self.assertIn(says, (done.stdout + done.stderr).lower().replace("cudnn", "cuda"))
                self.assertEqual(done.returncode, code, done.stderr)

    def test_libraries_come_from_the_bundle(self):
        used = set()
        for program in self.programs:
            own, strays = loaded(trace(program), self.lib)
            used |= own
            self.assertEqual(strays, [], program.name)
        self.assertEqual(used, {library.name for library in self.libraries})

    def test_a_library_from_elsewhere_is_seen(self):
        with tempfile.TemporaryDirectory() as folder:  # without a lib/: found in this machine's, or not at all
            alone = shutil.copy(self.bundle / "train_cuda", folder)
            own, strays = loaded(trace(alone), pathlib.Path(folder, "lib"))
        self.assertEqual(own, set())
        self.assertIn("libfmt.so", "".join(strays))
        self.assertIn("libdnnl.so", "".join(strays))
        for line in ("libx.so.1 => not found", "undefined symbol: f\t(./x)", "libx.so.1 => /lib/libx.so.1 (0x00001)",
                     "/lib/libx.so.1 (0x00001)", "libx.so.1 => /tmp/lib/deep/libx.so.1 (0x00001)"):
            self.assertEqual(loaded(f"\t{line}\n", pathlib.Path("/tmp/lib")), (set(), [line]))
        for line, own in (("libx.so.1 => /tmp/tests/../lib/libx.so.1 (0x00001)", {"libx.so.1"}),
                          ("libm.so.6 => /lib64/libm.so.6 (0x00001)", set())):
            self.assertEqual(loaded(f"\t{line}\n", pathlib.Path("/tmp/lib")), (own, []))

    def test_asks_for_no_newer_symbols_than_ubuntu_24_04_has(self):
        for file in [*self.programs, *self.libraries]:
            objdump = output_of("objdump", "-p", file)
            self.assertIn("required from libc.so.6:", objdump, file.name)
            self.assertEqual(too_new(objdump), [], file.name)

    def test_newer_symbols_are_seen(self):
        versions = ("GLIBC_2.39", "GLIBC_2.4", "GLIBC_2.40", "GLIBC_3", "GLIBCXX_3.4.9", "GLIBCXX_3.4.33",
                    "GLIBCXX_3.4.34", "CXXABI_1.3.15", "CXXABI_1.3.16", "GCC_14.0.0", "GCC_15.0.0", "GLIBC_PRIVATE",
                    "GOMP_9.0", "OMP_9.0")
        lines = "".join(f"    0x06969199 0x00 {i:02d} {version}\n" for i, version in enumerate(versions))
        self.assertEqual(too_new(f"Version definitions:\n    0x06969199 0x00 01 GLIBC_2.40\n\nVersion References:\n"
                                 f"  required from libc.so.6:\n{lines}\n"),
                         ["GLIBC_2.40", "GLIBC_3", "GLIBCXX_3.4.34", "CXXABI_1.3.16", "GCC_15.0.0", "GLIBC_PRIVATE"])

    def test_looks_beside_itself_and_nowhere_else(self):
        for program in self.programs:
            beside = "$ORIGIN/lib" if program.parent == self.bundle else "$ORIGIN/../lib"
            self.assertEqual(search_paths(output_of("readelf", "-d", program)), [("RPATH", beside)], program.name)
        for library in self.libraries:
            self.assertEqual(search_paths(output_of("readelf", "-d", library)), [], library.name)
        self.assertEqual(search_paths(" 0x000000000000001d (RUNPATH)            Library runpath: [/usr/lib]\n"),
                         [("RUNPATH", "/usr/lib")])

    def test_can_be_carried_with_a_checkout(self):
        self.assertLess(os.path.getsize(ARCHIVE) + checkout_bytes(), MOST)

    def test_the_script_refuses_what_it_cannot_pack(self):
        with tempfile.TemporaryDirectory() as folder:
            for arguments, code, says in ((["--build"], 2, "give a folder"),
                                          (["--bild", folder], 2, "unknown option"),
                                          (["a", "b"], 2, "one archive"),
                                          (["--build", folder], 1, "has no train_cuda")):
                command = ["bash", ROOT / "tools/gpu_bundle.sh", *arguments]
                done = subprocess.run(command, capture_output=True, text=True)
                self.assertEqual(done.returncode, code, arguments)
                self.assertIn(says, done.stderr)


if __name__ == "__main__":
    ARCHIVE = sys.argv.pop(1)
    unittest.main()
