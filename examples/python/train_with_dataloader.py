"""Trains a network in PyTorch on pictures that this library corrupts, in a DataLoader of several workers.

    python examples/python/train_with_dataloader.py photos/ --steps 20

Both ways are here: a dataset that corrupts picture by picture, and a collate function that corrupts a whole batch. What
is drawn for a picture depends on seed, epoch and its index alone, so no two workers draw the same noise, and any
number of workers draws the same.
"""
import argparse
import pathlib

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

import dae
import dae.torch


class Crops(Dataset):
    """Clean crops (index, uint8 {size, size, 3}): the middle of every picture."""

    def __init__(self, pictures, size):
        self.crops = []
        for picture in pictures:
            y, x = (picture.shape[0] - size) // 2, (picture.shape[1] - size) // 2
            self.crops.append(torch.from_numpy(picture[y:y + size, x:x + size].copy()))

    def __len__(self):
        return len(self.crops)

    def __getitem__(self, index):
        return index, self.crops[index]


class Epoch:
    """Its number, which workers that stay from epoch to epoch see as well."""

    def __init__(self):
        self.shared = torch.zeros((), dtype=torch.int64).share_memory_()

    def set(self, number):
        self.shared.fill_(number)

    def __int__(self):
        return int(self.shared)


class Corrupted(Dataset):
    """The dataset's way: (clean, corrupted), each float32 {3, size, size} in [0, 1]."""

    def __init__(self, crops, corruption, epoch):
        self.crops, self.corruption, self.epoch = crops, corruption, epoch

    def __len__(self):
        return len(self.crops)

    def __getitem__(self, index):
        _, crop = self.crops[index]
        return as_input(crop), self.corruption(crop, int(self.epoch), first=index).permute(2, 0, 1)


class Corrupting:
    """The collate function's way: the same as batches {N, 3, size, size}."""

    def __init__(self, corruption, epoch):
        self.corruption, self.epoch = corruption, epoch

    def __call__(self, items):
        clean = torch.stack([crop for _, crop in items])
        corrupted = torch.empty(clean.shape, dtype=torch.float32)
        for place, (index, crop) in enumerate(items):
            self.corruption(crop, int(self.epoch), first=index, out=corrupted[place])
        return as_input(clean), corrupted.movedim(-1, 1)


def as_input(pixels):
    return pixels.movedim(-1, -3).float() / 255


def train(loader, epoch, steps):
    """Goes on with the network that ships, told of a noise of 25; returns the loss of every step."""
    network = dae.torch.load().train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-4)
    losses = []
    while len(losses) < steps:
        for clean, corrupted in loader:
            loss = torch.nn.functional.mse_loss(network(corrupted, 25.0), clean)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if len(losses) == steps:
                break
        epoch.set(int(epoch) + 1)
    return losses


def read(folder):
    from PIL import Image
    paths = sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", help="a folder of pictures, 64x64 pixels or larger")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--way", choices=("dataset", "collate"), default="collate")
    options = parser.parse_args()
    corruption = dae.Corruption(noise=25, blur=None, brightness=None, channel=None, seed=7)
    crops, epoch = Crops(read(options.photos), 64), Epoch()
    if options.way == "dataset":
        loader = DataLoader(Corrupted(crops, corruption, epoch), 16, shuffle=True, num_workers=options.workers)
    else:
        loader = DataLoader(crops, 16, shuffle=True, num_workers=options.workers,
                            collate_fn=Corrupting(corruption, epoch))
    losses = train(loader, epoch, options.steps)
    print(f"{len(losses)} steps, loss {losses[0]:.5f} to {losses[-1]:.5f}")


if __name__ == "__main__":
    main()
