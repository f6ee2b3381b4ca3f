"""Which mutants are tried: a line and a mutation of it are drawn by a seed, of what universalmutator makes of it."""
import collections
import contextlib
import importlib
import io
import random
import re
import subprocess
import sys
import venv

from workspace import WORK

TOOL = "universalmutator==1.14.1"


def mutation_tool():
    """universalmutator's module, from PyPI into a folder of the build."""
    folder = WORK / "tool"
    if not folder.exists():
        venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", TOOL], check=True)
    sys.path += [str(path) for path in (folder / "lib").glob("python3*/site-packages")]
    return importlib.import_module("universalmutator.mutator")


def mutations_of(tool, source, file):
    """{line's number: [its mutated texts]} of a file."""
    lines = (source / file).read_text().splitlines(keepends=True)
    with contextlib.redirect_stdout(io.StringIO()):
        found = tool.mutants_regexp(lines, ["universal.rules", "c_like.rules", "cpp.rules"], ignorePatterns=[])
    by_line = collections.defaultdict(list)
    for number, text, *_ in found:
        by_line[number].append(text)
    return by_line


def files_of(source, room):
    return sorted(str(path.relative_to(source)) for path in (source / room).rglob("*")
                  if path.suffix in (".cpp", ".cu", ".h"))


def bare(text):
    """A line without its comments and strings."""
    text = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])*\'', '""', text)
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text)


def may_leave_a_loop(lines, number):
    """Whether a statement after a line may stand in a loop or a switch, as far as what it is indented by says."""
    indent, opening = 1000, re.compile(r"\b(for|while|switch)\b|\bdo {")
    for line in reversed(lines[:number]):
        if line.strip() and len(line) - len(line.lstrip()) < indent:
            indent = len(line) - len(line.lstrip())
            if opening.search(line):
                return True
    return False


def ends_a_loop(lines, number):
    """Whether nothing but a loop's end follows a line, as far as what it is indented by says: a `continue` there is
    no change."""
    after = lines[number] if number < len(lines) else ""
    indent = len(after) - len(after.lstrip())
    if after.strip() != "}":
        return False
    opener = next((line for line in reversed(lines[:number]) if line.strip() and len(line) - len(line.lstrip()) <= indent
                   and line.strip() != "}"), "")
    return bool(re.match(r"\s*(for|while) ", opener))


# Of what clang-format leaves, brackets of templates alone stand against a word, and no operator of two sides does.
OPENED, CLOSED = re.compile(r"(?<=\w)<(?![=<\s])"), re.compile(r"(?<![-\s=<])>(?!=)")
NO_EXPRESSION = re.compile(r"\+-\s*[);]|-\+\s*[);]|[=!]==|==!|\[[|^]\]|[|/%^]\s*\)|\w[|/%^+]>|\d\.\(|"
                           r"\w[|/%^+-] |[(=,]\s*[|/%^]|[\w)]  [\w(]|\btemplate [^<]")
DECLARATION = re.compile(r"(?!return|throw|delete|else|case|goto)(const )?[\w:]+(<.*>)?[ *&]+(const )?(\w+)"
                         r"(\[.*\])*( =.*|{.*}|\(.*\))?;$")


def open_brackets(text):
    """What is left of a text's brackets when those that fit are taken out, again and again."""
    left, before = re.sub(r"[^][(){}]", "", text), None
    while left != before:
        left, before = re.sub(r"\(\)|\[\]|{}", "", left), left
    return left, len(OPENED.findall(text)) - len(CLOSED.findall(text))


def leaves_a_gap(lines, number, line):
    """Whether what follows a line names what it declares, as far as its text says."""
    if line.startswith(("for (", "using ", "#pragma once")):
        return True
    declared = DECLARATION.match(line)
    return bool(declared and re.search(rf"\b{declared[4]}\b", "\n".join(lines[number:])))


def is_no_program(lines, number, text):
    """Whether it takes no compiler to see that a mutation of a line is no C++, or a comment; most are."""
    line, changed = bare(lines[number - 1]).strip(), bare(text).strip()
    if line.split() == changed.split() and '"' not in line:
        return True
    if open_brackets(line) != open_brackets(changed):
        return True
    if NO_EXPRESSION.search(changed) and not NO_EXPRESSION.search(line):
        return True
    if re.search(r"\n\s*(break|continue);$", text) and \
            not (line.endswith((";", "{", "}", ":", ")", "else")) and may_leave_a_loop(lines, number)):
        return True
    if re.search(r"\n\s*continue;$", text) and ends_a_loop(lines, number):
        return True
    if not changed and (leaves_a_gap(lines, number, line) or lines[number - 1][:1].strip()):
        return True  # what is not indented declares something
    renamed = re.findall(r"\w+begin\w*|begin\w+", changed)  # an `end` within a name
    return any(word not in "\n".join(lines) for word in renamed) or \
        bool(re.search(r"int(?!(8|16|32|64)?_t)[-+()0-9]+_t", changed))


def shuffled(tool, source, room, seed):
    """The room's mutants, one a line, as far as they go: dictionaries of file, line, from, to."""
    bits = random.Random(f"{room} {seed}")
    places = [(file, line, texts) for file in files_of(source, room)
              for line, texts in sorted(mutations_of(tool, source, file).items())]
    bits.shuffle(places)
    for file, line, texts in places:
        lines, mutation = (source / file).read_text().splitlines(), bits.choice(texts).rstrip("\n")
        if not is_no_program(lines, line, mutation):
            yield {"room": room, "file": file, "line": line, "from": lines[line - 1].strip(), "to": mutation}
