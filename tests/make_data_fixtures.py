#!/usr/bin/env python3
"""Small files written by other programs: tests/fixtures/data/.

Run `python3 tests/make_data_fixtures.py` (needs numpy, pillow, safetensors). pixels.json holds, for
each image file, its size and what Pillow reads from it as 8-bit RGB; 16 bits rounded, alpha laid over white.
"""
import json
import pathlib

import numpy as np
import safetensors.numpy
from PIL import ExifTags, Image, ImageOps

FOLDER = pathlib.Path(__file__).parent / "fixtures" / "data"


def main():
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.default_rng(7)
    height, width = 5, 7
    rgb = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    grey = rng.integers(0, 256, (height, width), dtype=np.uint8)
    deep = rng.integers(0, 65536, (height, width), dtype=np.uint16)
    y, x = np.mgrid[0:40, 0:56]
    smooth = np.stack([4 * x, 5 * y, 128 + 0 * x], 2).astype(np.uint8)
    expected = {}

    def keep(name, image, pixels, **options):
        image.save(FOLDER / name, **options)
        expected[name] = {"height": image.height, "width": image.width, "pixels": pixels.flatten().tolist()}

    keep("rgb.png", Image.fromarray(rgb), rgb)
    keep("rgb.bmp", Image.fromarray(rgb), rgb)
    keep("rgb.tga", Image.fromarray(rgb), rgb)
    keep("rgb.ppm", Image.fromarray(rgb), rgb)
    keep("grey.png", Image.fromarray(grey), np.repeat(grey[..., None], 3, 2))
    alpha = Image.fromarray(np.concatenate([rgb, grey[..., None]], 2))
    share = grey[..., None].astype(int)
    keep("alpha.png", alpha, ((rgb * share + 255 * (255 - share) + 127) // 255).astype(np.uint8))  # laid over white
    keep("deep.png", Image.fromarray(deep), np.repeat(((deep.astype(int) + 128) // 257)[..., None], 3, 2))
    palette = Image.fromarray(rgb).quantize(8)
    keep("palette.png", palette, np.asarray(palette.convert("RGB")))
    keep("palette.gif", palette, np.asarray(palette.convert("RGB")))
    # In a segment before the data, as the end of a camera's thumbnail is.
    comment = b"\xff\xd9 is not the end"
    for name, options in {"baseline.jpg": {}, "progressive.jpg": {"progressive": True}}.items():
        image = Image.fromarray(smooth)
        image.save(FOLDER / name, quality=97, subsampling=0, comment=comment, **options)
        pixels = np.asarray(Image.open(FOLDER / name).convert("RGB"))
        expected[name] = {"height": 40, "width": 56, "pixels": pixels.flatten().tolist()}
    # As cameras held in every way store a picture, some big-endian, some little-endian.
    y, x = np.mgrid[0:8, 0:16]
    stored = Image.fromarray(np.stack([15 * x, 30 * y, 128 + 0 * x], 2).astype(np.uint8))
    for orientation in range(1, 9):
        name = f"orientation_{orientation}.jpg"
        exif = Image.Exif()
        exif.endian = "<" if orientation % 2 else ">"
        exif[ExifTags.Base.Orientation] = orientation
        stored.save(FOLDER / name, quality=97, subsampling=0, exif=exif)
        seen = ImageOps.exif_transpose(Image.open(FOLDER / name))
        pixels = np.asarray(seen.convert("RGB"))
        expected[name] = {"height": seen.height, "width": seen.width, "pixels": pixels.flatten().tolist()}
    (FOLDER / "pixels.json").write_text(json.dumps(expected) + "\n")

    safetensors.numpy.save_file(
        {"conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2) / 8,
         "step": np.array([1234567890123], np.uint64),
         "bytes": np.arange(5, dtype=np.uint8),
         "doubles": np.zeros(3),
         "empty": np.zeros((0, 4), np.float32)},
        FOLDER / "python.safetensors", {"made by": "safetensors.numpy"})


if __name__ == "__main__":
    main()
