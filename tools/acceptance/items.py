"""The things that parts are made of: a test, a benchmark, a tool over a program. Each function gives
one Item for a place; without a GPU it is the rehearsal's."""
import sys

from place import ROOT, installed
from readings import no_benchmarks, no_counters, no_validation
from runner import PASSED, SKIPPED, WAITING, Item

# The largest cases are the ordinary run's: the sanitizer slows kernels down a hundredfold.
SMALL_CASES = "--gtest_filter=*cuda*-*64x64x3*:*32x3x3x64*:*1x31x33x40*"
FOUND = 99  # the exit code by which compute-sanitizer says so
# What Nsight Compute is asked of every kernel of a step: few, since each replay of a kernel saves and
# restores the memory it writes.
FEW_COUNTERS = ("gpu__time_duration.sum", "dram__bytes.sum", "dram__throughput.avg.pct_of_peak_sustained_elapsed",
                "sm__throughput.avg.pct_of_peak_sustained_elapsed", "launch__registers_per_thread")
MORE_COUNTERS = FEW_COUNTERS + ("lts__t_sector_hit_rate.pct", "sm__warps_active.avg.pct_of_peak_sustained_active")


# --- Tests ----------------------------------------------------------------------------------------
def test_name(test):
    return f"tests on cuda: {test}"


def test(place, name, limit, at_once):
    # Several at once share the cores: their references in fp64 are computed on the CPU.
    threads = {"OMP_NUM_THREADS": str(max(1, place.cores // at_once))}
    return Item(test_name(name), [place.build / "tests" / name, "--gtest_filter=*cuda*"], limit, threads)


def planned_from_description(place, name, limit=40):
    """A test that plans from a description of a GPU, from that of this one."""
    title, description = f"plans from this GPU's description: {name}", place.out / "gpu-description.json"
    if not description.exists():
        return Item(title, lambda: (WAITING, "") if not place.gpu else (SKIPPED, "there is no description"))
    return Item(title, [place.build / "tests" / name, "--gtest_filter=*Cudnn*"], limit,
                {"DAE_GPU_DESCRIPTION": str(description)})


# --- Benchmarks -----------------------------------------------------------------------------------
def tiny(place):
    return ["--once", "--batch", "2", "--size", "8"] if place.simulated else []


def bench(place, name, result, pattern, limit, *options, build=None, environment=None, may_skip=False,
          rehearsed=""):
    """`bench` on the GPU, its JSON kept as RESULT; in a rehearsal on the simulated GPU once, tiny, and of
    `rehearsed` alone where that takes less time. `may_skip`: that a benchmark says why it cannot run is a
    finding, no failure."""
    path = place.results / f"{result}.json"
    command = [(place.simulated or build or place.build) / "bench", "--device", "cuda", "--json", path, *options,
               *tiny(place), rehearsed if place.simulated and rehearsed else pattern]
    return Item(name, command, limit, environment or {}, check=lambda: no_benchmarks(path, may_skip),
                passes_as=(PASSED, "on the simulated GPU" if place.simulated else ""))


def model_options(model, batch=256, size=64, precision="bf16", place=None):
    sizes = [] if place and place.simulated else ["--batch", batch, "--size", size]
    return ["--model", model, "--precision", precision, *sizes]


def main_job(place, name, run, limit, *length):
    """Its run folder is `run` among the results."""
    folder = place.results / run
    command = [(place.simulated or place.build) / "train_cuda", "--device", "cuda", "--out", folder,
               "--dataset", place.options.dataset]
    if place.simulated:
        command += ["--steps", "2", "--batch", "2", "--size", "8", "--width", "1", "--blocks", "1", "--global", "off"]
    else:
        command += length
    return Item(name, command, limit, check=lambda: no_validation(folder),
                passes_as=(PASSED, "on the simulated GPU" if place.simulated else ""))


def train(place, name, seconds, limit):
    """Then from the beginning to the report once more, for a step: what a start takes with engines that are chosen and kept."""
    return [main_job(place, name, "run", limit, "--time", seconds),
            main_job(place, "another start, one step, engines from disk", "start", 20, "--steps", "1")]


# --- PyTorch --------------------------------------------------------------------------------------
def peers_command(place, *options):
    return [sys.executable, ROOT / "profiling/peers/gpu_train_step.py", "--build", place.build, "--precision", "bf16",
            *options]


def without_torch(name):
    return Item(name, lambda: (SKIPPED, "not installed: torch and safetensors"))


def compile_ahead(place, models, limit):
    """PyTorch's compiler works on the CPU while the GPU is tested; what it made is kept on disk."""
    name = "PyTorch's compilation, ahead"
    if not installed("torch", "safetensors"):
        return without_torch(name)
    command = ["nice", "-n", "19", *peers_command(place, "--compile-only", "--models", models, "--cases", "256x64")]
    if place.gpu:
        return Item(name, command, limit, background=True)
    return Item(name, [*command, "--rehearse"], limit, background=True, passes_as=(WAITING, "rehearsed on the CPU"))


def peers(place, name, result, *options):
    """Ours and PyTorch on equal steps. Nothing new begins in the last 25 seconds of the section."""
    if not installed("torch", "safetensors"):
        return without_torch(name)
    command = peers_command(place, "--json", place.results / f"{result}.json")
    if place.gpu:
        return Item(name, [*command, "--budget", max(5, int(place.left - 25)), *options], place.left - 2)
    return Item(name, [*command, "--rehearse", "--models", "conv", "--modes", "eager"], 60,
                passes_as=(WAITING, "rehearsed on the CPU"))


# --- NVIDIA's tools -------------------------------------------------------------------------------
def planted_bug(place, tool):
    """A tool that is silent about the bug it exists to find is asleep, and its silence worth nothing."""
    command = sanitizer(tool, place.build / "tests" / "planted_bugs", tool)
    return Item(f"{tool} sees a planted bug", command, 20, needs="compute-sanitizer", expected_code=FOUND)


def sanitizer(tool, *command):
    return ["compute-sanitizer", "--tool", tool, "--error-exitcode", FOUND, "--print-limit", "10", *command]


def sanitized(tool, name, command, limit):
    return Item(f"{tool}: {name}", sanitizer(tool, *command), limit, {"OMP_NUM_THREADS": "2"},
                needs="compute-sanitizer")


def sanitized_tests(place, tool, tests, limit):
    """A tool over every test program that has cases on cuda; nothing where it is asleep."""
    if not place.has("compute-sanitizer"):
        return []  # the planted bug's item says so
    if place.failed(f"{tool} sees a planted bug"):
        return [Item(f"{tool} over the tests", lambda: (SKIPPED, f"{tool} is asleep"))]
    return [sanitized(tool, test, [place.build / "tests" / test, SMALL_CASES], limit) for test in tests]


def counters(place, name, result, metrics, pattern, limit, *options):
    """`bench` under Nsight Compute, its table kept as RESULT."""
    path = place.results / f"{result}.csv"
    return Item(name, ["ncu", "--profile-from-start", "off", "--clock-control", "none", "--print-units", "base",
                       "--csv", "--page", "raw", "--metrics", ",".join(metrics), "--log-file", path,
                       place.build / "bench", "--device", "cuda", "--once", *options, pattern], limit, needs="ncu",
                check=lambda: no_counters(path))


def everything_about(place, op, limit, *options):
    """All of Nsight Compute's counters of one op's kernels, by the script that people use."""
    return Item(f"all counters of {op}", ["bash", ROOT / "profiling/ncu_kernel.sh", op, "--build", place.build,
                                          "--out", place.results / f"ncu-{op}", *options], limit, needs="ncu")
