"""The corruption: its bits, every framework's arrays, and what is refused."""
import copy
import pathlib
import pickle
import threading

import numpy as np
import pytest

import dae
from conftest import OnGpu
from dae import _dae
from dae._arrays import Exchange

FIXTURES = pathlib.Path(__file__).parent / "fixtures"


def test_what_the_program_corrupts():
    """fixtures/sheet.png is what `corrupt synthetic --size 32 --count 6 --seed 7` made: six clean crops, each with its
    corruption beside it, enlarged twice under three lines of text. It is the same to the bit."""
    Image = pytest.importorskip("PIL.Image")
    sheet = np.asarray(Image.open(FIXTURES / "sheet.png"))
    cells = np.stack([sheet[top:top + 64:2, left:left + 64:2] for top in (42, 148) for left in range(6, 774, 128)])
    clean, corrupted = cells[0::2], cells[1::2]
    made = dae.Corruption(seed=7)(np.ascontiguousarray(clean), 0)
    assert np.array_equal(made, corrupted / np.float32(255))
    assert not np.array_equal(clean, corrupted)


def test_same_bits_however_batches_are_split(pictures):
    corruption = dae.Corruption(seed=5)
    whole = corruption(pictures, 4, first=100)
    assert whole.dtype == np.float32 and whole.shape == pictures.shape
    for i in reversed(range(len(pictures))):
        assert np.array_equal(corruption(pictures[i], 4, first=100 + i), whole[i])
    assert np.array_equal(dae.Corruption(seed=5)(pictures[1:3], 4, first=101), whole[1:3])
    for other in (corruption(pictures, 5, first=100), dae.Corruption(seed=6)(pictures, 4, first=100),
                  corruption(pictures, 4, first=101)):
        assert not np.array_equal(other, whole)
    assert corruption(pictures[:0], 4).shape == (0, *pictures.shape[1:])


def test_numpy_agrees_where_it_can_say_what_comes_out(pictures):
    """Without noise and blur it is a factor a channel, which all of a picture's pixels have in common."""
    corruption = dae.Corruption(noise=None, blur=None, brightness=(0.5, 0.9), channel=None, clip=False, quantize=False)
    made = corruption(pictures, 1)
    for picture, result in zip(pictures.astype(np.float64) / 255, made):
        factor = result.sum() / picture.sum()
        assert 0.5 <= factor <= 0.9
        np.testing.assert_allclose(result, picture * factor, atol=1e-6)
    noise = dae.Corruption(noise=25, blur=None, brightness=None, channel=None, clip=False, quantize=False)
    big = np.full((4, 128, 128, 3), 128, np.uint8)
    assert abs((noise(big, 0) * 255 - 128).std() - 25) < 0.3


def test_defaults_are_those_of_the_library():
    spec, own = _dae.CorruptSpec(), dae.Corruption()._spec
    for name in ("noise", "blur", "brightness", "channel", "shot", "grain", "common", "jpeg", "order", "clip", "quantize"):
        assert getattr(own, name) == getattr(spec, name), name


def test_out_is_written_and_returned(pictures):
    corruption, out = dae.Corruption(), np.full(pictures.shape, 7, np.float32)
    assert corruption(pictures, 2, out=out) is out
    assert np.array_equal(out, corruption(pictures, 2))


def test_read_only_and_fortran_shaped_single_pixels_are_fine(pictures):
    corruption = dae.Corruption()
    expected = corruption(pictures)
    pictures.flags.writeable = False
    assert np.array_equal(corruption(pictures), expected)
    pixel = np.asfortranarray(np.full((1, 1, 1, 3), 9, np.uint8))
    assert corruption(pixel).shape == (1, 1, 1, 3)


def test_pickled_it_is_the_same(pictures):
    corruption = dae.Corruption(noise=(1, 20, 0.5), blur=None, jpeg=80, seed=2**63)
    other = pickle.loads(pickle.dumps(corruption))
    assert repr(other) == repr(corruption)
    assert np.array_equal(other(pictures, 3), corruption(pictures, 3))


class Named(dae.Corruption):
    """A user's own, with another way of being made."""

    def __init__(self, name):
        super().__init__(noise=5, seed=3)
        self.name = name


def test_a_users_own_is_pickled_and_copied_as_what_it_is(pictures):
    corruption = Named("night")
    for other in (pickle.loads(pickle.dumps(corruption)), copy.copy(corruption), copy.deepcopy(corruption)):
        assert type(other) is Named and other.name == "night"
        assert np.array_equal(other(pictures), corruption(pictures))


