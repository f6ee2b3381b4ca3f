"""Training a network, and measuring one."""
from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any, Callable, Optional

from . import _dae
from ._options import EvaluationOptions, Place, ResumeOptions, TrainingOptions, check_function, filled, path

if TYPE_CHECKING:
    from typing_extensions import Unpack


class TrainingObserver:
    """Is told everything that happens, on the thread that called train(). Any object will do that has some of these
    methods. What one raises ends the training at once; the run can then be resumed from its last checkpoint."""

    def preparing(self, what: str, done: int, total: int) -> None:
        """Before the first step, where it takes a while: "reading photos/", and how many of how many are done."""

    def noted(self, line: str) -> None:
        """Worth knowing: what was resumed from what."""

    def warned(self, text: str) -> None:
        """Pictures that were left out, a line each."""

    def started(self, start: _dae.TrainingStart) -> None:
        """Before the first step: the run folder is there."""

    def progressed(self, progress: _dae.TrainingProgress) -> None:
        """After every step or two."""

    def measured(self, row: _dae.MetricsRow) -> None:
        """The row is in metrics.csv."""

    def sampled(self, picture: pathlib.Path) -> None:
        """The file shows held-out crops: clean, corrupted and restored."""

    def saved(self, step: int, checkpoint: pathlib.Path) -> None:
        """The file has all that is needed to go on from that step."""


_METHODS = [name for name in vars(TrainingObserver) if not name.startswith("_")]


def _check_observer(observer: Any) -> None:
    """TypeError where nothing could be told to it: an observer that is a class, or a number meant as seconds."""
    if observer is None:
        return
    methods = [name for name in _METHODS if hasattr(observer, name)]
    if isinstance(observer, type) or not methods:
        raise TypeError("observer: expected an object with methods of TrainingObserver, got "
                        f"{'a class, ' if isinstance(observer, type) else ''}{observer!r}")
    for name in methods:
        check_function(f"observer: {name}", getattr(observer, name))


def train(dataset: Place, observer: Optional[Any] = None, **options: Unpack[TrainingOptions]) -> _dae.TrainingOutcome:
    """Trains on a folder of two pictures or more, or on the word "synthetic", and returns what came of it: its run
    folder, complete, and its evaluation.

    observer  is told what happens: TrainingObserver
    options   dae.training.TrainingOptions lists them: seconds=300 or steps=, epochs=; model=, size=, loss=,
              corruption=, batch=, seed=, device=, out=, ...

    Ctrl-C stops as the budget's end does: with everything saved, KeyboardInterrupt is raised; a second one ends it
    at once. Other threads run meanwhile.

    TypeError for an option of another kind, FieldError for one that makes no sense, both naming it; Error for what
    cannot be read or written, OutOfMemory.
    """
    _check_observer(observer)
    return _dae.train(filled(_dae.TrainingOptions(), "train", {"dataset": dataset, **options}), observer)


def resume_training(run: Place, observer: Optional[Any] = None,
                    **options: Unpack[ResumeOptions]) -> _dae.TrainingOutcome:
    """Goes on with a run to the bits of never having stopped, on the same machine with as many threads. Without
    seconds, steps or epochs: to its end. What goes wrong, and Ctrl-C, are as with train().

    options   dae.training.ResumeOptions lists them
    """
    _check_observer(observer)
    given = filled(_dae.ResumeOptions(), "resume_training", dict(options))
    return _dae.resume_training(path("run", run), given, observer)


def evaluate(run: Place, progress: Optional[Callable[[str, int, int], Optional[bool]]] = None,
             **options: Unpack[EvaluationOptions]) -> _dae.Evaluation:
    """How well the network of a run folder or a network file restores: a row for everything together and one for
    each corruption alone, beside what doing nothing and simple corrections reach.

    progress  is called with what is going on and how far it is (what, done, total); False raises Cancelled
    options   dae.training.EvaluationOptions lists them: dataset=, sigma=, whole_pictures=, seed=, ...

    Errors are as with train(). Ctrl-C raises KeyboardInterrupt. Other threads run meanwhile.
    """
    check_function("progress", progress)
    return _dae.evaluate(path("run", run), filled(_dae.EvaluationOptions(), "evaluate", dict(options)), progress)
