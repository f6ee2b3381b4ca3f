#!/usr/bin/env python3
"""Ten training steps of each network in PyTorch, fp64: tests/fixtures/training_steps.json.

Run `python3 tests/make_training_fixtures.py` (needs torch) after changing a network, a loss, Adam or
the schedule on purpose; tests/model/training_step_test.cpp does the same steps with this project's code.
Inputs and first weights come from a hash of their index, so the file holds results only.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)

STEPS, BATCH, SIZE, PEAK, WARMUP, TOTAL = 10, 2, 16, 1e-3, 3, 10
BETA1, BETA2, EPSILON, CLIP, DECAY = 0.9, 0.95, 1e-8, 1.0, 0.999


def hashed(stream, count):
    """Uniform in (-1, 1): the top 24 bits of splitmix64's finalizer of (stream << 32) + index."""
    values, mask = [], (1 << 64) - 1
    for index in range(count):
        z = ((stream << 32) + index + 1) * 0x9E3779B97F4A7C15 & mask
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        z ^= z >> 31
        values.append(((z >> 40) + 0.5) / (1 << 23) - 1)
    return torch.tensor(values)


class Net:
    """Parameters by name in this project's layouts, in the order of first use."""

    def __init__(self):
        self.parameters = {}

    def weight(self, name, shape, bound):
        if name not in self.parameters:
            values = hashed(len(self.parameters) + 10, math.prod(shape)) * bound
            self.parameters[name] = values.float().double().reshape(shape).requires_grad_()
        return self.parameters[name]

    def conv(self, name, x, filters, kernel=3, stride=1, pad=1, relu=True, gain=1.0):
        channels = x.shape[1]
        bound = gain * math.sqrt((6 if relu else 3) / (channels * kernel * kernel))
        w = self.weight(name + ".weight", (filters, kernel, kernel, channels), bound)
        y = F.conv2d(x, w.permute(0, 3, 1, 2), self.weight(name + ".bias", (filters,), 0.1), stride, pad)
        return F.relu(y) if relu else y

    def upconv(self, name, x, filters):
        return self.conv(name, F.interpolate(x, scale_factor=2, mode="nearest"), filters)

    def transposed(self, name, x, filters, kernel=2, gain=1.0):
        channels = x.shape[1]
        bound = gain * math.sqrt(3 / (channels * kernel * kernel // 4))
        w = self.weight(name + ".weight", (channels, kernel, kernel, filters), bound)
        b = self.weight(name + ".bias", (filters,), 0.1)
        return F.conv_transpose2d(x, w.permute(0, 3, 1, 2), b, 2, kernel // 2 - 1)

    def dense(self, name, x, outputs, relu, gain=1.0):
        bound = gain * math.sqrt((6 if relu else 3) / x.shape[1])
        w = self.weight(name + ".weight", (outputs, x.shape[1]), bound)
        y = F.linear(x, w, self.weight(name + ".bias", (outputs,), 0.1))
        return F.relu(y) if relu else y

    def blocks(self, name, x, count):
        for i in range(count):
            hidden = self.conv(f"{name}.{i}.a", x, x.shape[1])
            x = x + self.conv(f"{name}.{i}.b", hidden, x.shape[1], relu=False, gain=0.1)
        return x


def encode(net, x, channels):
    x = net.conv("encoder.0", x, 32)
    x = net.conv("encoder.1", x, 64, stride=2)
    x = net.conv("encoder.2", x, 128, stride=2)
    return net.conv("encoder.3", x, channels, stride=2)


def decode(net, x):
    x = net.upconv("decoder.0", x, 128)
    x = net.upconv("decoder.1", x, 64)
    x = net.upconv("decoder.2", x, 32)
    return net.conv("decoder.3", x, 3, relu=False)


def fc(net, x, latent=24):
    x = encode(net, x, 128)
    side = x.shape[2]
    x = x.permute(0, 2, 3, 1).flatten(1)
    features = x.shape[1]
    x = net.dense("expand", net.dense("latent", x, latent, True), features, True)
    return torch.sigmoid(decode(net, x.view(-1, side, side, 128).permute(0, 3, 1, 2)))


def conv(net, x, latent=32):
    return torch.sigmoid(decode(net, encode(net, x, latent // (x.shape[2] // 8) ** 2)))


def gain(net, x):
    y = x
    for i, filters in enumerate((32, 64, 128, 128)):
        y = net.conv(f"global.{i}", y, filters, stride=2)
    y = torch.cat([y.mean((2, 3)), y.amax((2, 3))], 1)
    o = net.dense("global.output", net.dense("global.hidden", y, 64, True), 3, False, 0.0)
    return torch.exp(torch.tanh(o))[:, :, None, None]


def levels(net, y, width, blocks, count):
    """Everything between a unet's first and last convolution."""
    skips = []
    for level in range(count - 1):
        y = net.blocks(f"encoder.{level}", y, blocks)
        skips.append(y)
        y = net.conv(f"down.{level}", y, width << (level + 1), 2, 2, 0, relu=False)
    y = net.blocks("middle", y, blocks)
    for level in reversed(range(count - 1)):
        y = net.transposed(f"up.{level}", y, width << level) + skips[level]
        y = net.blocks(f"decoder.{level}", y, blocks)
    return y


def unet(net, x, width=16, blocks=1):
    factor = gain(net, x)
    y = levels(net, net.conv("head", x, width, relu=False), width, blocks, 4)
    return factor * (x + net.conv("tail", y, 3, relu=False, gain=0.1))


def unet_stem(net, x, width=16, blocks=1):
    """With a stem of 2 and three levels."""
    factor = gain(net, x)
    y = levels(net, net.conv("head", x, width, 4, 2, 1, relu=False), width, blocks, 3)
    return factor * (x + net.transposed("tail", y, 3, 4, 0.1))


def unet_told(net, x, width=16, blocks=1):
    """Told a noise of 20/255 in the first picture, and of 50/255 in the second."""
    factor = gain(net, x)
    told = torch.tensor([20 / 64, 50 / 64])[:, None, None, None].expand(-1, 1, SIZE, SIZE)
    # pixel_unshuffle has the channel first, then the place in the square; here the place comes first.
    seen = F.pixel_unshuffle(torch.cat([x, told], 1), 2).unflatten(1, (4, 4)).transpose(1, 2).flatten(1, 2)
    y = levels(net, net.conv("head", seen, width, relu=False), width, blocks, 3)
    return factor * (x + net.transposed("tail", y, 3, 4, 0.1))


def run(model):
    net = Net()
    shape = (BATCH, SIZE, SIZE, 3)
    target = ((hashed(1, math.prod(shape)) + 1) * 127.5).round().reshape(shape).permute(0, 3, 1, 2) / 255
    x = ((hashed(2, math.prod(shape)) + 1) / 2).float().double().reshape(shape).permute(0, 3, 1, 2)
    moments, ema, losses, norms = {}, {}, [], []
    for step in range(1, STEPS + 1):
        loss = F.mse_loss(model(net, x), target)
        names = list(net.parameters)
        gradients = dict(zip(names, torch.autograd.grad(loss, [net.parameters[n] for n in names])))
        norm = math.sqrt(sum(g.square().sum().item() for g in gradients.values()))
        scale = min(1.0, CLIP / norm)
        losses.append(loss.item())
        norms.append(norm)
        if step <= WARMUP:
            rate = PEAK * step / WARMUP
        else:
            rate = PEAK * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (TOTAL - WARMUP)))
        decay = min(DECAY, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, p in net.parameters.items():
                g = gradients[name] * scale
                m, v = moments.get(name, (torch.zeros_like(p), torch.zeros_like(p)))
                m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g * g
                moments[name] = m, v
                first = ema.get(name, p.clone())
                p -= rate * (m / (1 - BETA1**step)) / ((v / (1 - BETA2**step)).sqrt() + EPSILON)
                ema[name] = decay * first + (1 - decay) * p
    after = {
        name: {
            "shape": list(p.shape),
            "norm": p.detach().norm().item(),
            "ema_norm": ema[name].norm().item(),
            "first": p.detach().flatten()[:3].tolist(),
        }
        for name, p in net.parameters.items()
    }
    return {"losses": losses, "gradient_norms": norms, "parameters": after}


def main():
    results = {f.__name__: run(f) for f in (fc, conv, unet, unet_stem, unet_told)}
    path = pathlib.Path(__file__).parent / "fixtures" / "training_steps.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    for name, result in results.items():
        print(name, "loss", result["losses"][0], "->", result["losses"][-1])


if __name__ == "__main__":
    main()