def test_threads_share_one(pictures):
    corruption = dae.Corruption()
    expected = [corruption(pictures, step) for step in range(40)]
    made = [None] * 40

    def work(start):
        for step in range(start, 40, 4):
            made[step] = corruption(pictures, step)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(a, b) for a, b in zip(made, expected))


def test_whatever_has_dlpack(pictures):
    corruption = dae.Corruption()
    expected = corruption(pictures, 1)

    class Other:  # DLPack and nothing else
        shape = pictures.shape

        def __dlpack__(self, **options):
            return pictures.__dlpack__(**options)

        def __dlpack_device__(self):
            return pictures.__dlpack_device__()

    assert np.array_equal(corruption(Other(), 1), expected)


def test_torch(pictures):
    torch = pytest.importorskip("torch")
    corruption = dae.Corruption()
    given = torch.from_numpy(pictures)
    made = corruption(given, 1)
    assert isinstance(made, torch.Tensor) and made.dtype == torch.float32
    assert np.array_equal(made.numpy(), corruption(pictures, 1))
    out = torch.zeros(given.shape)
    assert corruption(given, 1, out=out) is out and torch.equal(out, made)
    with pytest.raises(ValueError, match="pictures: expected contiguous"):
        corruption(given.permute(0, 2, 1, 3), 1)
    with pytest.raises(TypeError, match="pictures: expected uint8, got float32"):
        corruption(given.float(), 1)
    assert torch.equal(torch.compile(lambda x: corruption(x, 1), backend="eager")(given), made)


def fake(torch, tensor):
    from torch._subclasses.fake_tensor import FakeTensorMode
    with FakeTensorMode():
        return torch.zeros(tensor.shape)


