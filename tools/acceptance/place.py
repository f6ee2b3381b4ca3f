"""Where a part runs: its folders, its GPU, its programs, and how the machine is made ready for it."""
import concurrent.futures
import glob
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile

from runner import FAILED, PASSED, SKIPPED, WAITING

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ("train_cuda", "study", "denoise", "evaluate", "export", "corrupt", "blur_report", "bench", "dump_step",
            "describe_gpu", "tests/planted_bugs")
OWN_KERNELS = "mma.sync"  # how the names of their engines begin: kernels/layers/mma_candidates.h
# What our programs open of NVIDIA's, by names that stay the same over versions.
LIBRARIES = ("libcudnn*.so.*", "libcublas*.so.*", "libnvrtc*.so.*", "libnvJitLink.so.*")
# Tools where NVIDIA's packages put them; a machine's PATH often names none of them.
TOOLS = ("/usr/local/cuda/bin", "/opt/nvidia/nsight-compute/*/", "/opt/nvidia/nsight-systems/*/bin/")


def output_of(command, environment, seconds=30):
    """Exit code and output; the error where it does not start."""
    try:
        done = subprocess.run([str(word) for word in command], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=seconds)
        return done.returncode, done.stdout, done.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, "", str(error)


def installed(*modules):
    return all(importlib.util.find_spec(module) for module in modules)


def extract(archive, folder):
    """Python's own unpacking: the machine may have no xz, nor a tar that asks for it."""
    with tarfile.open(archive) as file:
        file.extraction_filter = getattr(tarfile, "data_filter", None)
        file.extractall(folder)


def cases_of(listing):
    """Names of the cases that --gtest_list_tests printed."""
    suite, cases = "", []
    for line in listing.splitlines():
        name = line.partition("#")[0]
        if name.startswith("  "):
            cases.append(suite + name.strip())
        else:
            suite = name.strip()
    return cases


