#!/usr/bin/env python3
"""Writes fixtures/data/{ustar,gnu,pax}.tar by Python's tarfile, for tar_test: `python3 tests/make_tar_fixtures.py`.

The same members in each: names that fit, that need a prefix, that are longer than any field and that are no ASCII
(in ustar those two are left out), a folder, a link, and one name twice.
"""
import io
import pathlib
import tarfile

FOLDER = pathlib.Path(__file__).resolve().parent / "fixtures" / "data"
SHORT, PREFIXED = "a.ppm", "p" * 90 + "/" + "q" * 90 + ".ppm"
LONG, FOREIGN = "l" * 300 + ".ppm", "Blüten/花.ppm"


def content(number):
    return b"P6 2 2 255\n" + bytes((number * 12 + i) % 256 for i in range(12))


def write(name, form):
    with tarfile.open(FOLDER / f"{name}.tar", "w", format=form) as archive:
        def add(member, data=b"", **fields):
            info = tarfile.TarInfo(member)
            info.size, info.mtime = len(data), 1.5 if form == tarfile.PAX_FORMAT else 1
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(data))
        add(SHORT, content(9))
        add("folder", type=tarfile.DIRTYPE)
        add("link.ppm", type=tarfile.SYMTYPE, linkname=SHORT)
        add(PREFIXED, content(1))
        if form != tarfile.USTAR_FORMAT:
            add(LONG, content(2))
            add(FOREIGN, content(3))
        add("./b.ppm", content(4))
        add(SHORT, content(0))


if __name__ == "__main__":
    write("ustar", tarfile.USTAR_FORMAT)
    write("gnu", tarfile.GNU_FORMAT)
    write("pax", tarfile.PAX_FORMAT)