@pytest.mark.parametrize("made, error, message", [
    (lambda torch, x: x.to("meta"), TypeError, "expected an array that has memory, got a tensor of device meta"),
    (fake, TypeError, "expected an array that has memory, got a FakeTensor without"),
    (lambda torch, x: x.to_sparse(), TypeError, "expected a dense tensor, got one that is sparse_coo"),
    (lambda torch, x: torch.nested.nested_tensor([x]), TypeError, "expected a dense tensor, got one that is nested"),
    (lambda torch, x: x.requires_grad_(), ValueError, "expected a tensor that requires no gradient"),
    (lambda torch, x: torch._neg_view(x), ValueError, "expected a tensor whose memory has its values"),
    (lambda torch, x: torch.conj(x.to(torch.complex64)), TypeError, "expected .*float32, got complex64"),
    (lambda torch, x: x.to(torch.float8_e4m3fn), TypeError, "expected .*float32, got float8_e4m3fn"),
], ids=["meta", "fake", "sparse", "nested", "gradient", "negated", "conjugate", "float8"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensors_that_are_more_than_their_memory(made, error, message):
    torch = pytest.importorskip("torch")
    tensor, denoiser = made(torch, torch.ones(2, 8, 8, 3)), dae.Denoiser.open(device="cpu")
    for call, name in ((denoiser, "pictures"), (denoiser.noise_of, "picture"),
                       (lambda out: dae.Corruption()(u8, out=out), "out")):
        with pytest.raises(error, match=f"{name}: {message}"):
            call(tensor)


def test_jax(pictures):
    jax = pytest.importorskip("jax")
    corruption = dae.Corruption()
    given = jax.numpy.asarray(pictures)
    made = corruption(given, 1)
    assert isinstance(made, jax.Array) and made.dtype == jax.numpy.float32
    assert np.array_equal(np.asarray(made), corruption(pictures, 1))
    with pytest.raises(ValueError, match="out: expected an array that can be written"):
        corruption(given, 1, out=made)
    with pytest.raises(TypeError, match="pictures: "):
        jax.jit(lambda x: corruption(x, 1))(given)


@pytest.mark.parametrize("framework", ["torch", "cupy", "jax"])
def test_on_a_gpu_in_the_callers_stream(pictures, framework):
    module = pytest.importorskip(framework)
    corruption = dae.Corruption()
    expected = corruption(pictures, 1)
    if framework == "torch":
        if not module.cuda.is_available():
            pytest.skip("PyTorch has no GPU here")
        with module.cuda.stream(module.cuda.Stream()):
            given = module.from_numpy(pictures).cuda()
            made = corruption(given * 1, 1) + 0  # after what the stream has, before what comes
        assert np.array_equal(made.cpu().numpy(), expected)
    elif framework == "cupy":
        with module.cuda.Stream():
            made = corruption(module.asarray(pictures), 1)
        assert np.array_equal(made.get(), expected)
    else:
        gpus = [device for device in module.devices() if device.platform == "gpu"]
        if not gpus:
            pytest.skip("JAX has no GPU here")
        assert np.array_equal(np.asarray(corruption(module.device_put(pictures, gpus[0]), 1)), expected)


@pytest.mark.parametrize("device", [(2, 1), (2, 7), (10, 0), (8, 0)])
def test_another_device_is_refused(pictures, device):
    with pytest.raises(ValueError, match="pictures: expected the memory of the CPU or of the first GPU"):
        dae.Corruption()(OnGpu(pictures, device))


def test_a_gpus_array_of_no_known_framework_needs_out(pictures):
    with pytest.raises(TypeError, match="out: expected an array to write"):
        dae.Corruption()(OnGpu(pictures, (2, 0)))


class Stream:
    def __init__(self, device_index):
        self.device_index, self.cuda_stream = device_index, 0


def test_streams_are_refused(pictures):
    on_gpu, out = OnGpu(pictures, (2, 0)), np.empty(pictures.shape, np.float32)
    with pytest.raises(ValueError, match="stream: expected one of the first GPU, cuda:0, got one of cuda:1"):
        dae.Corruption()(on_gpu, out=out, stream=Stream(1))
    with pytest.raises(TypeError, match="stream: expected a stream of PyTorch or CuPy.* got int"):
        dae.Corruption()(on_gpu, out=out, stream=1)
    with pytest.raises(ValueError, match="stream: expected None"):
        dae.Corruption()(pictures, stream=Stream(0))


class Recorded(OnGpu):
    """Remembers how its memory was asked for."""

    def __init__(self, array):
        super().__init__(array, (2, 0))
        self.asked = []

    def __dlpack__(self, **options):
        self.asked.append(options)
        return self


class CudaStream:
    """A stream as any library may have it: the protocol's version, and the stream."""

    def __init__(self, stream):
        self.stream = stream

    def __cuda_stream__(self):
        return 0, self.stream


@pytest.mark.parametrize("stream, number, asked", [(CudaStream(1234), 1234, 1234), (CudaStream(0), 0, 1), (None, 0, 1)],
                         ids=["own", "null", "none"])
def test_arrays_are_waited_for_in_the_callers_stream(pictures, stream, number, asked):
    """The null stream is 1 to DLPack, which forbids 0."""
    given, out = Recorded(pictures), Recorded(np.empty(pictures.shape, np.float32))
    exchange = Exchange(given, "float32", out, stream)
    assert exchange.stream == number
    assert given.asked == out.asked == [{"stream": asked}]
    assert exchange.result() is out


u8 = np.zeros((2, 8, 8, 3), np.uint8)
f32 = np.zeros((2, 8, 8, 3), np.float32)
both = np.zeros(128 + f32.nbytes, np.uint8)  # of pictures and out that overlap
frozen = f32.copy()
frozen.flags.writeable = False


@pytest.mark.parametrize("given, error, message", [
    (dict(pictures=None), TypeError, "pictures: expected an array of NumPy.* got NoneType"),
    (dict(pictures=[[1, 2, 3]]), TypeError, "pictures: expected an array of NumPy.* got list"),
    (dict(pictures=u8.astype(np.float32)), TypeError, "pictures: expected uint8, got float32"),
    (dict(pictures=u8.astype(np.int8)), TypeError, "pictures: expected uint8, got int8"),
    (dict(pictures=u8.astype(bool)), TypeError, "pictures: expected uint8, got bool$"),
    (dict(pictures=u8.astype(">u2")), TypeError, "pictures: expected an array of uint8, got a ndarray of >u2"),
    (dict(pictures=u8.astype(object)), TypeError, "pictures: expected an array of uint8, got a ndarray of object"),
    (dict(pictures=np.zeros((8, 8), np.uint8)), ValueError, r"pictures: expected the shape .* got \(8, 8\)"),
    (dict(pictures=np.zeros((3,), np.uint8)), ValueError, r"pictures: expected the shape .* got \(3,\)"),
    (dict(pictures=np.zeros((2, 3, 8, 8), np.uint8)), ValueError, r"pictures: expected the shape .* got \(2, 3, 8, 8\)"),
    (dict(pictures=np.zeros((1,) * 9, np.uint8)), ValueError, "pictures: expected the shape"),
    (dict(pictures=u8[:, ::2]), ValueError, "pictures: expected contiguous memory"),
    (dict(pictures=u8[..., ::-1]), ValueError, "pictures: expected contiguous memory"),
    (dict(pictures=np.asfortranarray(u8)), ValueError, "pictures: expected contiguous memory"),
    (dict(pictures=np.broadcast_to(u8[:1], u8.shape)), ValueError, "pictures: expected contiguous memory"),
    (dict(pictures=np.zeros((2, 0, 8, 3), np.uint8)), dae.FieldError, "height 0"),
    (dict(pictures=u8, out=None, step=-1), dae.FieldError, "step -1"),
    (dict(pictures=u8, step=2**28), dae.FieldError, "step 268435456"),
    (dict(pictures=u8, step=2**70), dae.FieldError, "step 1180591620717411303424"),
    (dict(pictures=u8, step=1.5), TypeError, "step: expected a whole number, got 1.5"),
    (dict(pictures=u8, step=None), TypeError, "step: expected a whole number, got None"),
    (dict(pictures=u8, first=None), TypeError, "first: expected a whole number, got None"),
    (dict(pictures=u8, first=2**32 - 1), dae.FieldError, "first 4294967295"),
    (dict(pictures=u8, out=f32[:1]), ValueError, r"out: expected the shape \(2, 8, 8, 3\), got \(1, 8, 8, 3\)"),
    (dict(pictures=u8, out=f32[0]), ValueError, "out: expected the shape"),
    (dict(pictures=u8, out=u8), TypeError, "out: expected float32, got uint8"),
    (dict(pictures=u8, out=f32.astype(np.float64)), TypeError, "out: expected float32, got float64"),
    (dict(pictures=u8, out=frozen), ValueError, "out: expected memory that can be written"),
    (dict(pictures=u8, out=np.zeros((2, 8, 16, 3), np.float32)[:, :, ::2]), ValueError, "out: expected contiguous"),
    (dict(pictures=u8, out=np.frombuffer(bytearray(f32.nbytes + 1), np.uint8)[1:].view(np.float32).reshape(f32.shape)),
     ValueError, "out: expected memory aligned"),
    (dict(pictures=both[:384].reshape(u8.shape), out=both[128:].view(np.float32).reshape(u8.shape)), ValueError,
     "out: expected memory apart from that of pictures"),
    (dict(pictures=u8, out="x"), TypeError, "out: expected an array"),
])
def test_refusals_name_the_argument(given, error, message):
    with pytest.raises(error, match=message):
        dae.Corruption()(**given)


@pytest.mark.parametrize("given, error, message", [
    (dict(noise=(5, 1)), dae.FieldError, "noise 5:1"),
    (dict(noise=(0, 999)), dae.FieldError, "noise"),
    (dict(noise=(1, 2, 3, 4)), TypeError, r"noise: expected a number, .*got \(1, 2, 3, 4\)"),
    (dict(noise=()), TypeError, "noise: expected a number, "),
    (dict(noise="loud"), TypeError, "noise: expected a number, .*got 'loud'"),
    (dict(noise=True), TypeError, "noise: expected a number, .*got True"),
    (dict(noise=10**400), dae.FieldError, "noise inf"),
    (dict(blur=float("nan")), dae.FieldError, "blur"),
    (dict(channel=(0, 1, 2)), dae.FieldError, "channel"),
    (dict(shot=5), dae.FieldError, "shot .*camera"),
    (dict(order="fast"), dae.FieldError, "order fast"),
    (dict(order=None), TypeError, "order: expected str, got None"),
    (dict(clip="yes"), TypeError, "clip: expected bool, got 'yes'"),
    (dict(order="camera\0"), dae.FieldError, r"order 'camera\\x00'"),
    (dict(seed="x"), TypeError, "seed: expected a whole number"),
    (dict(seed=None), TypeError, "seed: expected a whole number, got None"),
    (dict(seed=1.0), TypeError, "seed: expected a whole number, got 1.0"),
    (dict(seed=2**64), dae.FieldError, "seed 18446744073709551616"),
    (dict(seed=-1), dae.FieldError, "seed -1"),
    (dict(sigma=3), TypeError, "sigma"),
])
def test_options_are_checked(given, error, message):
    with pytest.raises(error, match=message) as caught:
        dae.Corruption(**given)(u8)
    if error is dae.FieldError:
        assert caught.value.field in given
        assert isinstance(caught.value, ValueError) and isinstance(caught.value, dae.Error)
