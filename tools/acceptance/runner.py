"""Runs commands under limits, several at once, and judges how each of them ended."""
import dataclasses
import os
import re
import shlex
import signal
import subprocess
import time
import typing

PASSED, FAILED, SKIPPED, WAITING = "passed", "failed", "skipped", "waiting for a GPU"
POLL = 0.01   # seconds between two looks at what runs
GRACE = 3.0   # seconds between asking a command to end and ending it
LEAST = 2.0   # seconds that must be left for a command to be begun
MOST_LOG = 4 << 20  # bytes of a log that are read: its end says how it went
PATIENCE = 30  # times what a GPU may take: without one nothing is rented, and limits are for what hangs


@dataclasses.dataclass
class Item:
    """Something to run: words of a command line, or a function that returns (status, note)."""
    name: str
    command: typing.Any
    limit: float = 60
    environment: dict = dataclasses.field(default_factory=dict)
    needs: str = ""                # a program that may not be installed
    check: typing.Any = None       # called after a pass: what is wrong with what was left, or ""
    passes_as: tuple = (PASSED, "")  # what a pass is worth: less in a rehearsal
    expected_code: int = 0
    background: bool = False       # runs beside the items that follow it
    section: str = ""              # where it was begun


@dataclasses.dataclass
class Section:
    """Items with a place in a part's time: `ends` seconds after its beginning the next one begins."""
    name: str
    ends: float
    items: typing.Any              # called with the place when the section begins
    at_once: int = 1
    waits: float = 0               # seconds that it may wait for what runs in the background


# --- Judging --------------------------------------------------------------------------------------
def last_line(log):
    lines = log.strip().splitlines()
    return lines[-1].strip() if lines else ""


def first_match(pattern, log):
    found = re.search(pattern, log, re.MULTILINE)
    return found.group(0).strip() if found else ""


def counted(log):
    """'12 tests, 3 skipped', and how many ran; ("", None) for what is no test program."""
    ran = re.search(r"^\[  PASSED  \] (\d+) test", log, re.MULTILINE)
    skipped = re.search(r"^\[  SKIPPED \] (\d+) test", log, re.MULTILINE)
    if not ran:
        return "", None
    return f"{ran[1]} tests" + (f", {skipped[1]} skipped" if skipped else ""), int(ran[1])


def failed_tests(log):
    """'2 tests failed, first NAME' of a test program; "" of others."""
    names = re.findall(r"^\[  FAILED  \] (?!.*listed below)(\S+)", log, re.MULTILINE)
    count = len(set(names))
    return f"{count} test{'s' if count > 1 else ''} failed, first {names[0].rstrip(',')}" if names else ""


def why_failed(code, log):
    """What the log says of what went wrong."""
    note = (first_match(r"^.*ERROR SUMMARY.*$", log) or first_match(r"^==ERROR==.*$", log) or failed_tests(log)
            or last_line(log))
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        note = f"ended by {name}" + (f": {note}" if note else "")
    return note or f"exit code {code}, and not a word"


def judge(item, code, log, gpu):
    """Status and note of a command that ended by itself."""
    waits = not gpu and "no usable GPU" in log
    tests, ran = counted(log)
    if code == 77:  # as ncu_kernel.sh says that something is not there
        return SKIPPED, last_line(log)
    if code == 2 and item.expected_code != 2:  # a command line that makes no sense, GPU or not
        return FAILED, last_line(log)
    if code != item.expected_code:
        if waits:
            return WAITING, ""
        if item.expected_code and code == 0:
            return FAILED, "asleep: the planted bug was not reported"
        return FAILED, why_failed(code, log)
    if ran == 0:
        why = re.search(r": Skipped\n(.+)", log)
        return (WAITING, tests) if waits else (SKIPPED, tests + (f": {why[1].strip()}" if why else ""))
    if "No kernels were profiled" in log:
        return FAILED, "no kernel was profiled"
    if item.check and (wrong := item.check()):
        return FAILED, wrong
    status, note = item.passes_as
    return status, tests or note


# --- Running --------------------------------------------------------------------------------------
class Running:
    """A command under way, in a process group of its own so that it ends with all it started."""

    def __init__(self, item, limit, cut, log, environment):
        self.item, self.limit, self.log, self.cut = item, limit, log, cut
        self.begun, self.stopping, self.why = time.monotonic(), None, ""
        words = [str(word) for word in item.command]
        with open(log, "w") as file:
            file.write(shlex.join(words) + "\n")
            file.flush()
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                env={**environment, **item.environment}, start_new_session=True)

    def seconds(self):
        return time.monotonic() - self.begun

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def stop(self, why):
        if self.stopping is None:
            self.why, self.stopping = why, time.monotonic()
            self.signal(signal.SIGTERM)

    def ended(self):
        if self.process.poll() is not None:
            self.signal(signal.SIGKILL)  # what it started and left behind
            return True
        if self.stopping is None and self.seconds() > self.limit:
            self.stop("limit")
        elif self.stopping is not None and time.monotonic() - self.stopping > GRACE:
            self.signal(signal.SIGKILL)
        return False

    def verdict(self, gpu):
        with open(self.log, "rb") as file:
            file.readline()  # the command
            begin = file.tell()
            file.seek(max(begin, os.fstat(file.fileno()).st_size - MOST_LOG))
            log = file.read().decode(errors="replace")
        if self.why == "limit" and not self.cut:
            return FAILED, f"not over after {self.limit:.0f} s"
        if self.why:
            why = "the section's end" if self.why == "limit" else self.why
            return SKIPPED, f"cut off after {self.seconds():.0f} s by {why}"
        return judge(self.item, self.process.returncode, log, gpu)


