"""The three networks of model/network.h in PyTorch: same topology, first values and output."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def conv(inputs, outputs, kernel=3, stride=1, pad=1, relu=True, gain=1.0):
    layer = nn.Conv2d(inputs, outputs, kernel, stride, pad)
    bound = gain * math.sqrt((6 if relu else 3) / (inputs * kernel * kernel))
    nn.init.uniform_(layer.weight, -bound, bound)
    nn.init.zeros_(layer.bias)
    return layer


def dense(inputs, outputs, relu, gain=1.0):
    layer = nn.Linear(inputs, outputs)
    bound = gain * math.sqrt((6 if relu else 3) / inputs)
    nn.init.uniform_(layer.weight, -bound, bound)
    nn.init.zeros_(layer.bias)
    return layer


class Conv(nn.Module):
    """Encoder, a latent that is a feature map, upsampling decoder, sigmoid."""

    def __init__(self, channels=128):
        super().__init__()
        self.encoder = nn.ModuleList(
            [conv(3, 32), conv(32, 64, stride=2), conv(64, 128, stride=2), conv(128, channels, stride=2)])
        self.decoder = nn.ModuleList([conv(channels, 128), conv(128, 64), conv(64, 32)])
        self.out = conv(32, 3, relu=False)

    def latent(self, x):
        return x

    def forward(self, x):
        for layer in self.encoder:
            x = F.relu(layer(x))
        x = self.latent(x)
        for layer in self.decoder:
            x = F.relu(layer(F.interpolate(x, scale_factor=2, mode="nearest")))
        return torch.sigmoid(self.out(x))


class FC(Conv):
    """The same with a dense latent in the middle, for crops of one size."""

    def __init__(self, size=64, latent=512):
        super().__init__()
        features = 128 * (size // 8) ** 2
        self.narrow, self.expand = dense(features, latent, True), dense(latent, features, True)

    def latent(self, x):
        return F.relu(self.expand(F.relu(self.narrow(x.flatten(1))))).view(x.shape)


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.a, self.b = conv(channels, channels), conv(channels, channels, relu=False, gain=0.1)

    def forward(self, x):
        return x + self.b(F.relu(self.a(x)))


class UNet(nn.Module):
    """Residual U-Net with additive skips; one gain a channel from a global path."""

    def __init__(self, width=32, blocks=2, global_path=True):
        super().__init__()
        widths = [width << level for level in range(4)]
        stack = lambda channels: nn.Sequential(*[Block(channels) for _ in range(blocks)])
        self.head = conv(3, width, relu=False)
        self.encoder = nn.ModuleList([stack(w) for w in widths[:-1]])
        self.down = nn.ModuleList([conv(a, b, 2, 2, 0, relu=False) for a, b in zip(widths, widths[1:])])
        self.middle = stack(widths[-1])
        self.up = nn.ModuleList()
        for a, b in zip(widths, widths[1:]):
            layer = nn.ConvTranspose2d(b, a, 2, 2)
            nn.init.uniform_(layer.weight, -math.sqrt(3 / b), math.sqrt(3 / b))
            nn.init.zeros_(layer.bias)
            self.up.append(layer)
        self.decoder = nn.ModuleList([stack(w) for w in widths[:-1]])
        self.tail = conv(width, 3, relu=False, gain=0.1)
        self.pooled = None
        if global_path:
            pairs = zip((3, 32, 64, 128), (32, 64, 128, 128))
            self.pooled = nn.ModuleList([conv(a, b, stride=2) for a, b in pairs])
            self.hidden, self.gain = dense(256, 64, True), dense(64, 3, False, 0.0)

    def forward(self, x):
        y, skips = self.head(x), []
        for encoder, down in zip(self.encoder, self.down):
            y = encoder(y)
            skips.append(y)
            y = down(y)
        y = self.middle(y)
        for level in reversed(range(3)):
            y = self.decoder[level](self.up[level](y) + skips[level])
        y = x + self.tail(y)
        if self.pooled is None:
            return y
        g = x
        for layer in self.pooled:
            g = F.relu(layer(g))
        g = torch.cat([g.mean((2, 3)), g.amax((2, 3))], 1)
        return y * torch.exp(torch.tanh(self.gain(F.relu(self.hidden(g)))))[:, :, None, None]


def make(name, width=32, blocks=2, global_path=True, size=64):
    if name == "unet":
        return UNet(width, blocks, global_path)
    return FC(size) if name == "fc" else Conv()