class Place:
    def __init__(self, options):
        self.options = options
        self.out = pathlib.Path(options.out).resolve()
        self.out.mkdir(parents=True, exist_ok=True)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="gpu_acceptance."))
        self.logs, self.results = self.work / "logs", self.work / "results"
        for folder in (self.logs, self.results):
            folder.mkdir()
        # A folder is taken as it is, an archive unpacked by an item. Of an old build a copy is made: it may
        # be `bench` alone and then uses the new build's libraries.
        given = pathlib.Path(options.build).resolve()
        self.build = given if given.is_dir() else self.work / "build"
        self.old = self.work / "old" if options.old else None
        self.simulated = pathlib.Path(options.simulated).resolve() if options.simulated else None
        self.cores = len(os.sched_getaffinity(0))
        self.gpu = self.why = ""
        self.tests = {}      # test programs that have cases on cuda, and how many
        self.planning = []   # test programs that plan for a GPU by its description alone
        self.records = []    # what became of the items so far: the runner's list
        self.earlier = {}    # acceptance.json of an earlier part
        self.left = 0.0      # seconds of the section that is beginning
        self.machine = {"gpu": "", "why": "", "commit": "unknown", "versions": {}}
        self.paths = os.pathsep.join([os.environ.get("PATH", os.defpath)] +
                                     [folder for pattern in TOOLS for folder in glob.glob(pattern)])
        self.bring_engines()

    def remove(self):
        shutil.rmtree(self.work, ignore_errors=True)

    def environment(self):
        """Of every command. No LD_LIBRARY_PATH is set: our programs find their libraries by RPATH, and
        PyTorch, ncu and the sanitizer must not find ours."""
        return {**os.environ, "PATH": self.paths, "XDG_CACHE_HOME": str(self.work / "cache"),
                "TORCHINDUCTOR_CACHE_DIR": str(self.work / "inductor"),
                # Set, or programs start themselves again, and tools may lose sight of them.
                "GOMP_SPINCOUNT": "1000"}

    def short(self, text):
        """Without the paths of this machine, which say nothing elsewhere."""
        folders = {self.build: "BUILD", self.old: "OLD", self.simulated: "SIMULATED", self.work: "WORK",
                   self.out: "OUT", sys.executable: "python3", f"{ROOT}/": ""}
        for path in sorted(filter(None, folders), key=lambda path: -len(str(path))):  # one may lie in another
            text = text.replace(str(path), folders[path])
        return text

    def has(self, program):
        return shutil.which(program, path=self.paths) is not None

    def status(self, name):
        return next((record["status"] for record in self.records if record["name"] == name), None)

    def failed(self, *names):
        return any(self.status(name) == FAILED for name in names)

    # --- The engines that programs chose ----------------------------------------------------------
    def bring_engines(self):
        given = self.options.engines
        source = pathlib.Path(given) if given else self.out / "engines.jsonl"
        for cache in ("cache", "cache-old"):  # of its own: an old build's choices are not the new one's
            folder = self.work / cache / "dae"
            folder.mkdir(parents=True)
            if source.exists():
                shutil.copyfile(source, folder / "engines.jsonl")

    def keep_engines(self):
        chosen, kept = self.work / "cache" / "dae" / "engines.jsonl", self.out / "engines.jsonl"
        if not chosen.exists() or kept.exists() and kept.stat().st_mtime_ns == chosen.stat().st_mtime_ns:
            return
        beside = self.out / ".engines.jsonl.new"
        shutil.copy2(chosen, beside)
        os.replace(beside, kept)

    def own_kernels(self):
        """The problems for which one of this project's kernels on tensor cores was chosen."""
        chosen = self.work / "cache" / "dae" / "engines.jsonl"
        lines = chosen.read_text(errors="replace").splitlines() if chosen.exists() else []
        found = set()
        for line in lines:
            try:
                choice = json.loads(line)
            except ValueError:  # cut off
                continue
            if str(choice.get("engine")).startswith(OWN_KERNELS):
                found.add(choice["problem"])
        return sorted(found)

    # --- Making ready: functions of items, (status, note) -----------------------------------------
    def unpack(self):
        notes = []
        if self.build.parent == self.work:
            extract(self.options.build, self.build)
            notes.append(f"{sum(1 for path in self.build.rglob('*') if path.is_file())} files")
        if (self.build / "lib").is_dir():
            notes.append(f"{self.link_wheels(self.build / 'lib')} libraries of Python's wheels linked beside them")
        if self.old:
            notes.append(self.bring_old(pathlib.Path(self.options.old).resolve()))
        commit = self.build / "commit"
        code, text, _ = output_of(["git", "-C", ROOT, "describe", "--always", "--dirty"], self.environment())
        text = commit.read_text() if commit.exists() else text if code == 0 else "unknown"
        self.machine["commit"] = text.strip()
        return PASSED, ", ".join(notes) or "nothing to unpack"

    def bring_old(self, given):
        if given.is_dir():
            self.old.mkdir()
            for name in ("bench", "commit"):
                if (given / name).exists():
                    shutil.copy(given / name, self.old / name)
            if (given / "lib").is_dir():
                (self.old / "lib").symlink_to(given / "lib")
        else:
            extract(given, self.old)
        if (self.old / "lib").is_dir():
            self.link_wheels(self.old / "lib")
        elif (self.build / "lib").is_dir():
            (self.old / "lib").symlink_to(self.build / "lib")
        commit = self.old / "commit"
        return f"old build of {commit.read_text().strip() if commit.exists() else 'an unknown commit'}"

    def link_wheels(self, lib):
        """cuDNN and cuBLAS come from Python's wheels where no toolkit has them. Links in the packed
        build's own folder show them to our programs alone."""
        spec, linked = importlib.util.find_spec("nvidia"), 0
        for folder in spec.submodule_search_locations if spec else ():
            for pattern in LIBRARIES:
                for path in pathlib.Path(folder).glob(f"*/lib/{pattern}"):
                    if not (lib / path.name).exists():
                        (lib / path.name).unlink(missing_ok=True)  # a link whose target has gone
                        (lib / path.name).symlink_to(path)
                        linked += 1
        return linked

    def missing_libraries(self):
        programs = [path for name in PROGRAMS if (path := self.build / name).exists()]
        programs += sorted(self.build.glob("tests/*_test"))
        if not self.has("ldd"):
            return SKIPPED, "not installed: ldd"
        _, text, errors = output_of(["ldd", *programs], self.environment(), 60)
        lines = (text + errors).splitlines()
        missing = {line.split("=>")[0].strip() for line in lines if "=> not found" in line}
        missing |= {line.split(": ", 1)[-1] for line in lines if "not found (required" in line}
        if missing:
            return FAILED, "not found: " + ", ".join(sorted(missing))
        return PASSED, f"of {len(programs)} programs none"

    def find_gpu(self):
        query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        _, listed, _ = output_of(query, self.environment())
        seen, _, driver = listed.partition("\n")[0].partition(", ")
        code, text, errors = output_of([self.build / "describe_gpu"], self.environment())
        lines = text.strip().splitlines()
        if driver:
            self.machine["versions"]["driver"] = driver.strip()
        if lines[1:]:
            self.machine["versions"]["our programs"] = "; ".join(lines[1:])
        self.why = self.machine["why"] = " ".join(errors.split())
        self.gpu = self.machine["gpu"] = lines[0] if code == 0 and lines else seen
        if code == 0:
            return PASSED, "; ".join(lines)
        if seen:  # what follows fails and must not read as if it waited
            return FAILED, f"nvidia-smi sees {seen}, our programs do not: {self.why}"
        return (WAITING, "") if "no usable GPU" in self.why else (FAILED, self.why)

    def find_versions(self):
        found = {"python": platform.python_version()}
        for package in ("torch", "triton", "nvidia-cudnn-cu13", "nvidia-cublas", "nvidia-cuda-nvrtc"):
            try:
                found[package] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                found[package] = "not installed"
        tools = ("nvcc", "ncu", "compute-sanitizer", "nsys")
        environment = self.environment()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            texts = pool.map(lambda tool: output_of([tool, "--version"], environment)[:2], tools)
            for tool, (code, text) in zip(tools, texts):
                line = next((line for line in reversed(text.splitlines()) if "ersion" in line or "release" in line), "")
                found[tool] = line.strip() if code == 0 else "not installed"
        self.machine["versions"].update(found)
        return PASSED, ", ".join(f"{name} {value}" for name, value in self.machine["versions"].items())

    def list_tests(self):
        """Asks every test program itself: names of source files do not say which tests have a CUDA side."""
        programs = sorted(path for path in self.build.glob("tests/*_test") if not path.name.startswith("simulated"))
        words = ["--gtest_list_tests", "--gtest_filter=*cuda*:*Cudnn*"]
        with concurrent.futures.ThreadPoolExecutor(min(8, self.cores)) as pool:
            answers = list(pool.map(lambda path: output_of([path, *words], self.environment()), programs))
        for path, (code, text, _) in zip(programs, answers):
            cases = cases_of(text) if code == 0 else []
            if on_cuda := sum("cuda" in case for case in cases):
                self.tests[path.name] = on_cuda
            if len(cases) > on_cuda:
                self.planning.append(path.name)
        if silent := [path.name for path, (code, _, _) in zip(programs, answers) if code]:
            why = next(errors.strip() for code, _, errors in answers if code)
            return FAILED, f"{', '.join(silent)} did not start: {why}"
        if not self.tests:
            return FAILED, f"no test program with cases on cuda in {self.build}/tests: is this a build with CUDA?"
        return PASSED, f"{sum(self.tests.values())} cases in {len(self.tests)} of {len(programs)} programs"
