"""What a run left: docs/run-folder.md."""
from __future__ import annotations

import csv
import dataclasses
import json
import pathlib
from typing import Any

import numpy as np

from ._dae import Error
from ._options import Place, path


@dataclasses.dataclass(frozen=True)
class Run:
    """A run folder.

    config   config.json as it is
    metrics  the columns of metrics.csv, each an array of a value a row: step int64, the others float64, NaN where
             a row has none
    """
    folder: pathlib.Path
    config: dict[str, Any]
    metrics: dict[str, np.ndarray]

    @property
    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps and the PSNR, in dB, of the validations there."""
        psnr = self.metrics["validation_psnr"]
        return self.metrics["step"][~np.isnan(psnr)], psnr[~np.isnan(psnr)]

    def frame(self) -> Any:
        """The metrics as a pandas DataFrame."""
        import pandas
        return pandas.DataFrame(self.metrics)


def read_run(folder: Place) -> Run:
    """Reads a run folder, finished or not; Error naming the file where it is none."""
    folder = pathlib.Path(path("folder", folder))
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        text = (folder / "metrics.csv").read_text(encoding="utf-8")
        if not isinstance(config, dict):
            raise ValueError("config.json is no object")
    except (OSError, ValueError, RecursionError) as error:
        raise Error(f"{folder}: cannot be read as a run: {error}") from None
    whole = text[:text.rfind("\n") + 1]  # a last line that is still being written does not end
    try:
        header, *rows = list(csv.reader(whole.splitlines())) or [[]]
        if "step" not in header or any(len(row) != len(header) for row in rows):
            raise ValueError("not the columns of a run")
        values = np.array([[float(cell or "nan") for cell in row] for row in rows], float).reshape(-1, len(header))
        metrics = {name: values[:, i] for i, name in enumerate(header)}
        metrics["step"] = np.array([int(step) for step in metrics["step"]], np.int64)
    except (ValueError, OverflowError, csv.Error) as error:
        raise Error(f"{folder / 'metrics.csv'}: {error}") from None
    return Run(folder, config, metrics)
