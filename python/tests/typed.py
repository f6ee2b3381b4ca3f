"""Read by mypy: what the package says of its types is what people use it as."""
from pathlib import Path

import numpy as np

import dae

corruption: dae.Corruption = dae.Corruption(noise=(0, 50), blur=None, jpeg=(60, 95, 0.5))
denoiser: dae.Denoiser = dae.Denoiser.open(Path("run"), device="cpu")
noise: float = denoiser.noise_of(np.zeros((8, 8, 3), np.uint8))
outcome: dae.TrainingOutcome = dae.train("photos/", steps=3, corruption=corruption, width=None)
folder: Path = outcome.run
psnr: float = outcome.evaluation.rows[0].restored.mean.psnr
run: dae.Run = dae.read_run(outcome.run)
try:
    dae.Corruption(noise=-1)
except dae.FieldError as error:
    field: str = error.field
    error.fields  # type: ignore[attr-defined]
version: str = dae.__version__
dae.Corruption(noise="loud")  # type: ignore[arg-type]
dae.train("photos/", setps=3)  # type: ignore[call-arg]
