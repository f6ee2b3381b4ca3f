#!/usr/bin/env python3
"""tools/gpu_acceptance.sh rehearsed without a GPU: `python3 tests/tools/gpu_acceptance_test.py BUILD [BUNDLE]`.

With the real programs of a build and of what tools/gpu_bundle.sh packed: every command must exist, parse,
and read "waiting for a GPU", "skipped" or, where BUILD/simulated has the program, passed on the simulated
GPU. And with stand-ins on a GPU that is not there, some of which fail, sleep or are missing, to see that
each is judged as it should be and stops no other.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest

import gpu_stand_ins

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = BUNDLE = SIMULATED = None
MOST_FILES = 8      # what comes back from a rented GPU
MOST_OVERHEAD = 10  # seconds in which nothing runs; or a share of a busy machine's, below
HANGS_AFTER = 1500  # seconds


def command(arguments):
    return ["bash", ROOT / "tools" / "gpu_acceptance.sh", *map(str, arguments)]


def environment(path=None, **more):
    found = dict(os.environ, LC_ALL="C", **more)
    if path:
        found["PATH"] = f"{path}:{found['PATH']}"
    return found


def run(arguments, path=None, **more):
    return subprocess.run(command(arguments), env=environment(path, **more), capture_output=True, text=True,
                          timeout=HANGS_AFTER)


ANOTHER_START = "another start, one step, engines from disk"


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.out = self.folder / "out"

    def read(self, part):
        report = json.loads((self.out / "acceptance.json").read_text())
        items = {item["name"]: item for item in report["parts"][part]["items"]}
        return report, items, (self.out / "summary.md").read_text()

    def logs(self, part):
        """Texts of all logs, in the order in which the commands were begun."""
        with tarfile.open(self.out / f"details-{part}.tar.gz") as archive:
            names = sorted(name for name in archive.getnames() if name.startswith("logs/"))
            return [archive.extractfile(name).read().decode() for name in names]

    def log(self, part, words):
        return next(log for log in self.logs(part) if words in log)


class Rehearsal(Case):
    def rehearse(self, part, *arguments, simulate=True):
        if subprocess.run([f"{BUILD}/describe_gpu"], capture_output=True).returncode == 0:
            self.skipTest("there is a GPU: run tools/gpu_acceptance.sh itself")
        if simulate and (SIMULATED / "bench").exists():
            arguments += ("--simulated", SIMULATED)
        done = run(["--part", part, "--out", self.out, *arguments])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        report, items, summary = self.read(part)
        for name, item in items.items():
            self.assertIn(item["status"], ("waiting for a GPU", "skipped", "passed"), f"{name}: {item}")
            if item["status"] == "skipped":
                self.assertRegex(item["note"], "not installed: |for the simulated GPU|give --old|must be timed alone")
        took = report["parts"][part]
        self.assertLess(took["overhead"], max(MOST_OVERHEAD, took["seconds"] / 4))
        self.assertLessEqual(len(list(self.out.iterdir())), MOST_FILES)
        self.assertIn("| whole step against PyTorch's best mode: 1.5, the least | waiting for a GPU |", summary)
        self.assertNotRegex(summary, ": (reached|missed)")
        self.assertNotIn(str(ROOT), summary)
        return items

    def check_tests(self, items):
        tests = [name for name in items if name.startswith("tests on cuda: ")]
        self.assertGreaterEqual(len(tests), 30, tests)
        for name in ("trainer_test", "ssim_loss_test", "loss_sum_test"):
            self.assertEqual(items[f"tests on cuda: {name}"]["status"], "waiting for a GPU", name)
        self.assertIn("plans from this GPU's description: cudnn_test", items)

    def check_benchmarks(self, items, *names):
        simulated = (SIMULATED / "bench").exists()
        expected = ("passed", "on the simulated GPU") if simulated else ("waiting for a GPU", "")
        for name in names:
            self.assertEqual((items[name]["status"], items[name]["note"]), expected, name)

    def both_parts(self, build, *more):
        items = self.rehearse("first", "--build", build)
        self.check_tests(items)
        self.check_benchmarks(items, "corruption and kernels against their floors", "whole step and every op of unet")
        items = self.rehearse("second", "--build", build, *more)
        self.check_tests(items)
        self.check_benchmarks(items, "fused against unfused", "45 seconds of the main job", ANOTHER_START)
        return items

    def test_both_parts_from_the_bundle(self):
        if not BUNDLE:
            self.skipTest("no bundle was given: bash tools/gpu_bundle.sh makes one")
        items = self.both_parts(BUNDLE, "--old", BUNDLE)
        self.check_benchmarks(items, *(f"{side}, turn {turn}" for side in ("old", "new") for turn in (1, 2)))

    def test_every_part_from_the_build(self):
        if BUNDLE:
            self.skipTest("the bundle has both parts")
        self.both_parts(BUILD)

    def test_the_rest_from_the_build(self):
        items = self.rehearse("rest", "--build", BUILD, simulate=False)  # that would take minutes
        for name in ("training step of fc, bf16, batch 1024, size 128", "two minutes of the main job",
                     "the blur laboratory's first question"):
            self.assertEqual(items[name]["status"], "waiting for a GPU", name)


class StandIns(Case):
    def write(self, **how):
        gpu_stand_ins.write(self.folder, **how)

    def run_part(self, part, *arguments, **more):
        return run(["--part", part, "--build", self.folder, "--out", self.out, *arguments], self.folder / "bin", **more)

    def expect(self, items, expected):
        for name, (status, note) in expected.items():
            self.assertEqual((items[name]["status"], items[name]["note"]), (status, note), name)

    def test_judges_each_item_and_goes_on(self):
        self.write()
        done = self.run_part("first")
        self.assertEqual(done.returncode, 1, done.stderr)
        report, items, summary = self.read("first")
        self.expect(items, {
            "the GPU": ("passed", "Stub GPU; CUDA driver 13.0, runtime 13.0; cuDNN 9.19.0, cuBLASLt 13.1.0"),
            "tests on cuda: adam_test": ("passed", "3 tests, 1 skipped"),
            "tests on cuda: bias_test": ("failed", "1 test failed, first Bias.Case/cuda"),
            "plans from this GPU's description: cudnn_test": ("passed", "6 tests"),
            "whole step and every op of unet": ("passed", ""),
            "counters of the step of unet": ("passed", ""),
            "all counters of conv2d_backward_weights": ("passed", ""),
            "memcheck sees a planted bug": ("passed", ""),
            "memcheck: adam_test": ("failed", "========= ERROR SUMMARY: 2 errors"),
            "memcheck: ssim_loss_test": ("passed", "2 tests"),
        })
        self.assertNotIn("tests on cuda: psnr_test", items)
        self.assertNotIn("the failing step, launch by launch", items)
        results = report["parts"]["first"]["results"]
        corrupt = results["kernels"]["benchmarks"]["corrupt/64x64x1024"]
        self.assertAlmostEqual(corrupt["seconds"], 80e-6)
        self.assertEqual((corrupt["spread"], corrupt["Mpixel/s"]), (0.02, 52000))
        row = results["ncu-unet"][0]
        self.assertAlmostEqual(row["us"], 2)
        self.assertAlmostEqual(row["GB/s"], 2000)
        self.assertIn("cuDNN 9.19.0", report["parts"]["first"]["machine"]["versions"]["our programs"])
        for line in ("| corruption: 40 Gpixel/s | 52 (corrupt/64x64x1024): reached |",
                     "75 % (kernel/upsample2x/f32 1x2x2x4): missed",
                     "the least | 40 % (unet 256x64 bf16): missed |",
                     "| tests on cuda: all pass, by program | 3 of 4, 1 failed: missed |",
                     "| memcheck: nothing found, by test program | 2 of 4, 2 failed: missed |",
                     "| unet 256x64 bf16 | unet | 10 | 2 % | 25600 | 9 | 10 % | 40 % |",
                     "Stub GPU, 2000-01-01, `bench it`"):
            self.assertIn(line, summary)
        self.assertIn("FAILED  memcheck: adam_test: ========= ERROR SUMMARY: 2 errors", done.stdout)

    def test_the_second_part_begins_with_what_failed_and_adds_to_the_first(self):
        self.write()
        old = self.folder / "old"
        gpu_stand_ins.write(old)
        (old / "slow").touch()
        with tarfile.open(self.folder / "old.tar.gz", "w:gz") as archive:
            archive.add(old, ".")
        self.run_part("first")
        self.run_part("second", "--old", self.folder / "old.tar.gz")
        report, items, summary = self.read("second")
        self.assertEqual(list(report["parts"]), ["first", "second"])
        tests = [log for log in self.logs("second") if "_test" in log]
        self.assertIn("bias_test", tests[0])
        self.assertIn("training_step_test", tests[1])
        self.expect(items, {
            "old, turn 2": ("passed", ""),
            "45 seconds of the main job": ("passed", ""),
            ANOTHER_START: ("passed", ""),
            "racecheck sees a planted bug": ("failed", "asleep: the planted bug was not reported"),
            "racecheck over the tests": ("skipped", "racecheck is asleep"),
            "initcheck: adam_test": ("passed", "3 tests, 1 skipped"),
        })
        self.assertNotIn("racecheck: adam_test", items)
        for line in ("| unet/train_step | 20000 and 20000 | 10000 and 10000 | 2 |  |",
                     "| dgrad_add/64x64x32 | 50 | 80 | 2 % | 1.6 |",
                     "| up/8x8x64/fused | no engine fuses this |",
                     "| fused over unfused, best and worst | 1.6 (dgrad_add/64x64x32); 0.9 (dgrad_relu/64x64x32) |",
                     "| our kernels on tensor cores, chosen for | residual block of 64x64x32 |",
                     "| main job | validation 21.5 dB at step 10, 9 images/s |"):
            self.assertIn(line, summary)
        self.assertLessEqual(len(list(self.out.iterdir())), MOST_FILES)
        # An old build's choices of engines are not the new one's: first left two, second three.
        self.assertEqual(len((self.out / "engines.jsonl").read_text().splitlines()), 5)

    def test_the_rest_of_the_parts(self):
        self.write()
        self.run_part("rest")
        _, items, summary = self.read("rest")
        self.expect(items, {
            "every op of fc": ("failed", "bench: out of memory"),
            "training step of unet, bf16, batch 1024, size 128": ("passed", ""),
            "the blur laboratory's first question": ("passed", ""),
            "two minutes of the main job": ("passed", ""),
            "synccheck: bias_test": ("failed", "1 test failed, first Bias.Case/cuda"),
        })
        self.assertIn("| unet 1024x64 bf16 | step-unet-1024-128-bf16 | 10 |", summary)

    def test_a_step_that_fails_is_looked_into(self):
        self.write()
        (self.folder / "step_fails").touch()
        self.run_part("first")
        _, items, _ = self.read("first")
        self.expect(items, {
            "whole step and every op of unet": ("failed", "bench: CUDA error 700 in kernel unknown"),
            "the failing step, launch by launch": ("failed", "bench: CUDA error 700 in kernel 1"),
            "memcheck: the failing step": ("failed", "bench: CUDA error 700 in kernel unknown"),
            "corruption and kernels against their floors": ("passed", ""),
            "memcheck: ssim_loss_test": ("passed", "2 tests"),
        })

    def test_a_program_that_is_missing_stops_nothing(self):
        self.write(missing=("train_cuda", "bin/ncu"))
        (self.folder / "bin" / "ncu").unlink(missing_ok=True)
        self.assertEqual(self.run_part("second").returncode, 1)
        _, items, _ = self.read("second")
        self.expect(items, {
            "45 seconds of the main job": ("failed", "No such file or directory: BUILD/train_cuda"),
            "fused against unfused": ("passed", ""),
            "old against new": ("skipped", "nothing to compare with: give --old ARCHIVE"),
        })

    def test_an_old_build_may_be_its_benchmarks_alone(self):
        self.write(instead={"train_cuda": """
