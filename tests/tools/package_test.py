#!/usr/bin/env python3
"""Manual pages and completions say what --help says: `python3 tests/tools/package_test.py BUILD`.

What is done with the packages themselves is in `bash tools/package.sh --check`.
"""
import gzip
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

BUILD = pathlib.Path(sys.argv[1]).resolve()
MANUAL = BUILD / "manual"
PROGRAMS = ["blur_report", "corrupt", "denoise", "evaluate", "export", "study", "train_cuda"]


def output(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True, **options).stdout


def options_in(help_text):
    return set(re.findall(r"^ +(?:-\w,)?(--[a-z-]+)", help_text, re.M))


def completed(line):
    """What bash completes a line to that ends here."""
    words = line.split(" ")
    script = (f'source "{MANUAL}/{words[0]}.bash"; compopt() {{ :; }}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
              f'_{words[0].replace("-", "_")}; printf "%s\\n" "${{COMPREPLY[@]}}"')
    return output("bash", "-c", script, "bash", *words, cwd=BUILD / "manual").split()


class Manual(unittest.TestCase):
    def test_every_option_of_help_is_in_page_and_completions(self):
        self.assertEqual(sorted(path.name.removesuffix(".1.gz") for path in MANUAL.glob("*.gz")),
                         [f"dae-{program}" for program in PROGRAMS])
        for program in PROGRAMS:
            name = f"dae-{program}"
            with self.subTest(program):
                help_text = output(MANUAL / name, "--help")
                options = options_in(help_text) - {"--help"}
                self.assertGreater(len(options), 3)
                page = gzip.decompress((MANUAL / f"{name}.1.gz").read_bytes()).decode().replace("\\-", "-")
                self.assertEqual(set(re.findall(r"\\fB(?:-\w, )?(--[a-z-]+)", page)) - {"--help"}, options)
                self.assertEqual(set(completed(f"{name} --")) - {"--help"}, options)
                fish = (MANUAL / f"{name}.fish").read_text()
                self.assertEqual({f"--{word}" for word in re.findall(r" -l ([a-z-]+)", fish)} - {"--help"}, options)
                zsh = (MANUAL / f"{name}.zsh").read_text()
                self.assertTrue(zsh.startswith(f"#compdef {name}\n"))
                self.assertEqual(set(re.findall(r"^  '(--[a-z-]+)\[", zsh, re.M)) - {"--help"}, options)

    def test_every_option_says_the_same_everywhere(self):
        for program in PROGRAMS:
            name = f"dae-{program}"
            help_text = " ".join(output(MANUAL / name, "--help").split())
            page = gzip.decompress((MANUAL / f"{name}.1.gz").read_bytes()).decode()
            page = page.replace("\\-", "-").replace("\\e", "\\")
            shells = [line.replace("'\\''", "'").replace("\\[", "[").replace("\\]", "]").replace("\\:", ":")
                      for line in ((MANUAL / f"{name}.{shell}").read_text() for shell in ("fish", "zsh"))]
            items = re.findall(r"^\.TP\n\\fB(?:-\w, )?(--[a-z-]+).*\n(.*)$", page, re.M)
            self.assertGreater(len(items), 3)
            for option, said in items:
                with self.subTest(f"{program} {option}"):
                    self.assertRegex(said, r"\w+ .*\w+")  # words, more than one
                    said = re.sub(r" \[[^\[]*\]$", "", said)  # what it is otherwise
                    self.assertIn(" ".join(said.split()), help_text)
                    self.assertIn(f" -l {option[2:]} ", shells[0])
                    self.assertRegex(shells[0], rf"(?m) -l {option[2:]}( .*)? -d '{re.escape(said)}")
                    self.assertIn(f"'{option}[{said}", shells[1])

    def test_help_speaks_of_options_that_are_there(self):
        of_others = {"-h", "-", "-np", "-n", "--logdir"}  # CLI11's, a dash, mpirun's, srun's, TensorBoard's
        texts = [output(BUILD / program, "--help") for program in PROGRAMS]
        there = set().union(*map(options_in, texts))
        for program, text in zip(PROGRAMS, texts):
            with self.subTest(program):
                self.assertLessEqual(set(re.findall(r"(?<![^\s(`'\"\[,])-[^\s,;:.)`'\"\]=]*", text)), there | of_others)
                if "--device" in text:
                    self.assertRegex(text, r"--threads INT:INT in \[0 - 1024\]=0\n")  # every core

    def test_the_synopsis_has_in_brackets_what_need_not_be_given(self):
        for program, places in {"denoise": r"\fI[NETWORK] IMAGE\fR", "evaluate": r"[\fIRUN\fR]"}.items():
            page = gzip.decompress((MANUAL / f"dae-{program}.1.gz").read_bytes()).decode()
            self.assertIn(f".SH SYNOPSIS\n.B dae\\-{program}\n[\\fIOPTIONS\\fR] {places}\n", page)

    def test_fish_completes_files_choices_and_nothing_else(self):
        fish = (MANUAL / "dae-denoise.fish").read_text()
        for option in ("out -rF", "quality -x -a 'normal best'", "sigma -x", "compare"):
            self.assertIn(f" -l {option} -d '", fish)

    def test_values_are_completed(self):
        self.assertEqual(completed("dae-denoise --quality "), ["normal", "best"])
        self.assertEqual(completed("dae-denoise --format t"), ["tiff"])
        self.assertEqual(completed("dae-denoise --sigma "), [])
        self.assertIn("dae-denoise.bash", completed("dae-denoise dae-den"))
        self.assertIn("dae-denoise.bash", completed("dae-train_cuda --dataset dae-den"))

    def test_a_program_is_called_what_it_is_installed_as(self):
        self.assertIn("\n  dae-denoise holiday.jpg", output(MANUAL / "dae-denoise", "--help"))
        self.assertIn("\n  denoise holiday.jpg", output(BUILD / "denoise", "--help"))
        self.assertRegex(output(MANUAL / "dae-study", "--help"), r"\n  mpirun -np 4 dae-study .*\n  srun -n 8 dae-study ")
        failed = subprocess.run([MANUAL / "dae-denoise", "--qality"], capture_output=True, text=True)
        self.assertEqual(failed.returncode, 2)
        self.assertRegex(failed.stderr, r"^dae-denoise: .*\(see dae-denoise --help\)\n$")

    @unittest.skipUnless(shutil.which("readelf"), "no readelf")
    def test_only_these_programs_use_libraries_under_the_gpl(self):
        found = {program for program in PROGRAMS
                 if re.search(r"NEEDED.*lib(fftw3|exiv2)", output("readelf", "-d", BUILD / program))}
        self.assertEqual(found, {"blur_report", "corrupt", "denoise"})  # as README.md has it

    def test_shells_and_man_take_them(self):
        checks = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "-n"]}
        for shell, command in checks.items():
            for path in MANUAL.glob(f"*.{shell}") if shutil.which(shell) else []:
                output(*command, path)
        if shutil.which("groff"):
            for path in MANUAL.glob("*.gz"):
                done = subprocess.run(["groff", "-man", "-ww", "-Tutf8"], input=gzip.decompress(path.read_bytes()),
                                      capture_output=True, check=True)
                self.assertEqual(done.stderr, b"", path)

    def test_cluster_examples_use_options_that_there_are(self):
        folder = pathlib.Path(__file__).resolve().parents[2] / "examples" / "cluster"
        known = set(re.findall(r"--[a-z-]+", output(BUILD / "train_cuda", "--help")))
        for file in sorted(folder.iterdir()):
            text = file.read_text().replace("\\\n", " ")
            command, = re.findall(r"train_cuda (--dataset .*)", text)
            self.assertLessEqual(set(re.findall(r"--[a-z-]+", command)), known, file.name)
            if file.suffix != ".yaml":
                output("bash", "-n", file)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
