#!/usr/bin/env python3
"""Picture files of every kind that the project reads, by other programs: tests/fixtures/photos/.

Run `python3 tests/make_photo_fixtures.py` (needs numpy, pillow, tifffile, opencv-python-headless). photos.json
holds, for each file, {"channels", "bits", "height", "width", "samples", "tolerance"}: what was written into it, or, where
a format loses something, what Pillow reads from it; grey spreads to no colours, alpha is kept.
"""
import io
import json
import pathlib
import struct

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image, ImageCms, ImageOps

FOLDER = pathlib.Path(__file__).parent / "fixtures" / "photos"
HEIGHT, WIDTH = 11, 13
EXPECTED = {}


def expect(name, pixels, tolerance=0, profile=False):
    pixels = np.asarray(pixels)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    EXPECTED[name] = {"height": pixels.shape[0], "width": pixels.shape[1], "channels": pixels.shape[2],
                      "bits": 8 * pixels.dtype.itemsize, "tolerance": tolerance, "profile": profile,
                      "samples": pixels.flatten().tolist()}


def png_of_opencv(name, pixels):
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[1 if pixels.ndim == 2 else pixels.shape[2]]
    cv2.imwrite(str(FOLDER / name), pixels if pixels.ndim == 2 else pixels[..., order])
    expect(name, pixels)


def tiff(name, pixels, expected=None, **options):
    tifffile.imwrite(FOLDER / name, pixels, metadata=None, **options)
    expect(name, pixels if expected is None else expected)


def tiff_orientation(name, pixels, orientation, seen):
    tifffile.imwrite(FOLDER / name, pixels, metadata=None, photometric="rgb",
                     extratags=[(274, "H", 1, orientation, True)])
    expect(name, seen)


