"""A trained network that restores pictures."""
from __future__ import annotations

import math
import numbers
import pathlib
from typing import Any, Callable, Optional

from . import _dae
from ._arrays import Exchange, framework_of, is_on_gpu
from ._options import Place, check_flag, check_function, path


def shipped_network() -> pathlib.Path:
    """The file of the network that ships, which takes noise and slight blur out of photographs."""
    return pathlib.Path(__file__).with_name("photographs.safetensors")


class Denoiser:
    """Restores pictures of any size; made by open(). Several threads can use it, one after another. It cannot be
    pickled: each process opens its own."""

    def __init__(self, network: Place, *, device: Optional[str] = None, memory: int = 0):
        self._denoiser = _dae.Denoiser(path("run", network), device, memory)

    @classmethod
    def open(cls, run: Optional[Place] = None, *, device: Optional[str] = None, memory: int = 0) -> Denoiser:
        """The network of a run folder, with its averaged weights, or of a file that `export` wrote; without `run`
        the one that ships.

        device  "cpu" or "cuda"; None: the GPU where there is one
        memory  the most bytes that a call computes in; smaller tiles need less. 0: what tiles of 768x768 take

        Error when there is no network or it is damaged; FieldError for a device that cannot be used, and for too
        little memory, naming the least that is enough.
        """
        return cls(shipped_network() if run is None else run, device=device, memory=memory)

    def __call__(self, pictures: Any, *, noise: Optional[float] = None, keep_colour: bool = False, best: bool = False,
                 progress: Optional[Callable[[float], Optional[bool]]] = None, out: Any = None) -> Any:
        """The pictures restored: of the same framework, shape and type.

        pictures     uint8, uint16 or float32 in [0, 1]: (height, width), (height, width, channels) or (batch, height,
                     width, channels), contiguous, on the CPU. Channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and
                     alpha, which is handed on as it is. A side is 1 to 1048576 pixels; a batch may be empty.
                     float32 results are not clamped, and what is not finite spreads.
        noise        of a network with a noise input: what it is told, the standard deviation in units of 1/255 [what
                     noise_of() finds in each picture]
        keep_colour  gives each channel the mean that it had
        best         the mean over the eight symmetries of the square: a little better, eight times as slow
        progress     is called after every tile with the share that is done, at last 1; False ends the call, which
                     raises Cancelled
        out          an array of the same shape and type, contiguous, to write instead of a new one, which may be
                     `pictures`; it is returned. After an exception its pictures are restored or what they were.

        Other threads run meanwhile, and Ctrl-C is heard after every tile. TypeError and ValueError name the argument
        and say what was expected; FieldError is for a side or noise out of range; OutOfMemory; Error for a call from
        a callback of the same object.
        """
        check_function("progress", progress)
        check_flag("keep_colour", keep_colour)
        check_flag("best", best)
        told = None if noise is None else _number("noise", noise)
        exchange = Exchange(pictures, _dtype_of(pictures), out, takes_gpu=False)
        self._denoiser.restore(exchange.given, exchange.out, told, bool(keep_colour), bool(best), progress)
        return exchange.result()

    def noise_of(self, picture: Any) -> float:
        """The standard deviation of the noise in one picture, in units of 1/255, as `noise` takes it.

        picture  one of those that a call takes: (height, width) or (height, width, channels)

        FieldError for a network without a noise input.
        """
        is_on_gpu(framework_of(picture, "picture"), picture, "picture", False)
        return self._denoiser.noise_of(picture)

    @property
    def has_noise_input(self) -> bool:
        """Whether the network can be told the level of noise."""
        return self._denoiser.has_noise_input

    @property
    def receptive_radius(self) -> int:
        """Pixels that the result at a pixel depends on, each way."""
        return self._denoiser.receptive_radius

    @property
    def note(self) -> str:
        """For people, or empty: that the run's newest checkpoint is damaged, and the one before it is used."""
        return self._denoiser.note


def _number(name: str, value: Any) -> float:
    if not isinstance(value, numbers.Real) or isinstance(value, bool):  # NumPy's numbers are such, too
        raise TypeError(f"{name}: expected a number or None, got {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:  # of a whole number; the library says what may be given
        return math.inf


def _dtype_of(array: Any) -> str:
    """Its type's name, without a framework's before it. What it is not for, the module refuses."""
    name = str(getattr(array, "dtype", "")).rpartition(".")[2]
    return name if name in ("uint8", "uint16") else "float32"