class Runner:
    """Runs the sections of a part and keeps what became of each item. `write` is called after every
    item, so that whatever ends this script, what was found until then is kept."""

    def __init__(self, place, write):
        self.place, self.write = place, write
        self.begun = time.monotonic()
        self.records, self.sections, self.background = [], {}, []
        self.cut_off = ""  # the signal that asked this script to end
        self.busy, self.busy_since, self.running = 0.0, None, 0

    def elapsed(self):
        return time.monotonic() - self.begun

    def overhead(self):
        """Seconds in which no item ran."""
        return self.elapsed() - self.busy

    def interrupt(self, number, _frame):
        self.cut_off = signal.Signals(number).name

    def record(self, item, status, note, seconds):
        command = "" if callable(item.command) else shlex.join(map(str, item.command))
        note = " ".join(note.split())
        self.records.append({"section": item.section, "name": item.name, "status": status, "note": note,
                             "seconds": round(seconds, 1), "command": command})
        print(f"{self.elapsed():5.0f} s  {item.name:<56} {status}{': ' + note if note else ''}", flush=True)
        self.write(self)

    def patience(self):
        return 1 if self.place.gpu else PATIENCE

    def run_section(self, section):
        begun = self.elapsed()
        self.section, self.ends = section.name, section.ends * self.patience()
        if section.waits:
            self.finish_background(min(self.ends, begun + section.waits * self.patience()))
        self.place.left = self.ends - self.elapsed()
        self.run(section.items(self.place), section.at_once)
        self.sections[section.name] = round(self.elapsed() - begun, 1)

    def begin(self, item):
        """The command under way; None when it ended here."""
        left, item.section = self.ends - self.elapsed(), self.section
        if self.cut_off:
            self.record(item, SKIPPED, f"cut off by {self.cut_off}", 0)
        elif item.needs and not self.place.has(item.needs):
            self.record(item, SKIPPED, f"not installed: {item.needs}", 0)
        elif callable(item.command):
            self.call(item)
        elif left < LEAST:
            self.record(item, SKIPPED, "out of time", 0)
        else:
            log = self.place.logs / f"{len(list(self.place.logs.iterdir())) + 1:03d}.log"
            most = item.limit * self.patience()
            limit = most if item.background else min(most, left)
            try:
                return Running(item, limit, limit < most, log, self.place.environment())
            except OSError as error:
                self.record(item, FAILED, f"{error.strerror}: {item.command[0]}", 0)
        return None

    def call(self, item):
        begun = time.monotonic()
        self.count(1)
        try:
            status, note = item.command()
        except Exception as error:  # the item's own, and nothing stops what follows
            status, note = FAILED, f"{type(error).__name__}: {error}"
        self.count(-1)
        self.record(item, status, note, time.monotonic() - begun)

    def count(self, change):
        """Keeps the seconds in which at least one item ran in the foreground."""
        if self.running == 0:
            self.busy_since = time.monotonic()
        self.running += change
        if self.running == 0:
            self.busy += time.monotonic() - self.busy_since

    def run(self, items, at_once=1):
        waiting, running = list(items), []
        while waiting or running:
            while waiting and len(running) < at_once:
                item = waiting.pop(0)
                begun = self.begin(item)
                if begun and item.background:
                    self.background.append(begun)
                elif begun:
                    running.append(begun)
                    self.count(1)
            for one in [one for one in running if self.over(one)]:
                running.remove(one)
                self.count(-1)
                self.finish(one)
            self.look_at_background()
            if running:
                time.sleep(POLL)

    def over(self, one):
        if self.cut_off:
            one.stop(self.cut_off)
        return one.ended()

    def finish(self, one):
        self.record(one.item, *one.verdict(self.place.gpu), one.seconds())

    def look_at_background(self):
        for one in [one for one in self.background if self.over(one)]:
            self.background.remove(one)
            self.finish(one)

    def finish_background(self, until):
        """Waits for what runs beside the items until then, and stops it."""
        self.count(1)
        while self.background:
            if self.elapsed() > until:
                for one in self.background:
                    one.stop("what must be timed alone")
            self.look_at_background()
            time.sleep(POLL)
        self.count(-1)

    def finish_part(self):
        self.finish_background(self.elapsed())
