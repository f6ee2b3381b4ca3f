"""Options by name, and what they are."""
from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING, Any, Callable, Optional, TypedDict, Union

import numpy as np

from ._dae import FieldError

if TYPE_CHECKING:
    from .corruption import Corruption

Place = Union[str, "os.PathLike[str]"]
# Drawn uniformly from (low, high), for a share of the pictures if a third number says so; a number is fixed;
# None leaves it out.
Range = Union[float, "tuple[float, float]", "tuple[float, float, float]", None]


class Budget(TypedDict, total=False):
    """How long to train: at most one of them. Without, 300 seconds."""
    seconds: float  # in all, once the pictures are read
    steps: int
    epochs: float  # as many crops as this many times the pictures


class TrainingOptions(Budget, total=False):
    """Of train(). What is not given is as C++ has it: include/dae/training.h."""
    validation: Place  # a folder to validate on; without, a tenth of the dataset
    pairs: Place  # a folder of noisy pictures that are to become those of the dataset
    max_side: int  # larger pictures are shrunk to it, in pixels; 0 keeps them [1024]
    from_: Place  # a run folder or network file to start from
    model: str  # "unet", "conv" or "fc" ["unet"]
    size: int  # side of the crops in pixels, a multiple of 8 [64]
    width: Optional[int]  # of a unet: channels of the top level [32]
    blocks: Optional[int]  # of a unet: residual blocks a level [2]
    levels: Optional[int]  # of a unet [3]
    stem: Optional[int]  # of a unet: stride of the first convolution, 1 or 2 [2]
    skips: Optional[bool]  # of a unet [True]
    global_: Optional[bool]  # of a unet: its global path [True]
    residual: Optional[bool]  # of a unet: adds the input [True]
    noise_input: Optional[bool]  # of a unet: is told the level of noise [False]
    latent: Optional[int]  # of fc and conv: numbers in the latent [512; 128 for each 8x8 pixels]
    loss: str  # "mse+0.1*ssim": docs/models.md ["mse"]
    features: Place  # of a perceptual loss: its network; without, one that is trained first
    corruption: Corruption  # its seed is not used [Corruption()]
    batch: Optional[int]  # crops a step [16; on a GPU 128 of 64x64 pixels, as many pixels of other sizes]
    shards: int  # parts of a batch whose gradients are added in one order, for mpirun's ranks to go on with [1]
    learning_rate: Optional[float]  # at its peak [2e-3; 5e-4 from another network; times sqrt(batch / 16), from 1 to 2]
    seed: int  # of everything random [1]
    device: Optional[str]  # "cpu", "cuda"; None: the GPU where there is one
    precision: str  # "fp32", or on a GPU "bf16"
    out: Place  # the run folder, which is not there yet [runs/DATE-TIME-MODEL]
    save_every: float  # seconds from one checkpoint to the next [60]
    profile: bool  # measures every op [False]


class ResumeOptions(Budget, total=False):
    """Of resume_training()."""
    dataset: Place  # where the run's pictures lie now; without, where they lay
    validation: Place
    pairs: Place
    device: Optional[str]
    save_every: float
    profile: bool


class EvaluationOptions(TypedDict, total=False):
    """Of evaluate()."""
    device: Optional[str]
    dataset: Place  # without: the pictures that the run held out
    max_side: Optional[int]  # larger pictures are shrunk to it, in pixels, by 0 none; None: the run's
    corruption: Optional[Corruption]  # None: the run's; its seed is not used
    sigma: Optional[float]  # one row alone: Gaussian noise of this standard deviation, of 255
    whole_pictures: bool  # instead of crops of the training size [False]
    views_per_image: int  # crops [4]
    most_views: int  # [512]
    seed: int  # of what is drawn [1]


_PLACES = ("dataset", "validation", "pairs", "from_", "features", "out")  # options that are paths


def path(name: str, value: Place) -> str:
    """The argument `name` as text; TypeError where it is no path, ValueError where no file can have it."""
    found = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(found, str):
        raise TypeError(f"{name}: expected a path, got {value!r}")
    try:
        sound = found and b"\0" not in os.fsencode(found)
    except UnicodeEncodeError:
        sound = False
    if not sound:
        raise ValueError(f"{name}: expected a path that a file can have, got {value!r}")
    return found


def check_function(name: str, value: Optional[Callable[..., Any]]) -> None:
    """TypeError where the argument `name` is given and cannot be called."""
    if value is not None and not callable(value):
        raise TypeError(f"{name}: expected a function, got {type(value).__name__}")


def check_flag(name: str, value: bool) -> None:
    """TypeError where the argument `name` is neither True nor False: "no" would be True."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected bool, got {value!r}")


def field_error(field: str, problem: str) -> FieldError:
    error = FieldError(f"{field} {problem}")
    error.field = field
    return error


def seed_of(value: Any) -> int:
    try:
        seed = operator.index(value)
    except TypeError:
        raise TypeError(f"seed: expected a whole number, got {value!r}") from None
    if not 0 <= seed < 2**64:
        raise field_error("seed", f"{seed}: expected a whole number from 0 to {2**64 - 1}")
    return seed


def filled(options: Any, function: str, given: dict[str, Any]) -> Any:
    """`options`, an object of the module, with the fields that are given. TypeError naming one that does not fit."""
    for name, value in given.items():
        if name.startswith("_") or not hasattr(options, name):
            raise TypeError(f"{function}() has no option {name!r}")
        if name in _PLACES:
            value = path(name, value)
        elif isinstance(value, str) and not (value.isprintable() and value.isascii()):  # all that these words are of
            raise field_error(name, f"{value!r}: expected printable characters of ASCII")
        elif name in Budget.__annotations__ and not value:
            raise field_error(name, f"{value!r}: give more than 0, or leave it out")
        corruption = getattr(value, "_spec", None)  # of a Corruption
        try:
            setattr(options, name, value if corruption is None else corruption)
        except TypeError as error:
            if str(error).startswith(f"{name}: "):
                raise
            expected = _expected(options, name)
            if isinstance(value, int) and ("int" in expected or "float" in expected):
                raise field_error(name, f"{value}: is out of range") from None
            raise TypeError(f"{name}: expected {expected}, got {value!r}") from None
    return options


def _expected(options: Any, name: str) -> str:
    """What the setter of the module says that it takes."""
    signature = getattr(type(options), name).fset.__nb_signature__[0][0]
    if "CorruptSpec" in signature:
        return "a Corruption of this package" + (" or None" if "| None" in signature else "")
    return signature.rpartition("arg: ")[2].rpartition(", /")[0] if "arg: " in signature else "another type"
