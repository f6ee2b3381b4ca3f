#!/usr/bin/env python3
"""Image pairs and what the measures of quality/ must give for them: tests/fixtures/quality.json.

Run `python3 tests/make_quality_fixtures.py` (needs numpy, scikit-image) after changing a measure on
purpose. SSIM, PSNR, Lab and CIEDE2000 are scikit-image's; gains are numpy's least squares. Images
are synthetic, stored as whole numbers of 1/255; `other` may lie outside [0, 255].
"""
import json
import math
import pathlib
import warnings

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.filters import gaussian
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def scene(rng, height, width):
    """Random discs of one colour over a ramp: edges, flat areas, some of it black or white."""
    y, x = np.mgrid[:height, :width]
    image = np.repeat((40 + 150 * x / max(width - 1, 1))[..., None], 3, axis=2)
    for _ in range(12):
        radius = rng.uniform(1, max(height, width) / 3)
        inside = np.hypot(y - rng.uniform(0, height), x - rng.uniform(0, width)) < radius
        image[inside] = rng.choice([rng.uniform(0, 255, 3), np.full(3, 255.0), np.zeros(3)],
                                   p=[0.8, 0.1, 0.1])
    return np.clip(np.rint(image), 0, 255)


def pairs(rng):
    clean = scene(rng, 32, 48)
    yield "noise", clean, clean + rng.normal(0, 25, clean.shape)
    clean = scene(rng, 23, 31)
    yield "gains_beyond_the_range", clean, clean * [1.3, 1.1, 0.8] + rng.normal(0, 5, clean.shape)
    clean = scene(rng, 12, 17)
    yield "blur", clean, gaussian(clean, 1.5, channel_axis=-1, preserve_range=True)
    clean = scene(rng, 11, 11)
    yield "one_window", clean, clean * 0.9
    clean = scene(rng, 10, 40)
    yield "no_window", clean, clean * [0.9, 1.0, 1.1] + 3
    yield "one_pixel", np.full((1, 1, 3), 120.0), np.full((1, 1, 3), [100.0, 120.0, 90.0])
    yield "all_white", np.full((13, 11, 3), 255.0), np.full((13, 11, 3), [204.0, 230.0, 255.0])
    yield "all_black", np.zeros((11, 12, 3)), rng.uniform(0, 9, (11, 12, 3))
    clean = scene(rng, 11, 12)
    yield "identical", clean, clean


def fit_gain(clean, other):
    """Over pixels with every channel of both off the ends of the range; all, if fewer than 16."""
    c, o = clean.reshape(-1, 3), other.reshape(-1, 3)
    low, high = 1 / 510, 1 - 1 / 510
    off_ends = ((c > low) & (c < high) & (o > low) & (o < high)).all(axis=1)
    if off_ends.sum() >= 16:
        c, o = c[off_ends], o[off_ends]
    gains = [np.linalg.lstsq(o[:, [k]], c[:, k], rcond=None)[0][0] for k in range(3)]
    return np.array([g if g > 0 else 1.0 for g in gains])


def ssim(a, b):
    if min(a.shape[:2]) < 11:
        return None
    return structural_similarity(a, b, data_range=1, gaussian_weights=True, sigma=1.5,
                                 use_sample_covariance=False, channel_axis=-1)


def psnr(a, b):
    """None stands for infinity."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = peak_signal_noise_ratio(a, b, data_range=1)
    return value if math.isfinite(value) else None


def mean_lab(image):
    return rgb2lab(image).reshape(-1, 3).mean(axis=0)


def expected(clean, other):
    seen = np.clip(other, 0, 1)
    gain = fit_gain(clean, seen)
    aligned = np.clip(seen * gain, 0, 1).astype(np.float32).astype(np.float64)
    red, green, blue = gain
    return {
        "ssim_unclamped": ssim(clean, other),
        "gain": gain.tolist(),
        "grey_world_gain": (0.4 / other.reshape(-1, 3).mean(axis=0)).tolist(),
        "mse": np.mean((clean - seen)**2), "psnr": psnr(clean, seen), "ssim": ssim(clean, seen),
        "aligned_mse": np.mean((clean - aligned)**2), "aligned_psnr": psnr(clean, aligned),
        "aligned_ssim": ssim(clean, aligned),
        "brightness_error": 100 * abs(math.log(gain @ [0.2126, 0.7152, 0.0722])),
        "colour_error": 100 * (abs(math.log(red / green)) + abs(math.log(blue / green))) / 2,
        "ciede2000": float(deltaE_ciede2000(mean_lab(clean), mean_lab(seen))),
    }


def as_floats(codes):
    """The f32 values that C++ makes of the same whole numbers, in fp64."""
    return (codes.astype(np.float32) / np.float32(255)).astype(np.float64)


def main():
    rng = np.random.default_rng(2004)
    entries = []
    for name, clean, other in pairs(rng):
        clean, other = np.rint(clean).astype(int), np.rint(other).astype(int)
        entries.append({"name": name, "height": clean.shape[0], "width": clean.shape[1],
                        "clean": clean.ravel().tolist(), "other": other.ravel().tolist(),
                        **expected(as_floats(clean), as_floats(other))})
    colours = rng.integers(0, 256, (40, 3))
    colours[:8] = [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 10, 10],
                   [11, 11, 11], [2, 1, 3]]  # 10 and 11 lie on either side of sRGB's linear part
    lab = rgb2lab(colours[None] / 255.0)[0]
    path = pathlib.Path(__file__).parent / "fixtures" / "quality.json"
    with open(path, "w", encoding="ascii") as file:
        json.dump({"pairs": entries,
                   "srgb_to_lab": [{"rgb": c.tolist(), "lab": v.tolist(),
                                    "ciede2000_to_next": float(deltaE_ciede2000(v, n))}
                                   for c, v, n in zip(colours, lab, np.roll(lab, -1, axis=0))]},
                  file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
