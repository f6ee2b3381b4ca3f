#!/usr/bin/env python3
"""tools/gpu_acceptance.sh rehearsed without a GPU: `python3 tests/gpu_acceptance_test.py BUILD`.

Once with the real programs, of which every command must exist, parse, and read "waiting for a GPU" or
"skipped"; and once with stand-ins for the programs and NVIDIA's tools on a GPU that is not there, some
of which fail, sleep or are missing, to see that each is judged as it should be and stops no other.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = None

STUBS = {
    "describe_gpu": """
echo "Stub GPU"
[ "${1:-}" != --out ] || echo '{}' >"$2"
""",
    "tests/planted_bugs": "exit 0",
    "tests/adam_test": """
case $1 in --gtest_list_tests) printf 'Adam.\\n  Case/cuda\\n'; exit ;; esac
echo "[  PASSED  ] 3 tests."
echo "[  SKIPPED ] 1 test, listed below:"
""",
    "tests/bias_test": """
case $1 in --gtest_list_tests) printf 'Bias.\\n  Case/cuda\\n'; exit ;; esac
echo "[  FAILED  ] 1 test, listed below:"
echo "[  FAILED  ] Bias.Case/cuda"
exit 1
""",
    "tests/psnr_test": """
case $1 in --gtest_list_tests) echo "Running main()"; exit ;; esac
echo "must not run"
exit 1
""",
    "tests/cudnn_test": """
case $1 in --gtest_list_tests) exit ;; esac
[ "$(cat "$DAE_GPU_DESCRIPTION")" = '{}' ] && echo "[  PASSED  ] 6 tests."
""",
    # The corruption reaches its target, upsampling misses it; fc does not fit.
    "bench": """