def main():
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.default_rng(11)
    draw = lambda *shape, bits=8: rng.integers(0, 1 << bits, (HEIGHT, WIDTH) + shape).astype(f"u{bits // 8}")
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    smooth = np.stack([8 * x + 5 * y, 140 - 6 * x, 60 + 9 * y], 2).astype(np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    # PNG
    for kind, mode in {"grey": 1, "rgb": 3, "rgba": 4}.items():
        png_of_opencv(f"{kind}16.png", draw(*([] if mode == 1 else [mode]), bits=16))
    grey_alpha = draw(2)
    Image.fromarray(grey_alpha, "LA").save(FOLDER / "grey_alpha.png")
    expect("grey_alpha.png", grey_alpha)
    rgb = draw(3)
    Image.fromarray(rgb).save(FOLDER / "profile.png", icc_profile=profile)
    expect("profile.png", rgb, profile=True)
    bits = rng.integers(0, 2, (HEIGHT, WIDTH)).astype(bool)
    Image.fromarray(bits).save(FOLDER / "one_bit.png")
    expect("one_bit.png", bits.astype(np.uint8) * 255)
    palette = Image.fromarray(smooth).quantize(6)
    palette.save(FOLDER / "palette_transparent.png", transparency=bytes([0, 128, 255]))
    expect("palette_transparent.png", np.asarray(Image.open(FOLDER / "palette_transparent.png").convert("RGBA")))
    keyed = rgb.copy()
    keyed[::2, ::3] = (10, 20, 30)
    Image.fromarray(keyed).save(FOLDER / "keyed.png", transparency=(10, 20, 30))
    expect("keyed.png", np.dstack([keyed, np.where((keyed == (10, 20, 30)).all(2), 0, 255)]).astype(np.uint8))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(rgb).save(FOLDER / "turned.png", exif=exif)
    expect("turned.png", np.rot90(rgb, -1))

    # JPEG
    def jpeg(name, image, expected=None, **options):
        image.save(FOLDER / name, quality=97, subsampling=0, **options)
        expect(name, np.asarray(Image.open(FOLDER / name)) if expected is None else expected,
               tolerance=2 if expected is None else 8, profile="icc_profile" in options)

    jpeg("grey.jpg", Image.fromarray(smooth[..., 0]))
    jpeg("profile.jpg", Image.fromarray(smooth), icc_profile=profile)
    # Pillow writes Adobe's marker, with which 255 is no ink; without it 0 is.
    inks = Image.fromarray(smooth).convert("CMYK")
    jpeg("cmyk_adobe.jpg", inks, expected=smooth)
    plain = io.BytesIO()
    Image.merge("CMYK", [c.point(lambda v: 255 - v) for c in inks.split()]).save(plain, "jpeg", quality=97)
    plain = plain.getvalue()
    at = plain.find(b"\xff\xee")
    (FOLDER / "cmyk_plain.jpg").write_bytes(plain[:at] + plain[at + 2 + struct.unpack(">H", plain[at + 2:at + 4])[0]:])
    expect("cmyk_plain.jpg", smooth, tolerance=8)

    # TIFF
    tiff("grey8.tif", draw(), photometric="minisblack")
    tiff("grey16.tif", draw(bits=16), photometric="minisblack")
    tiff("rgb8.tif", draw(3), photometric="rgb")
    tiff("rgb16_big_endian.tif", draw(3, bits=16), photometric="rgb", byteorder=">")
    tiff("rgb16_deflate.tif", draw(3, bits=16), photometric="rgb", compression="zlib", predictor=True)
    tiff("rgba8.tif", draw(4), photometric="rgb", extrasamples=["unassalpha"])
    planes = draw(3, bits=16)
    tiff("planar.tif", np.moveaxis(planes, 2, 0), planes, photometric="rgb", planarconfig="separate")
    large = rng.integers(0, 256, (40, 50, 3)).astype(np.uint8)
    tiff("tiled.tif", large, photometric="rgb", tile=(16, 32))
    white = draw()
    tiff("white_is_zero.tif", white, 255 - white, photometric="miniswhite")
    straight, alpha = draw(3).astype(int), rng.integers(128, 256, (HEIGHT, WIDTH, 1))
    premultiplied = (straight * alpha + 127) // 255
    tiff("premultiplied.tif", np.dstack([premultiplied, alpha]).astype(np.uint8),
         np.dstack([np.minimum(255, (premultiplied * 255 + alpha // 2) // alpha), alpha]).astype(np.uint8),
         photometric="rgb", extrasamples=["assocalpha"])
    Image.fromarray(smooth).quantize(6).save(FOLDER / "palette.tif")
    expect("palette.tif", np.asarray(Image.fromarray(smooth).quantize(6).convert("RGB")))
    Image.fromarray(bits).save(FOLDER / "one_bit.tif", compression="group4")
    expect("one_bit.tif", bits.astype(np.uint8) * 255)
    turned = draw(3)
    tiff_orientation("turned.tif", turned, 8, np.rot90(turned, 1))
    pages = draw(3)
    with tifffile.TiffWriter(FOLDER / "pages.tif") as file:
        for page in (pages, 255 - pages):
            file.write(page, photometric="rgb", metadata=None)
    expect("pages.tif", pages)

    # WebP
    for name, pixels in {"lossless.webp": rgb, "lossless_alpha.webp": draw(4)}.items():
        Image.fromarray(pixels).save(FOLDER / name, lossless=True, exact=True)
        expect(name, pixels)
    Image.fromarray(smooth).save(FOLDER / "lossy.webp", quality=95, icc_profile=profile)
    expect("lossy.webp", np.asarray(Image.open(FOLDER / "lossy.webp").convert("RGB")), profile=True)
    Image.fromarray(rgb).save(FOLDER / "turned.webp", lossless=True, exact=True, exif=exif)
    expect("turned.webp", np.rot90(rgb, -1))
    Image.fromarray(smooth).save(FOLDER / "animated.webp", save_all=True, lossless=True,
                                 append_images=[Image.fromarray(255 - smooth)])
    expect("animated.webp", smooth)

    # PNM with every kind of largest value
    def pnm(name, kind, pixels, most, scaled):
        head = f"P{kind}\n# a comment\n{WIDTH} {HEIGHT}\n{most}\n".encode()
        text = kind <= 3
        body = " ".join(str(v) for v in pixels.flatten()).encode() if text else pixels.astype(
            ">u2" if most > 255 else "u1").tobytes()
        (FOLDER / name).write_bytes(head + body)
        expect(name, scaled)

    for most in (100, 1023, 4095, 65535):
        pixels = rng.integers(0, most + 1, (HEIGHT, WIDTH, 3))
        full = 255 if most < 256 else 65535
        pnm(f"most_{most}.ppm", 6, pixels, most,
            np.floor(pixels * full / most + 0.5).astype("u1" if most < 256 else "u2"))
    grey = draw()
    pnm("text.pgm", 2, grey, 255, grey)
    (FOLDER / "bits.pbm").write_bytes(f"P4 {WIDTH} {HEIGHT}\n".encode() + np.packbits(~bits, axis=1).tobytes())
    expect("bits.pbm", bits.astype(np.uint8) * 255)

    # A bitmap whose rows run downwards: a negative height.
    bottom_up = io.BytesIO()
    Image.fromarray(rgb).save(bottom_up, "bmp")
    bottom_up = bytearray(bottom_up.getvalue())
    start, row = struct.unpack("<I", bottom_up[10:14])[0], (3 * WIDTH + 3) // 4 * 4
    rows = [bottom_up[start + i * row:start + (i + 1) * row] for i in range(HEIGHT)]
    bottom_up[22:26] = struct.pack("<i", -HEIGHT)
    (FOLDER / "top_down.bmp").write_bytes(bytes(bottom_up[:start]) + b"".join(bytes(r) for r in reversed(rows)))
    expect("top_down.bmp", rgb)
    gif = Image.fromarray(smooth).quantize(6)
    gif.save(FOLDER / "transparent.gif", transparency=2)
    expect("transparent.gif", np.asarray(Image.open(FOLDER / "transparent.gif").convert("RGBA")))

    # What files tell beside their pixels, for tests/tools/metadata_test.cpp. Stored lying, seen standing.
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "A maker"
    exif[ExifTags.Base.DateTime] = "2026:01:02 03:04:05"
    xmp = (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
           b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt>'
           b'<rdf:li xml:lang="x-default">A title</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>')
    for name, options in {"told.jpg": {"xmp": xmp, "quality": 97, "subsampling": 0}, "told.png": {},
                          "told.webp": {"xmp": xmp, "lossless": True, "exact": True}}.items():
        Image.fromarray(rgb).save(FOLDER / name, exif=exif, icc_profile=profile, **options)
        pixels = ImageOps.exif_transpose(Image.open(FOLDER / name)).convert("RGB")
        expect(name, pixels, tolerance=2 if name == "told.jpg" else 0, profile=True)
    tifffile.imwrite(FOLDER / "told.tif", rgb, metadata=None, photometric="rgb", iccprofile=profile,
                     datetime="2026:01:02 03:04:05",
                     extratags=[(274, "H", 1, 6, True), (271, "s", 0, "A maker", True), (700, "B", len(xmp), xmp, True)])
    expect("told.tif", np.rot90(rgb, -1), profile=True)

    (FOLDER / "photos.json").write_text(json.dumps(EXPECTED) + "\n")


if __name__ == "__main__":
    main()
