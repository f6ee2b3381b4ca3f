"""Denoising autoencoders: restoring, corrupting and training on photographs.

    restored = dae.Denoiser.open()(picture)                # by the network that ships
    corrupted = dae.Corruption(noise=(0, 50))(pictures, step)
    outcome = dae.train("photos/", seconds=300)

docs/python.md shows it all; `dae.torch` has the networks for PyTorch.
"""
import atexit as _atexit
import os as _os

from . import _dae
from ._dae import (
    Cancelled,
    Error,
    Evaluation,
    EvaluationRow,
    FieldError,
    MetricsRow,
    OutOfMemory,
    Scores,
    Summary,
    TermMean,
    TrainingOutcome,
    TrainingProgress,
    TrainingStart,
    UsageError,
    __version__,
    best_device,
    describe_libraries,
    set_threads,
    why_no_networks_on_cuda,
)
from .corruption import Corruption
from .denoiser import Denoiser, shipped_network
from .run import Run, read_run
from .training import TrainingObserver, evaluate, resume_training, train


def _with_its_fields(result: object) -> str:
    fields = [name for name in vars(type(result)) if not name.startswith("_")]
    return f"{type(result).__name__}({', '.join(f'{name}={getattr(result, name)!r}' for name in fields)})"


for _result in (Evaluation, EvaluationRow, MetricsRow, Scores, Summary, TermMean, TrainingOutcome, TrainingProgress,
                TrainingStart):
    _result.__repr__ = _with_its_fields  # type: ignore[assignment]


class _AfterTheOthers:
    """Ends the library's calls when the last of atexit's handlers has run: until then they may call it, and wait for
    threads that do. atexit calls in turn from the latest to the first, which another package's may be; but it drops
    them when it has called them all. Where it drops them uncalled, as in a child of multiprocessing, nothing ends."""
    called = False

    def __call__(self) -> None:
        self.called = True

    def __del__(self) -> None:
        if self.called:
            self.end()

    end = staticmethod(_dae.end_calls)


_atexit.register(_AfterTheOthers())
_os.register_at_fork(after_in_child=_dae.after_fork)

__all__ = [
    "Cancelled", "Corruption", "Denoiser", "Error", "Evaluation", "EvaluationRow", "FieldError", "MetricsRow",
    "OutOfMemory", "Run", "Scores", "Summary", "TermMean", "TrainingObserver", "TrainingOutcome",
    "TrainingProgress", "TrainingStart", "UsageError", "__version__", "best_device", "describe_libraries",
    "evaluate", "read_run", "resume_training", "set_threads", "shipped_network", "train",
    "why_no_networks_on_cuda",
]
