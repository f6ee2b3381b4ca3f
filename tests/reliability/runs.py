"""What two runs have to have in common to be the same, and whether a run's system calls can be seen."""
import csv
import os
import shutil
import subprocess


def strace_works():
    return shutil.which("strace") is not None and \
        subprocess.run(["strace", "-o", os.devnull, "true"]).returncode == 0


def rows_of(run):
    """But for what clocks say."""
    with open(run / "metrics.csv") as file:
        return [{name: value for name, value in row.items() if name not in ("seconds", "images_per_second")}
                for row in csv.DictReader(file)]


def expect_same(test, run, whole):
    """The checkpoint, rows and sheets of `whole`, byte for byte; the rows but for what clocks say."""
    test.assertEqual((run / "checkpoint.safetensors").read_bytes(), (whole / "checkpoint.safetensors").read_bytes())
    test.assertEqual(rows_of(run), rows_of(whole))
    for sheet in (whole / "samples").iterdir():
        test.assertEqual((run / "samples" / sheet.name).read_bytes(), sheet.read_bytes(), sheet.name)