while [ $# -gt 0 ]; do [ "$1" != --out ] || run=$2; shift; done
mkdir -p "$run" && echo step,seconds,loss,images_per_second,validation_psnr >"$run/metrics.csv"
"""})
        (self.folder / "lib").mkdir()
        old = self.folder / "earlier"
        gpu_stand_ins.write(old, missing=[name for name in gpu_stand_ins.SCRIPTS if name != "bench"], instead={
            "bench": '[ -d "${0%/*}/lib" ] || exit 1\n' + gpu_stand_ins.SCRIPTS["bench"]})
        (old / "commit").write_text("packed-0123\n")
        self.run_part("second", "--old", old)
        _, items, _ = self.read("second")
        self.assertIn("old build of packed-0123", items["unpack"]["note"])
        self.expect(items, {"old, turn 1": ("passed", ""), "new, turn 2": ("passed", ""),
                            "45 seconds of the main job": ("failed", "metrics.csv has no validation")})
        self.assertFalse((old / "lib").exists())

    def test_a_part_that_is_cut_off_keeps_what_it_found(self):
        self.write(instead={"bench": "sleep 100 & wait"})
        script = subprocess.Popen(command(["--part", "first", "--build", self.folder, "--out", self.out]),
                                  env=environment(self.folder / "bin"), stdout=subprocess.DEVNULL)
        begin = time.monotonic()
        while time.monotonic() - begin < HANGS_AFTER and not self.has_tried("plans from this GPU's description: cudnn_test"):
            time.sleep(0.05)
        # Whatever ends the script now, this is there; asked to end, it packs the logs as well.
        self.assertTrue(self.has_tried("tests on cuda: adam_test"))
        script.send_signal(signal.SIGTERM)
        self.assertEqual(script.wait(HANGS_AFTER), 128 + signal.SIGTERM)
        report, items, summary = self.read("first")
        self.assertEqual(report["parts"]["first"]["cut off"], "SIGTERM")
        self.expect(items, {"memcheck sees a planted bug": ("skipped", "cut off by SIGTERM"),
                            "tests on cuda: adam_test": ("passed", "3 tests, 1 skipped")})
        self.assertRegex(items["corruption and kernels against their floors"]["note"], "cut off")
        self.assertIn("Cut off by SIGTERM", summary)
        self.assertIn("Bias.Case", self.log("first", "bias_test"))

    def has_tried(self, name):
        return (self.out / "acceptance.json").exists() and name in self.read("first")[1]

    def test_programs_of_a_bundle_find_the_wheels_and_the_engines(self):
        wheels, stage = self.folder / "wheels", self.folder / "stage"
        for name in ("cudnn/lib/libcudnn.so.9", "cu13/lib/libcublasLt.so.13", "cu13/lib/libcurand.so.10"):
            (wheels / "nvidia" / name).parent.mkdir(parents=True, exist_ok=True)
            (wheels / "nvidia" / name).touch()
        gpu_stand_ins.write(stage, instead={"tests/adam_test": gpu_stand_ins.SCRIPTS["tests/adam_test"] + """
echo "beside the programs: $(cd "${0%/*}/../lib" && echo *)"
echo "engines: $(cat "$XDG_CACHE_HOME/dae/engines.jsonl")"
"""})
        (stage / "lib").mkdir()
        (stage / "lib" / "libours.so.1").touch()
        (stage / "commit").write_text("packed-1234\n")
        engines = self.folder / "chosen.jsonl"
        engines.write_text('{"engine": "kept"}\n')
        with tarfile.open(self.folder / "bundle.tar.gz", "w:gz") as archive:
            archive.add(stage, ".")
        without = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
        subprocess.run(command(["--part", "first", "--build", self.folder / "bundle.tar.gz", "--out", self.out,
                                "--engines", engines]),
                       env={**without, "PYTHONPATH": str(wheels), "PATH": f"{stage}/bin:{os.environ['PATH']}"},
                       capture_output=True, timeout=HANGS_AFTER)
        report, items, _ = self.read("first")
        self.assertIn("2 libraries of Python's wheels", items["unpack"]["note"])
        self.assertEqual(report["parts"]["first"]["machine"]["commit"], "packed-1234")
        log = self.log("first", "adam_test")
        self.assertIn("beside the programs: libcublasLt.so.13 libcudnn.so.9 libours.so.1", log)
        self.assertIn("LD_LIBRARY_PATH is not set", log)
        self.assertIn('engines: {"engine": "kept"}', log)
        self.assertEqual((self.out / "engines.jsonl").read_text().splitlines()[0], '{"engine": "kept"}')

    def test_benchmarks_and_main_job_can_be_rehearsed_on_a_simulated_gpu(self):
        self.write()
        (self.folder / "no_gpu").touch()
        simulated = self.folder / "simulated"
        gpu_stand_ins.write(simulated)
        done = self.run_part("first", "--simulated", simulated)
        _, items, summary = self.read("first")
        self.expect(items, {"the GPU": ("waiting for a GPU", ""),
                            "whole step and every op of unet": ("passed", "on the simulated GPU")})
        self.assertIn("SIMULATED/bench", items["whole step and every op of unet"]["command"])
        self.assertIn("--once --batch 2 --size 8", items["whole step and every op of unet"]["command"])
        # The figures go through the report, and are no figures.
        self.assertIn("| corruption: 40 Gpixel/s | waiting for a GPU (rehearsed with corrupt/64x64x1024) |", summary)
        self.assertIn("REHEARSED WITHOUT A GPU", summary)
        self.assertIn("waiting for a GPU (rehearsed with unet 2x64 bf16)", done.stdout)

    def test_refuses_what_it_does_not_know(self):
        for arguments in (["--parts", "first"], ["--part", "third"], ["--build"], [],
                          ["--part", "first", "--old", "nowhere"],
                          ["--part", "first", "--build", self.folder / "nowhere"]):
            done = run(arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn("gpu_acceptance.sh: error:", done.stderr)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    SIMULATED = pathlib.Path(BUILD).resolve() / "simulated"
    if len(sys.argv) > 1 and not sys.argv[1].startswith(("-", "Rehearsal", "StandIns")):
        BUNDLE = sys.argv.pop(1)
    unittest.main()
