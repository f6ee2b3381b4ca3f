"""Restoring: every type and shape of picture, progress, threads, and what is refused."""
import threading
import time

import numpy as np
import pytest

import dae
from conftest import OnGpu


@pytest.fixture(scope="module")
def denoiser():
    return dae.Denoiser.open(device="cpu")


def noisy(height, width, sigma, seed=1):
    """A smooth picture in [0, 1], and the same with noise of `sigma` / 255."""
    y, x = np.mgrid[0:height, 0:width]
    clean = np.stack([0.5 + 0.3 * np.sin(x / 17 + c) * np.cos(y / 23) for c in range(3)], -1)
    noise = np.random.default_rng(seed).normal(size=clean.shape) * sigma / 255
    return clean.astype(np.float32), (clean + noise).astype(np.float32)


def psnr(a, b):
    return -10 * np.log10(np.mean((np.asarray(a, float) - np.asarray(b, float))**2))


def test_the_network_that_ships_takes_noise_out(denoiser):
    clean, picture = noisy(64, 96, 25)
    assert dae.shipped_network().is_file()
    assert denoiser.has_noise_input and denoiser.receptive_radius > 8 and denoiser.note == ""
    found = denoiser.noise_of(picture)
    assert abs(found - 25) < 5
    restored = denoiser(picture)  # told of what is found
    assert restored.dtype == np.float32 and restored.shape == picture.shape
    assert psnr(restored, clean) > psnr(picture, clean) + 8
    assert np.array_equal(denoiser(picture, noise=found), restored)
    best = denoiser(picture, noise=25, best=True)
    assert psnr(best, clean) > psnr(picture, clean) + 8 and not np.array_equal(best, denoiser(picture, noise=25))
    kept = denoiser(picture, noise=25, keep_colour=True)
    np.testing.assert_allclose(kept.mean((0, 1)), picture.mean((0, 1)), rtol=1e-3)


@pytest.mark.parametrize("dtype, most", [(np.uint8, 255), (np.uint16, 65535)])
def test_whole_numbers_are_the_floats_clamped_and_rounded(denoiser, dtype, most):
    picture = np.rint(np.clip(noisy(40, 56, 20)[1], 0, 1) * most).astype(dtype)
    restored = denoiser(picture, noise=20)
    assert restored.dtype == dtype
    expected = denoiser((picture / np.float32(most)).astype(np.float32), noise=20)
    apart = np.abs(restored.astype(float) - np.rint(np.clip(expected, 0, 1) * most))
    assert apart.max() <= (0 if most == 255 else 1)


def test_batches_are_pictures_one_after_another(denoiser):
    batch = np.stack([noisy(32, 40, 15, seed)[1] for seed in range(3)])
    done = []
    restored = denoiser(batch, noise=15, progress=done.append)
    for picture, result in zip(batch, restored):
        assert np.array_equal(denoiser(picture, noise=15), result)
    assert done == sorted(done) and done[-1] == 1 and len(done) >= 3
    assert np.array_equal(denoiser(batch, noise=15, out=batch), restored)  # in place
    assert denoiser(batch[:0], noise=15).shape == (0, 32, 40, 3)


def test_grey_stays_grey_and_alpha_what_it_is(denoiser):
    rgb = noisy(32, 40, 20)[1]
    grey = np.ascontiguousarray(rgb[..., 1])
    restored = denoiser(grey, noise=20)
    assert restored.shape == grey.shape
    assert np.array_equal(denoiser(grey[..., None], noise=20)[..., 0], restored)
    three = denoiser(np.repeat(grey[..., None], 3, 2), noise=20)
    np.testing.assert_allclose(three.mean(2), restored, atol=1e-5)
    alpha = np.random.default_rng(2).uniform(0.1, 1, grey.shape).astype(np.float32)
    rgba = np.dstack([rgb, alpha])
    result = denoiser(rgba, noise=20)
    assert np.array_equal(result[..., 3], alpha)
    assert np.array_equal(result[..., :3], denoiser(rgb, noise=20))


def test_frameworks_get_their_own_arrays(denoiser):
    picture = noisy(24, 32, 20)[1]
    expected = denoiser(picture, noise=20)
    torch = pytest.importorskip("torch")
    made = denoiser(torch.from_numpy(picture), noise=20)
    assert isinstance(made, torch.Tensor) and np.array_equal(made.numpy(), expected)
    jax = pytest.importorskip("jax")
    made = denoiser(jax.numpy.asarray(picture), noise=20)
    assert isinstance(made, jax.Array) and np.array_equal(np.asarray(made), expected)


def test_progress_can_end_it_and_what_it_raises_comes_out(denoiser):
    picture = noisy(32, 40, 15)[1]
    with pytest.raises(dae.Cancelled):
        denoiser(picture, noise=15, progress=lambda done: False)
    with pytest.raises(ZeroDivisionError):
        denoiser(picture, noise=15, progress=lambda done: 1 / 0)
    with pytest.raises(dae.Error, match="in use"):
        denoiser(picture, noise=15, progress=lambda done: denoiser(picture))
    assert denoiser(picture, noise=15, progress=lambda done: None) is not None
    kept = np.zeros_like(picture)
    with pytest.raises(dae.Cancelled):
        denoiser(picture, noise=15, out=kept, progress=lambda done: False)
    assert not kept.any(), "what was not restored is left as it was"


def test_other_threads_run_meanwhile(denoiser):
    """The interpreter's lock is free: a counting thread goes on counting while a picture is restored."""
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        before, began = counted[0], time.perf_counter()
        denoiser(noisy(96, 128, 20)[1], noise=20)
        seconds, during = time.perf_counter() - began, counted[0] - before
    finally:
        stop.set()
        thread.join()
    assert during > 5, f"{during} counts in {seconds:.2f} s"


