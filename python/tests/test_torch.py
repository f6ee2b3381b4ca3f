"""The networks as PyTorch modules, against the library; the example with a DataLoader of several workers."""
import importlib.util
import pathlib

import numpy as np
import pytest

import dae
from conftest import ROOT

torch = pytest.importorskip("torch")
import dae.torch  # noqa: E402

# float32 sums of a few thousand products in another order; pictures are in [0, 1].
TOLERANCE = 1e-4


def nchw(picture):
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(picture, -1, -3)))[None]


def by_module(network, picture, *noise):
    with torch.inference_mode():
        return network(nchw(picture), *noise)[0].movedim(0, -1).numpy()


@pytest.mark.parametrize("options", [
    dict(),
    dict(levels=3, stem=1),
    dict(levels=1, blocks=2, global_=False),
    dict(skips=False, residual=False),
    dict(noise_input=True),
    dict(model="conv"),
    dict(model="fc", latent=24),
], ids=str)
def test_equals_the_library_on_a_trained_network(options, tmp_path):
    small = dict(size=16, batch=4, steps=8, device="cpu", seed=3)
    if options.get("model", "unet") == "unet":
        small |= dict(width=6, blocks=1, levels=2)
    run = dae.train("synthetic", out=tmp_path / "run", **(small | options)).run
    network, denoiser = dae.torch.load(run), dae.Denoiser.open(run, device="cpu")
    assert network.config["model"]["kind"] == options.get("model", "unet") and not network.training
    picture = np.random.default_rng(2).random((16, 16, 3), np.float32)
    noise = [30.0] if options.get("noise_input") else []
    made = by_module(network, picture, *noise)
    if options.get("model") == "fc":
        # A single crop is the whole picture: what the window weighs it with is divided out again.
        np.testing.assert_allclose(denoiser(picture), made, atol=TOLERANCE)
        return
    np.testing.assert_allclose(denoiser(picture, **({"noise": 30.0} if noise else {})), made, atol=TOLERANCE)
    assert np.abs(made - picture).max() > 100 * TOLERANCE, "the network does nothing: this test would see nothing"


def test_equals_the_library_on_the_network_that_ships():
    network, denoiser = dae.torch.load(), dae.Denoiser.open(device="cpu")
    picture = np.random.default_rng(4).random((64, 96, 3), np.float32)
    for noise in (5.0, 40.0):
        np.testing.assert_allclose(by_module(network, picture, noise), denoiser(picture, noise=noise), atol=TOLERANCE)
    both = torch.cat([nchw(picture), nchw(picture[::-1].copy())])
    with torch.inference_mode():
        made = network(both, torch.tensor([5.0, 40.0]))
    np.testing.assert_allclose(made[0].movedim(0, -1).numpy(), denoiser(picture, noise=5.0), atol=TOLERANCE)
    with pytest.raises(TypeError, match="noise: expected a number"):
        network(both)


def test_it_trains_on(run):
    network = dae.torch.load(run).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    network(torch.rand(2, 3, 16, 16)).square().mean().backward()
    optimizer.step()
    assert any(not torch.equal(before[name], value) for name, value in network.state_dict().items())
    with pytest.raises(TypeError, match="noise: expected None"):
        network(torch.rand(2, 3, 16, 16), 3.0)


def test_torch_compile_reads_it(run):
    network, x = dae.torch.load(run), torch.rand(1, 3, 16, 16)
    assert "global.output.weight" in network.state_dict()
    with torch.inference_mode():
        torch.testing.assert_close(torch.compile(network, backend="eager", fullgraph=True)(x), network(x))


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 1, 16, 16), (1, 3, 17, 16), (1, 3, 0, 16), (1, 16, 16, 3)])
def test_pictures_that_do_not_fit(shape, run):
    for network, noise in ((dae.torch.load(run), []), (dae.torch.load(), [5.0])):
        with pytest.raises(ValueError, match=r"x: expected the shape \(N, 3, H, W\) with H and W multiples of 8, got "):
            network(torch.zeros(shape), *noise)


def test_pictures_and_noise_of_another_kind():
    network = dae.torch.load()
    with pytest.raises(TypeError, match="x: expected a tensor, got ndarray"):
        network(np.zeros((1, 3, 16, 16), np.float32), 5.0)
    with pytest.raises(ValueError, match="noise: expected one number or one a picture, 2, got 3"):
        network(torch.zeros(2, 3, 16, 16), torch.zeros(3))


def test_nothing_to_load_is_named(tmp_path):
    with pytest.raises(dae.Error, match="nowhere"):
        dae.torch.load(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def example():
    path = ROOT / "examples" / "python" / "train_with_dataloader.py"
    spec = importlib.util.spec_from_file_location("train_with_dataloader", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def photos():
    """Even grey, so that what differs between crops is their noise."""
    return [np.full((70, 80, 3), 120, np.uint8) for _ in range(24)]


def load(example, photos, way, workers, corruption, epochs=2, **options):
    """What comes out of the loader in all epochs, {N, 3, 64, 64}, in order of the index."""
    crops, epoch = example.Crops(photos, 64), example.Epoch()
    if way == "dataset":
        loader = torch.utils.data.DataLoader(example.Corrupted(crops, corruption, epoch), 4, num_workers=workers, **options)
    else:
        loader = torch.utils.data.DataLoader(crops, 4, num_workers=workers,
                                             collate_fn=example.Corrupting(corruption, epoch), **options)
    made = []
    for number in range(epochs):
        epoch.set(number)
        made.append(torch.cat([corrupted for _, corrupted in loader]))
    return torch.stack(made)


def test_no_two_workers_draw_the_same_noise(example, photos):
    corruption = dae.Corruption(noise=25, blur=None, brightness=None, channel=None, seed=7)
    crop = np.full((64, 64, 3), 120, np.uint8)
    expected = torch.stack([torch.stack([torch.from_numpy(corruption(crop, epoch, first=i)).movedim(-1, 0)
                                         for i in range(len(photos))]) for epoch in range(2)])
    drawn = {picture.numpy().tobytes() for picture in expected.flatten(0, 1)}
    assert len(drawn) == 2 * len(photos), "every picture of every epoch has noise of its own"
    for way in ("dataset", "collate"):
        assert torch.equal(load(example, photos, way, 0, corruption), expected), way
        assert torch.equal(load(example, photos, way, 3, corruption, multiprocessing_context="fork"), expected), way
    # Workers that stay see the next epoch, and those that are started anew find the package.
    assert torch.equal(load(example, photos, "collate", 2, corruption, persistent_workers=True), expected)


def test_the_example_trains(example, photos):
    crops, epoch = example.Crops(photos, 64), example.Epoch()
    corruption = dae.Corruption(noise=25, blur=None, brightness=None, channel=None)
    loader = torch.utils.data.DataLoader(crops, 8, num_workers=2, collate_fn=example.Corrupting(corruption, epoch))
    losses = example.train(loader, epoch, 4)
    assert len(losses) == 4 and all(np.isfinite(losses)) and int(epoch) == 2
    noise = (25 / 255)**2
    assert max(losses) < 0.1 * noise, "even grey is what the network that ships restores nearly wholly"
