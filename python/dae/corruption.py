"""Corrupted pictures, as training sees them."""
from __future__ import annotations

from typing import Any

from . import _dae
from ._arrays import Exchange
from ._options import Range, filled, seed_of


class Corruption:
    """Gaussian noise, blur, and random factors of brightness and colour.

    What is drawn for a picture depends on seed, step and its place in the batch, and on nothing else: the same
    three give the same bits again, on the CPU and on a GPU, in C++ and in Python, however batches are split.

    A parameter is drawn uniformly from (low, high), from (low, high, share) for that share of the pictures; a
    number is fixed; None leaves the corruption out. TypeError for what is none of these, FieldError for what makes
    no sense.

    noise       standard deviation of the added noise, in units of 1/255, up to 255
    blur        standard deviation of the Gaussian blur, in pixels, up to 4
    brightness  one factor for the picture, up to 4
    channel     one factor for each of red, green and blue
    shot        of order camera: standard deviation of light's own noise at white, in units of 1/255, up to 255
    grain       of order camera: pixels that noise is smoothed by, up to 1
    common      of order camera: correlation of the channels' noise, 0 to 1
    jpeg        quality, 1 to 100, of the JPEG file that the picture was
    order       "classic": noise, blur, factors; "camera": blur, factors, noise
    clip        to [0, 1]
    quantize    to multiples of 1/255
    seed        of all that is drawn, 0 to 2^64 - 1

    It can be pickled and copied, and used by several threads, one after another.
    """

    def __init__(self, noise: Range = (0, 50), blur: Range = (0.2, 1.5), brightness: Range = (0.7, 1.3),
                 channel: Range = (0.85, 1.15), *, shot: Range = None, grain: Range = None, common: Range = None,
                 jpeg: Range = None, order: str = "classic", clip: bool = True, quantize: bool = True, seed: int = 1):
        self._given = dict(noise=noise, blur=blur, brightness=brightness, channel=channel, shot=shot, grain=grain,
                           common=common, jpeg=jpeg, order=order, clip=clip, quantize=quantize)
        self._make()
        self.seed = seed_of(seed)

    def _make(self) -> None:
        self._spec = filled(_dae.CorruptSpec(), "Corruption", self._given)
        self._corruption = _dae.Corruption(self._spec)

    def __call__(self, pictures: Any, step: int = 0, *, first: int = 0, out: Any = None, stream: Any = None) -> Any:
        """The pictures corrupted: float32, nominally in [0, 1], of the same framework, shape and device.

        pictures  uint8 (batch, height, width, 3) or (height, width, 3), RGB, contiguous, on the CPU or cuda:0. They
                  are read where they lie. A side is 1 to 1048576 pixels; a batch may be empty. A mask of NumPy's
                  is not looked at.
        step      which draws: 0 to 2^28 - 1
        first     the number of the first picture in its step: picture i is number first + i, below 2^32
        out       float32 of the same shape and device, contiguous, to write instead of a new array; it is returned
        stream    on a GPU: where the work is enqueued [PyTorch's or CuPy's current one]. The call returns before
                  it has run. JAX has none: the call waits.

        TypeError and ValueError name the argument and say what was expected; FieldError is for a side, step or
        first out of range.
        """
        exchange = Exchange(pictures, "float32", out, stream)
        self._corruption.apply(exchange.given, exchange.out, self.seed, step, first, exchange.stream)
        return exchange.result()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_spec", "_corruption")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._make()

    def __repr__(self) -> str:
        words = [f"{name}={value!r}" for name, value in self._given.items()]
        return f"Corruption({', '.join(words)}, seed={self.seed})"
