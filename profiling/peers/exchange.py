"""A training step that `dump_step` wrote, in PyTorch's layouts; its names are those of python/dae/networks.py."""
from safetensors.torch import load_file

from models import networks


class Dumped:
    """The step in a file, on `device`; images as PyTorch has them, {N, C, H, W}."""

    def __init__(self, path, model, device):
        values = load_file(path, device=str(device))
        self.loss = values["loss"].item()
        self.gradient_norm = values["gradient_norm"].item()
        self.learning_rate = values["learning_rate"].item()
        self.clean = values["clean"].permute(0, 3, 1, 2)
        self.corrupted = values["corrupted"].permute(0, 3, 1, 2)
        names = dict(model.named_parameters()).keys()
        different = {key.partition(".")[2] for key in values if "." in key} ^ names
        if different:
            raise SystemExit(f"{path}: not the parameters of networks.py: {sorted(different)}")
        take = lambda kind: {name: networks.laid_out(values[f"{kind}.{name}"]) for name in names}
        self.weights, self.gradients, self.after = take("weights"), take("gradients"), take("after")


def relative(got, want):
    """|got - want| / |want| over all parameters, in fp64."""
    difference = sum((got[k].double() - want[k].double()).square().sum().item() for k in want)
    return (difference / sum(want[k].double().square().sum().item() for k in want)) ** 0.5
