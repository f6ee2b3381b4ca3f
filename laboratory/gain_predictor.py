#!/usr/bin/env python3
"""What a picture tells of the factors that it was multiplied by: the error that the best of several predictors
leaves, beside the spread of what is drawn. A network that corrects brightness and colour cannot do better.

    python laboratory/gain_predictor.py --train DIR --val DIR

Each sample is a whole picture, its three channels multiplied as the corruption does by default (brightness 0.7 to
1.3, channels 0.85 to 1.15, clipped, 8 bits). Seen are its histograms, joint statistics of its channels and a
thumbnail; predicted is the logarithm of each channel's factor, in part its mean over the channels (brightness), in part
what is left (colour). Predictors: the mean of what is drawn, grey world, ridge regression, networks of both kinds of
input, and their mean.
"""
import argparse
import json
import pathlib

import cv2
import numpy
import torch
from torch import nn

BINS, THUMB = 48, 24


def load(folder):
    """Pictures in RGB, 8 bits, at most 320 pixels a side."""
    pictures = []
    for path in sorted(pathlib.Path(folder).iterdir()):
        picture = cv2.imread(str(path))
        if picture is None:
            continue
        scale = min(1, 320 / max(picture.shape))
        pictures.append(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:, :, ::-1])
    return pictures


def sample(picture, rng):
    """What is seen of a picture that was multiplied, and the logarithms of its factors."""
    height, width, _ = picture.shape
    part = rng.uniform(0.6, 1, 2)
    rows, columns = int(height * part[0]), int(width * part[1])
    y, x = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
    gain = rng.uniform(0.7, 1.3) * rng.uniform(0.85, 1.15, 3)
    seen = numpy.clip(numpy.rint(picture[y:y + rows, x:x + columns] * gain), 0, 255).astype(numpy.uint8)
    if rng.random() < 0.5:
        seen = seen[:, ::-1]
    flat = seen.reshape(-1, 3).astype(numpy.int64)
    histogram = numpy.stack([numpy.bincount(flat[:, c] * BINS // 256, minlength=BINS) for c in range(3)]) / len(flat)
    ends = numpy.stack([(flat == end).mean(0) for end in (0, 1, 254, 255)])
    logs = numpy.log(flat + 2.0)
    moments = numpy.concatenate([logs.mean(0), numpy.cov(logs.T)[numpy.triu_indices(3)],
                                 numpy.percentile(flat, (1, 5, 25, 50, 75, 95, 99, 99.9), axis=0).ravel() / 255])
    thumb = cv2.resize(seen, (THUMB, THUMB), interpolation=cv2.INTER_AREA).astype(numpy.float32) / 255
    return numpy.concatenate([numpy.sqrt(histogram).ravel(), numpy.sqrt(ends).ravel(), moments]), thumb, numpy.log(gain)


def samples(pictures, count, seed):
    rng = numpy.random.default_rng(seed)
    parts = [sample(picture, rng) for _ in range(count) for picture in pictures]
    return [torch.from_numpy(numpy.stack(part).astype(numpy.float32)) for part in zip(*parts)]


class Both(nn.Module):
    """A network of the statistics and the thumbnail."""

    def __init__(self, statistics, width):
        super().__init__()
        self.statistics = nn.Sequential(nn.Linear(statistics, width), nn.ReLU(), nn.Dropout(0.3))
        self.thumb = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                                   nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(3),
                                   nn.Flatten(), nn.Dropout(0.3))
        self.last = nn.Sequential(nn.Linear(width + 288, width), nn.ReLU(), nn.Dropout(0.3), nn.Linear(width, 3))

    def forward(self, statistics, thumb):
        return self.last(torch.cat([self.statistics(statistics), self.thumb(thumb.permute(0, 3, 1, 2))], 1))


def fit(train, seed, epochs=25):
    torch.manual_seed(seed)
    statistics, thumb, gain = train
    model = Both(statistics.shape[1], 128)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.05)
    steps = epochs * len(gain) // 256
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        some = torch.randint(len(gain), (256,))
        loss = (model(statistics[some], thumb[some]) - gain[some]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def errors(guess, gain):
    """Root mean square of the brightness's and of the colour's error, in percent."""
    wrong = guess - gain
    bright = wrong.mean(1, keepdim=True)
    return [round(100 * float(part.square().mean().sqrt()), 2) for part in (bright, wrong - bright)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True)
    parser.add_argument("--val", required=True)
    parser.add_argument("--draws", type=int, default=60, help="of each picture that is trained on")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    train = samples(load(options.train), options.draws, 1)
    val = samples(load(options.val), 40, 2)
    mean, deviation = train[0].mean(0), train[0].std(0) + 1e-3
    for part in (train, val):
        part[0] = (part[0] - mean) / deviation
    gain = val[2]
    found = {"the mean of what is drawn": train[2].mean(0).expand_as(gain)}
    world = [part[1].mean((1, 2)).clamp_min(1e-3).log() for part in (train, val)]
    centre = world[0].mean(0) - train[2].mean(0)
    found["grey world: the mean colour of all pictures is every picture's"] = world[1] - centre
    with_one = [torch.cat([part[0], torch.ones(len(part[0]), 1)], 1).double() for part in (train, val)]
    ridge = torch.linalg.solve(with_one[0].T @ with_one[0] + 300 * torch.eye(with_one[0].shape[1]).double(),
                               with_one[0].T @ train[2].double())
    found["ridge regression"] = (with_one[1] @ ridge).float()
    with torch.inference_mode(False):
        networks = [fit(train, seed) for seed in (1, 2, 3)]
    with torch.inference_mode():
        answers = [model(*val[:2]) for model in networks]
    found["a network (of three the first)"] = answers[0]
    found["three networks' mean"] = sum(answers) / 3
    found["their mean with the regression"] = (found["three networks' mean"] + found["ridge regression"]) / 2
    results = {name: errors(guess, gain) for name, guess in found.items()}
    for name, (bright, colour) in results.items():
        print(f"{name:62} brightness {bright:5.2f} %   colour {colour:5.2f} %", flush=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