three = np.zeros((3, 8, 8, 3), np.uint8)


@pytest.mark.parametrize("given, error, message", [
    (dict(pictures=np.zeros((8, 8, 3))), TypeError, "pictures: expected uint8 or uint16 or float32, got float64"),
    (dict(pictures=np.zeros((8, 8, 5), np.uint8)), ValueError, r"pictures: expected the shape .*1 to 4 channels, got \(8, 8, 5\)"),
    (dict(pictures=np.zeros((8,), np.uint8)), ValueError, "pictures: expected the shape"),
    (dict(pictures=np.zeros((1, 2, 8, 8, 3), np.uint8)), ValueError, "pictures: expected the shape"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8)[:, ::2]), ValueError, "pictures: expected contiguous"),
    (dict(pictures=np.zeros((0, 8, 3), np.uint8)), dae.FieldError, "height 0"),
    (dict(pictures="a.png"), TypeError, "pictures: expected an array of NumPy.* got str"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8), out=np.zeros((8, 8, 3), np.uint16)), TypeError,
     "out: expected uint8, got uint16"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8), out=np.zeros((8, 8, 4), np.uint8)), ValueError,
     r"out: expected the shape \(8, 8, 3\), got \(8, 8, 4\)"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8), out=np.zeros((8, 16, 3), np.uint8)[:, ::2]), ValueError,
     "out: expected contiguous"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8), out=np.broadcast_to(np.uint8(0), (8, 8, 3))), ValueError,
     "out: expected memory that can be written"),
    (dict(pictures=OnGpu(np.zeros((8, 8, 3), np.uint8), (2, 0))), ValueError,
     "pictures: expected the memory of the CPU, got that of device 0"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8), noise="much"), TypeError, "noise: expected a number"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8), noise=True), TypeError, "noise: expected a number or None, got bool"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8), noise=10**400), dae.FieldError, "noise inf"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8), best="no"), TypeError, "best: expected bool, got 'no'"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8), keep_colour=None), TypeError, "keep_colour: expected bool, got None"),
    (dict(pictures=three[:2], out=three[1:]), ValueError, "out: expected memory apart .* or all of theirs"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8), noise=-1), dae.FieldError, "noise"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8), noise=float("nan")), dae.FieldError, "noise"),
    (dict(pictures=np.zeros((8, 8, 3), np.uint8), progress=3), TypeError, "progress: expected a function, got int"),
])
def test_refusals_name_the_argument(denoiser, given, error, message):
    with pytest.raises(error, match=message):
        denoiser(**given)


@pytest.mark.parametrize("picture, error, message", [
    (np.zeros((8, 8, 3), np.int16), TypeError, "picture: expected uint8 or uint16 or float32, got int16"),
    (np.zeros((8, 8, 5), np.uint8), ValueError, "picture: expected the shape"),
    (np.zeros((8, 8, 3), np.uint8)[::2], ValueError, "picture: expected contiguous"),
    (np.zeros((2, 8, 8, 3), np.uint8), ValueError, "picture: expected one picture, got a batch"),
    (None, TypeError, "picture: expected an array"),
    (OnGpu(np.zeros((8, 8, 3), np.uint8), (2, 0)), ValueError, "picture: expected the memory of the CPU, got that of device 0"),
])
def test_noise_is_found_in_one_picture(denoiser, picture, error, message):
    with pytest.raises(error, match=message):
        denoiser.noise_of(picture)


def test_noise_may_be_a_number_of_numpy(denoiser):
    picture = noisy(16, 24, 15)[1]
    assert np.array_equal(denoiser(picture, noise=np.float32(15)), denoiser(picture, noise=15))


def test_what_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(dae.Error, match="nothing-there"):
        dae.Denoiser.open(tmp_path / "nothing-there")
    (tmp_path / "text.safetensors").write_text("no network")
    with pytest.raises(dae.Error, match="text.safetensors"):
        dae.Denoiser.open(tmp_path / "text.safetensors")
    with pytest.raises(dae.FieldError, match="device 'gpu': give 'cpu', 'cuda' or None"):
        dae.Denoiser.open(device="gpu")
    with pytest.raises(TypeError, match="device: expected 'cpu', 'cuda' or None, got 0"):
        dae.Denoiser.open(device=0)
    for memory in (1000, -1, 2**70):
        with pytest.raises(dae.FieldError, match="memory"):
            dae.Denoiser.open(device="cpu", memory=memory)
    for memory in ("much", None):
        with pytest.raises(TypeError, match=f"memory: expected a whole number, got {memory!r}"):
            dae.Denoiser.open(device="cpu", memory=memory)
    for run in (3, b"run"):
        with pytest.raises(TypeError, match=f"run: expected a path, got {run!r}"):
            dae.Denoiser.open(run)
    for run in ("", "a\0b", "\ud800"):
        with pytest.raises(ValueError, match="run: expected a path that a file can have, got "):
            dae.Denoiser.open(run)
    with pytest.raises(dae.Error, match="\udcff: there is no such run folder"):  # its name is no UTF-8
        dae.Denoiser.open("\udcff")


@pytest.mark.parametrize("threads, error", [(-1, dae.FieldError), (2**70, dae.FieldError), (None, TypeError), (1.5, TypeError)])
def test_numbers_of_threads_are_checked(threads, error):
    with pytest.raises(error, match="threads"):
        dae.set_threads(threads)


def test_cuda_is_not_needed():
    if not dae.why_no_networks_on_cuda():
        pytest.skip("networks can be computed on a GPU here")
    assert dae.best_device() == "cpu"
    with pytest.raises(dae.FieldError, match="device"):
        dae.Denoiser.open(device="cuda")
