"""Packs logs and results of a part into one archive that is small enough to be carried."""
import os
import tarfile
import zlib

MOST_BYTES = 15 << 20
MOST_FILE = 64 << 20  # not even tried
# Large, and made again by anyone: weights, and nsys' database of what is in its report.
LEFT_OUT = (".safetensors", ".sqlite")


def packed_size(path):
    """What it will take, a little more rather than less; the archive's own header besides."""
    size = path.stat().st_size
    return size if size > MOST_FILE else len(zlib.compress(path.read_bytes(), 1)) + 1024


def pack(work, target, most=MOST_BYTES):
    """Writes logs/ and results/ of `work`. The largest files are dropped until the rest fits; returns
    their names."""
    files = [path for folder in ("logs", "results") for path in sorted((work / folder).rglob("*"))
             if path.is_file() and not path.is_symlink() and path.suffix not in LEFT_OUT]
    sizes = {path: packed_size(path) for path in files}
    dropped = []
    while sum(sizes.values()) > most:
        largest = max(sizes, key=sizes.get)
        dropped.append(f"{largest.relative_to(work)} ({largest.stat().st_size >> 20} MB)")
        del sizes[largest]
    beside = target.with_name(f".{target.name}.new")
    with tarfile.open(beside, "w:gz", compresslevel=6) as archive:
        for path in sizes:
            archive.add(path, path.relative_to(work))
    os.replace(beside, target)
    return dropped
