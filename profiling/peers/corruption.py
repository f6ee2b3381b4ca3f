"""The default corruption (corrupt/spec.h) for a whole batch at once in PyTorch: one grouped
convolution blurs every image with its own kernel."""
import torch
import torch.nn.functional as F

RADIUS = 5  # ceil(3 * 1.5)


def blur(x, sigma):
    n, c, h, w = x.shape
    distance = torch.arange(-RADIUS, RADIUS + 1, device=x.device).float()
    taps = torch.exp(-0.5 * (distance / sigma[:, None]) ** 2)
    taps = (taps / taps.sum(1, keepdim=True)).repeat_interleave(c, 0)
    x = F.pad(x.reshape(1, n * c, h, w), (RADIUS,) * 4, mode="reflect")
    x = F.conv2d(x, taps.view(-1, 1, 1, 2 * RADIUS + 1), groups=n * c)
    x = F.conv2d(x, taps.view(-1, 1, 2 * RADIUS + 1, 1), groups=n * c)
    return x.view(n, c, h, w)


def corrupt(clean):
    """uint8 {N, 3, H, W} to float: noise, blur, brightness, channel gains, clip, 8 bits."""
    n = len(clean)
    uniform = lambda *shape: torch.rand(*shape, device=clean.device)
    x = clean.float() / 255
    x = x + torch.randn_like(x) * (uniform(n, 1, 1, 1) * (50 / 255))
    x = blur(x, 0.2 + 1.3 * uniform(n))
    x = x * (0.7 + 0.6 * uniform(n, 1, 1, 1)) * (0.85 + 0.3 * uniform(n, 3, 1, 1))
    return (x.clamp(0, 1) * 255).round() / 255


def corrupt_noise_only(clean):
    """uint8 {N, 3, H, W} to float: noise of sigma 0 to 55, neither clipped nor rounded."""
    x = clean.float() / 255
    return x + torch.randn_like(x) * (torch.rand(len(x), 1, 1, 1) * (55 / 255))