case "$*" in *"--model fc"*) echo "bench: out of memory" >&2; exit 1 ;; esac
json=""
while [ $# -gt 0 ]; do [ "$1" != --json ] || json=$2; shift; done
[ -n "$json" ] || { echo ran; exit; }
cat >"$json" <<'JSON'
{"context": {"date": "2000-01-01", "device": "cuda", "gpu": "Stub GPU", "command": "bench it", "precision": "bf16",
  "copy_bytes_per_second": "2e12", "matmul_flops_per_second": "5e13"},
 "benchmarks": [
  {"run_name": "corrupt/64x64x1024/iterations:20/manual_time", "run_type": "aggregate",
   "aggregate_name": "median", "real_time": 80, "time_unit": "us", "Mpixel/s": 52000, "roofline": 0.5},
  {"run_name": "corrupt/64x64x1024/iterations:20/manual_time", "run_type": "aggregate",
   "aggregate_name": "cv", "real_time": 0.02, "time_unit": "us"},
  {"run_name": "kernel/upsample2x/f32 1x2x2x4/iterations:20/manual_time", "run_type": "aggregate",
   "aggregate_name": "median", "real_time": 40, "time_unit": "us", "GB/s": 1500, "roofline": 0.75},
  {"run_name": "unet/train_step/iterations:1/manual_time", "run_type": "aggregate", "aggregate_name": "median",
   "real_time": 10, "time_unit": "ms", "images/s": 25600, "graph_ms": 9, "host_gap": 0.1, "roofline": 0.4}]}
JSON
""",
    "train_cuda": """
while [ $# -gt 0 ]; do [ "$1" != --out ] || run=$2; shift; done
mkdir -p "$run"
printf 'step,seconds,loss\\n10,1,0.5\\n20,2,0.25\\n' >"$run/metrics.csv"
""",
    "blur_report": """
while [ $# -gt 0 ]; do case $1 in --out | --json) echo edges >"$2" ;; esac; shift; done
""",
    # memcheck finds something in adam_test; racecheck is asleep.
    "bin/compute-sanitizer": """
tool=$2
while [ "${1#-}" != "$1" ]; do case $1 in --tool | --error-exitcode | --print-limit) shift ;; esac; shift; done
case $tool/$1 in
  racecheck/*planted_bugs) exit 0 ;;
  */*planted_bugs) exit 99 ;;
  memcheck/*adam_test) echo "========= ERROR SUMMARY: 2 errors"; exit 99 ;;
esac
exec "$@"
""",
    "bin/ncu": """
log=""
while [ $# -gt 0 ]; do [ "$1" != --log-file ] || log=$2; shift; done
[ -n "$log" ] || { echo details; exit; }
cat >"$log" <<'CSV'
==PROF== Connected
"ID","Kernel Name","gpu__time_duration.sum","dram__bytes.sum","launch__registers_per_thread"
"","","ns","byte","register/thread"
"0","corrupt_kernel","2,000","4,000,000","40"
CSV
""",
}


def run(arguments, path=None):
    environment = dict(os.environ, LC_ALL="C")
    if path:
        environment["PATH"] = f"{path}:{environment['PATH']}"
    return subprocess.run(["bash", ROOT / "tools" / "gpu_acceptance.sh", *map(str, arguments)], env=environment,
                          capture_output=True, text=True, timeout=100)


class Rehearsal(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def read(self):
        report = json.loads((self.folder / "out" / "acceptance.json").read_text())
        items = {item["name"]: item for part in report["parts"].values() for item in part["items"]}
        return report, items, (self.folder / "out" / "summary.md").read_text()

    def test_the_real_programs(self):
        if subprocess.run([f"{BUILD}/describe_gpu"], capture_output=True).returncode == 0:
            self.skipTest("there is a GPU: run tools/gpu_acceptance.sh itself")
        done = run(["--build", BUILD, "--out", self.folder / "out"])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        report, items, summary = self.read()
        self.assertEqual(list(report["parts"]), ["a", "b", "c"])
        for name, item in items.items():
            self.assertIn(item["status"], ("waiting for a GPU", "skipped", "passed"), f"{name}: {item}")
            if item["status"] == "skipped":
                self.assertIn("not installed", item["note"], name)
        tests = [name for name in items if name.startswith("tests on cuda")]
        self.assertGreaterEqual(len(tests), 15, tests)
        for name in ("tests on cuda: trainer_test", "every op of unet, bf16, batch 256, size 64", "two minutes of training",
                     "the blur laboratory's first question", "training step of fc, bf16, batch 1024, size 128", "description of the GPU"):
            self.assertEqual(items[name]["status"], "waiting for a GPU", items[name])
        self.assertEqual(report["results"], {})
        self.assertIn("| corruption: 40 Gpixel/s | waiting for a GPU |", summary)

    def stub(self, missing=()):
        for name, script in STUBS.items():
            if name in missing:
                continue
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("#!/bin/bash\n" + script)
            path.chmod(0o755)

    def run_stubs(self, parts):
        return run(["--part", parts, "--build", self.folder, "--out", self.folder / "out"], self.folder / "bin")

    def test_judges_each_item_and_goes_on(self):
        self.stub()
        self.assertEqual(self.run_stubs("a").returncode, 1)
        _, items, _ = self.read()
        expected = {
            "tests on cuda: adam_test": ("passed", "3 tests, 1 skipped"),
            "tests on cuda: bias_test": ("failed", "[  FAILED  ] Bias.Case/cuda"),
            "plans made from that description": ("passed", "6 tests"),
            "memcheck sees a planted bug": ("passed", ""),
            "memcheck: adam_test": ("failed", "========= ERROR SUMMARY: 2 errors"),
            "initcheck: adam_test": ("passed", "3 tests, 1 skipped"),
            "racecheck sees a planted bug": ("failed", "asleep: the planted bug was not reported"),
            "racecheck over the kernel tests": ("skipped", "racecheck is asleep"),
        }
        for name, (status, note) in expected.items():
            self.assertEqual((items[name]["status"], items[name]["note"]), (status, note), name)
        self.assertNotIn("tests on cuda: psnr_test", items)
        self.assertNotIn("racecheck: adam_test", items)

    def test_parts_add_up_to_one_report(self):
        self.stub()
        self.run_stubs("b")
        self.run_stubs("c")
        report, items, summary = self.read()
        self.assertEqual(list(report["parts"]), ["b", "c"])
        self.assertEqual(items["every op of fc, bf16, batch 256, size 64"]["status"], "failed")
        self.assertEqual(items["every op of fc, bf16, batch 256, size 64"]["note"], "bench: out of memory")
        for name in ("training step of unet, bf16, batch 1024, size 128", "the blur laboratory's first question"):
            self.assertEqual(items[name]["status"], "passed", name)
        corrupt = report["results"]["kernels-bf16"]["benchmarks"]["corrupt/64x64x1024"]
        self.assertAlmostEqual(corrupt["seconds"], 80e-6)
        self.assertEqual((corrupt["spread"], corrupt["Mpixel/s"]), (0.02, 52000))
        self.assertEqual(report["results"]["training"]["loss"], "0.25")
        row = report["results"]["ncu-kernels"][0]
        self.assertAlmostEqual(row["us"], 2)
        self.assertAlmostEqual(row["GB/s"], 2000)
        self.assertIn("| corruption: 40 Gpixel/s | 52 (corrupt/64x64x1024): reached |", summary)
        self.assertIn("75 % (kernel/upsample2x/f32 1x2x2x4): missed", summary)
        self.assertIn("Stub GPU, 2000-01-01, `bench it`", summary)
        self.assertIn("| unet | 256 | 64 | bf16 | 10 | - | 25600 | 9 | 10 % | 40 % |", summary)
        self.assertIn("at batch 256 and more, the least | 40 % (step-conv-1024-128-bf16): missed |", summary)

    def test_a_program_that_is_missing_stops_nothing(self):
        self.stub(missing=("train_cuda",))
        self.assertEqual(self.run_stubs("b").returncode, 1)
        _, items, _ = self.read()
        self.assertEqual(items["two minutes of training"]["status"], "failed")
        self.assertEqual(items["training step of conv, bf16, batch 64, size 128"]["status"], "passed")

    def test_refuses_what_it_does_not_know(self):
        for arguments in (["--parts", "a"], ["--part", "d"], ["--build"]):
            self.assertEqual(run(arguments).returncode, 2, arguments)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
