#!/usr/bin/env python3
"""The library as other projects get it: `python3 tests/examples/library_test.py BUILD`.

What BUILD installs, and examples/ built against that by find_package, and against the sources by
FetchContent and add_subdirectory, without CUDA, unoptimised and in unity builds; each then run. From sources
that takes minutes: the ordinary tests configure both ways and build a part, `DAE_WHOLE=1` does all.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = None
FACE = ["corruption.h", "denoiser.h", "device.h", "error.h", "evaluation.h", "network.h", "training.h", "version.h"]


def run(*command, **options):
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Library(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.prefix = cls.folder / "prefix"
        run("cmake", "--install", BUILD, "--component", "library", "--prefix", cls.prefix)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def build(self, name, *options, target="all"):
        folder = self.folder / name
        run("cmake", "-G", "Ninja", "-S", ROOT / "examples", "-B", folder, *options)
        run("cmake", "--build", folder, "-j", len(os.sched_getaffinity(0)), "--target", target)
        return folder

    def expect_examples_work(self, folder):
        text = run(folder / "corrupt")
        self.assertRegex(text, r"^noise of 2[45]\.[0-9] / 255; picture 5 again: the same$")
        trained = pathlib.Path(tempfile.mkdtemp(dir=self.folder)) / "run"
        # Two threads of a moment's work each would wait for each other while other tests run.
        text = run(folder / "train", "synthetic", trained, 1, env={**os.environ, "OMP_NUM_THREADS": "1"})
        self.assertRegex(text, r"weights, 43 pictures\nstep ")
        self.assertRegex(text, r"held-out pictures: [0-9.]+ dB corrupted, [0-9.]+ dB restored\n$")
        given, restored = self.folder / "given.ppm", self.folder / f"{folder.name}.ppm"
        pixels = bytes(i * 7 % 256 for i in range(3 * 20 * 30))
        given.write_bytes(b"P6\n20 30\n255\n" + pixels)
        self.assertIn("100 %", run(folder / "restore", trained, given, restored,
                                   env={**os.environ, "OMP_NUM_THREADS": "1"}))
        written = restored.read_bytes()
        self.assertTrue(written.startswith(b"P6\n20 30\n255\n"))
        self.assertEqual(len(written), len(given.read_bytes()))
        self.assertNotEqual(written, given.read_bytes())
        failed = subprocess.run([folder / "restore", self.folder / "nowhere", given, restored], capture_output=True,
                                text=True)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("there is no such run folder", failed.stderr)

    def test_nothing_but_the_face_is_installed(self):
        headers = sorted(str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*.h"))
        self.assertEqual(headers, [f"include/dae/{name}" for name in FACE])

    def test_headers_stand_alone_and_include_nothing_else_of_ours(self):
        for name in FACE:
            source = self.folder / "alone.cpp"
            source.write_text(f"#include <dae/{name}>\nint main() {{}}\n")
            run("c++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{self.prefix}/include", source)

    def test_find_package(self):
        self.expect_examples_work(self.build("package", f"-DCMAKE_PREFIX_PATH={self.prefix}"))

    def blocks(self, heading, language):
        """The code of a section of docs/quick-start.md."""
        page = (ROOT / "docs" / "quick-start.md").read_text()
        section = page[page.index(f"\n## {heading}\n"):].split("\n## ")[1]
        return re.findall(rf"```{language}\n(.*?)```", section, re.S)

    def test_quick_start_of_the_programs(self):
        folder = self.folder / "quick-programs"
        (folder / "photos").mkdir(parents=True)
        for i in range(3):
            pixels = bytes((x * (i + 3) + x // 97) % 256 for x in range(3 * 80 * 72))
            (folder / "photos" / f"{i}.ppm").write_bytes(b"P6\n80 72\n255\n" + pixels)
        shutil.copy(ROOT / "tests" / "fixtures" / "photos" / "profile.png", folder / "holiday.png")
        commands, = self.blocks("The programs", "sh")
        self.assertEqual(commands.count("--time 3600"), 1)
        commands = commands.replace("--time 3600", "--steps 2 --size 32 --batch 2 --width 8")
        run("bash", "-euc", commands, cwd=folder,
            env={**os.environ, "PATH": f"{BUILD}/manual:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"})
        for made in ("restored/holiday.png", "smoother/holiday.png", "mine/holiday.png", "sheet.png",
                     "runs/a/report.html", "camera.safetensors"):
            self.assertTrue((folder / made).exists(), made)

    def test_quick_start_of_the_library(self):
        folder = self.folder / "quick-library"
        folder.mkdir()
        for name, language in (("CMakeLists.txt", "cmake"), ("quick.cpp", "cpp")):
            code, = self.blocks("C++", language)
            (folder / name).write_text(code)
        run("cmake", "-G", "Ninja", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", folder / "build")
        noise = run(folder / "build" / "quick", env={**os.environ, "OMP_NUM_THREADS": "1"})
        self.assertRegex(noise, r"^noise of [1-9][0-9.]* / 255\n$")

    def test_fetch_content_and_add_subdirectory(self):
        # In one build folder: the second way finds the first one's objects, as they should be the same.
        whole = os.environ.get("DAE_WHOLE") == "1"
        for way in ("fetch", "subdirectory"):
            folder = self.build("sources", f"-DDAE_FROM={way}", f"-DDAE_SOURCE={ROOT}", "-DDAE_CUDA=OFF",
                                "-DCMAKE_CXX_FLAGS=-O0", "-DCMAKE_UNITY_BUILD=ON",
                                target="all" if whole else "dae_runtime")
            self.assertFalse(list(folder.rglob("train_cuda*")), "programs are not built for others")
            if whole:
                self.expect_examples_work(folder)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
