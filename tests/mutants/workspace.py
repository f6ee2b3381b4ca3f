"""A copy of the sources with a build of its own, in which bugs are planted: no GPU, no warnings, no sanitizer."""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutants"


class Workspace:
    def __init__(self, folder):
        """Copies what changed of the sources to `folder`/source, and configures `folder`/build."""
        self.source, self.build_folder = folder / "source", folder / "build"
        listed = subprocess.check_output(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], text=True)
        names = set(filter(None, listed.split("\n")))
        for stale in self.source.rglob("*"):  # a file that was moved would be compiled twice
            if stale.is_file() and str(stale.relative_to(self.source)) not in names:
                stale.unlink()
        for name in names:
            source, target = ROOT / name, self.source / name
            # Only what changed: an untouched file is not compiled again.
            if source.is_file() and not (target.exists() and target.read_bytes() == source.read_bytes()):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
        launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        subprocess.run(["cmake", "-S", self.source, "-B", self.build_folder, "-G", "Ninja",
                        "-DCMAKE_BUILD_TYPE=Release", "-DDAE_CUDA=OFF", "-DDAE_BENCH=OFF", "-DCMAKE_CXX_FLAGS=-w",
                        *launcher], check=True, stdout=subprocess.DEVNULL)

        listed = subprocess.check_output(["cmake", "--build", self.build_folder, "--target", "help"], text=True)
        self.programs = set(re.findall(r"^(\w+_test): phony$", listed, re.M))
        self.for_scripts = re.findall(r"^(dae_manual|dae_mpi|waiting_rank): phony$", listed, re.M)
        folder = self.source / "tests"
        self.tests = {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*_test.cpp"))}
        self.run_programs = {prefix + pathlib.Path(test).stem for test, text in self.tests.items()
                             if re.search(r"DAE_PROGRAMS|support/programs\.h", text) for prefix in ("", "simulated_")}
        self.codes = {}

    def targets(self, programs):
        """What is built for test programs: for a script, what it starts."""
        return [name for test in programs for name in (self.for_scripts if str(test).endswith(".py") else [test])]

    def build(self, programs, jobs=None):
        """Whether the test programs are built, and what the compiler said."""
        environment = {"CCACHE_SLOPPINESS": "pch_defines,time_macros", **os.environ,  # or none with a precompiled header
                       "CCACHE_BASEDIR": str(self.source), "CCACHE_NOHASHDIR": "1"}
        done = subprocess.run(["cmake", "--build", self.build_folder, *(["-j", str(jobs)] if jobs else []),
                               "--target", *self.targets(programs)], capture_output=True, text=True, errors="replace",
                              env=environment)
        return done.returncode == 0, done.stdout

    def build_whole(self, programs, jobs=None):
        """Has the machine code of test programs as it is without a bug. Nothing may be planted meanwhile."""
        if all(self.path_of(program) in self.codes for program in programs):
            return
        print("building without a bug", flush=True)
        fine, output = self.build(programs, jobs)
        if not fine:
            sys.exit(output[-3000:])
        # Of what was built these programs need, since no other file is sure to be without a bug of before.
        needed = {self.build_folder / name for name in
                  subprocess.check_output(["ninja", "-C", self.build_folder, "-t", "inputs", *self.targets(programs)],
                                          text=True).splitlines()}
        made = [*(path for path in needed if path.suffix == ".o"), *needed.intersection(self.started()),
                *map(self.path_of, programs)]
        self.codes |= {path: self.code_of(path) for path in made if path not in self.codes}

    @staticmethod
    def sanitized(path):
        return re.search("_(asan|tsan)_", str(path))

    def started(self):
        """The programs that tests start."""
        return sorted(path for folder in ("", "simulated") for path in (self.build_folder / folder).glob("*")
                      if path.is_file() and os.access(path, os.X_OK))

    @staticmethod
    def code_of(path):
        return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()

    def objects(self, file):
        """What the compiler makes of a file; nothing for a header."""
        return sorted(path for path in self.codes if str(path).endswith(f"/{file}.o"))

    def differs(self, path):
        """Whether a built file is another than without a bug."""
        return self.code_of(path) != self.codes[path]

    def compiled(self, file, *more, without=()):
        """What the compiler makes of a file as it stands, for every program that has it: (an object's hash, or None
        where it is refused; what is said)."""
        results = []
        for command in json.loads((self.build_folder / "compile_commands.json").read_text()):
            if command["file"] != str(self.source / file) or self.sanitized(command["command"]):
                continue
            with tempfile.NamedTemporaryFile(suffix=".o") as made:
                words = [word for word in shlex.split(command["command"]) if word not in without]
                words[words.index("-o") + 1] = made.name
                done = subprocess.run([*words, *more], cwd=command["directory"], capture_output=True, text=True)
                results.append((None if done.returncode else self.code_of(made.name), done.stderr))
        return results

    def plain_code(self, file):
        """The machine code of a file as it stands, made without guesses of which way is taken: an order of blocks that
        follows from one, as from a `continue` at a loop's end, is no other program."""
        return [code for code, _ in self.compiled(file, "-O1", "-g0", "-fno-guess-branch-probability")]

    def warning(self, file):
        """Why the ordinary build, whose warnings are errors, refuses a file as it stands; "" if it does not."""
        said = "".join(words for code, words in self.compiled(file, without=["-w"]) if not code)
        found = re.search(r"error: (.*)", said)
        return found[1] if found else ""

    def path_of(self, program):
        return self.source / "tests" / program if program.endswith(".py") else self.build_folder / "tests" / program

    def seen_by(self, program):
        """What a test program runs: itself, and the programs that it starts."""
        starts = program in self.run_programs or program.endswith(".py")
        return [self.path_of(program), *(path for path in self.started() if starts and path in self.codes)]

    def can_see(self, program):
        """Whether what a test program runs, as it is built now, is another than without a bug."""
        return any(self.differs(path) for path in self.seen_by(program))

    def whole_code_of(self, program):
        return hashlib.sha256("".join(self.codes[path] for path in self.seen_by(program)).encode()).hexdigest()

    def run(self, program, tests, seconds):
        """The first test of the program, of those that GoogleTest's filter `tests` leaves, that fails, or None."""
        command = [self.path_of(program), "--gtest_filter=" + tests, "--gtest_fail_fast"]
        if program.endswith(".py"):
            command = [sys.executable, self.path_of(program), self.build_folder]
        # In a session of its own: a bug that signals its group must not end this, and what a test that is cut
        # off had started ends with it. Into a file: such a program would keep a pipe open.
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                                       env={"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"})
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            ended = process.returncode is not None
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            output.seek(0)
            said = output.read()
        if not ended:
            return "no end"
        if process.returncode == 0:
            return None
        failed = re.findall(r"^(?:\[  FAILED  \] |FAIL: |ERROR: )([\w/]+(?:\.[\w/]+)?)", said, re.M)
        started = re.findall(r"^\[ RUN      \] ([\w/]+\.[\w/]+)", said, re.M)
        # Sources by their names in the project, not by where this copy of them lies.
        finding = re.search(r"simulated GPU: (.*)", said.replace(f"{self.source}/", ""))
        test = failed[0] if failed else f"{started[-1]} ends the program" if started else "the program ends"
        return test + (f": {finding[1]}" if finding else "")

    def has_tests(self, program, tests):
        listed = subprocess.check_output([self.build_folder / "tests" / program, "--gtest_list_tests",
                                          "--gtest_filter=" + tests], text=True)
        return bool(re.search(r"^  \w", listed, re.M))

    @contextlib.contextmanager
    def planted(self, file, text):
        """Has `text` in place of the file's own for as long as this lasts."""
        path = self.source / file
        original = path.read_text()
        path.write_text(text)
        try:
            yield
        finally:
            path.write_text(original)
