"""A training step that `dump_step` wrote, in the terms of models.py: our parameter names and layouts
(docs/models.md) against PyTorch's."""
import torch
from safetensors.torch import load_file


def places(name, model):
    """Pairs of a parameter's name in our files and in models.py, with what turns ours into PyTorch's."""
    plain = lambda w: w
    filters = lambda w: w.permute(0, 3, 1, 2)  # {K, kernel, kernel, C} to {K, C, kernel, kernel}
    pairs = []

    def layer(ours, theirs, weight=filters, bias=plain):
        pairs.append((ours + ".weight", theirs + ".weight", weight))
        pairs.append((ours + ".bias", theirs + ".bias", bias))

    if name == "unet":
        stacks = [(f"encoder.{i}", f"encoder.{i}", stack) for i, stack in enumerate(model.encoder)]
        stacks += [(f"decoder.{i}", f"decoder.{i}", stack) for i, stack in enumerate(model.decoder)]
        stacks.append(("middle", "middle", model.middle))
        for ours, theirs, stack in stacks:
            for block in range(len(stack)):
                for part in "ab":
                    layer(f"{ours}.{block}.{part}", f"{theirs}.{block}.{part}")
        layer("head", "head")
        layer("tail", "tail")
        for level in range(3):
            layer(f"down.{level}", f"down.{level}")
            layer(f"up.{level}", f"up.{level}")
        if model.pooled is not None:
            for i in range(4):
                layer(f"global.{i}", f"pooled.{i}")
            layer("global.hidden", "hidden", plain)
            layer("global.output", "gain", plain)
        return pairs
    for i in range(4):
        layer(f"encoder.{i}", f"encoder.{i}")
    for i in range(3):
        layer(f"decoder.{i}", f"decoder.{i}")
    layer("decoder.3", "out")
    if name == "fc":
        side = round((model.narrow.in_features / 128) ** 0.5)

        def flat(w):  # {H * W * C, ...} to {C * H * W, ...}
            return w.view(side, side, 128, -1).permute(2, 0, 1, 3).reshape(w.shape)

        layer("latent", "narrow", lambda w: flat(w.T).T)
        layer("expand", "expand", flat, flat)
    return pairs


class Dumped:
    """The step in a file, on `device`; images as PyTorch has them, {N, C, H, W}."""

    def __init__(self, path, name, model, device):
        values = load_file(path, device=str(device))
        self.loss = values["loss"].item()
        self.gradient_norm = values["gradient_norm"].item()
        self.learning_rate = values["learning_rate"].item()
        self.clean = values["clean"].permute(0, 3, 1, 2)
        self.corrupted = values["corrupted"].permute(0, 3, 1, 2)
        pairs = places(name, model)
        missing = dict(model.named_parameters()).keys() ^ {theirs for _, theirs, _ in pairs}
        if missing or len(values) != 3 * len(pairs) + 5:
            raise SystemExit(f"{path}: not the parameters of models.py's {name}: {sorted(missing)}")
        take = lambda kind: {theirs: turn(values[f"{kind}.{ours}"]).contiguous() for ours, theirs, turn in pairs}
        self.weights, self.gradients, self.after = take("weights"), take("gradients"), take("after")


def relative(got, want):
    """|got - want| / |want| over all parameters, in fp64."""
    difference = sum((got[k].double() - want[k].double()).square().sum().item() for k in want)
    return (difference / sum(want[k].double().square().sum().item() for k in want)) ** 0.5
