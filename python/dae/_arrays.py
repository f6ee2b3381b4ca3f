"""What differs between the frameworks whose arrays are taken: NumPy, PyTorch, CuPy, JAX, and by DLPack others."""
from __future__ import annotations

import sys
from typing import Any

import numpy as np

from . import _dae

_CPU, _CUDA, _PINNED = 1, 2, 3  # DLPack's types of devices
_WITHOUT_MEMORY = "expected an array that has memory, got"


class Exchange:
    """An array that the library reads, beside one like it that it writes.

    given, out: what the module takes. stream: a cudaStream_t as a number, of arrays on a GPU.
    """

    def __init__(self, array: Any, dtype: str, out: Any = None, stream: Any = None, *, takes_gpu: bool = True):
        framework = framework_of(array, "pictures")
        on_gpu = is_on_gpu(framework, array, "pictures", takes_gpu)
        if out is not None and framework_of(out, "out") == "jax":
            raise ValueError("out: expected an array that can be written; JAX's cannot")
        if stream is not None and not on_gpu:
            raise ValueError("stream: expected None, since the pictures are on the CPU")
        self.stream = _stream(framework, array, stream) if on_gpu else 0
        self.given = array
        self.out = _make_out(framework, array, dtype, on_gpu) if out is None else out
        self._result = self.out
        self._is_jax, self._on_gpu = framework == "jax" and out is None, on_gpu
        if on_gpu:  # by the protocol an array's owner has the stream wait for what the array waits for
            waiting = self.stream or 1
            self.given = array.__dlpack__(stream=waiting)
            if not self._is_jax:
                self.out = self.out.__dlpack__(stream=waiting)

    def result(self) -> Any:
        """The array that was written, as its caller gets it."""
        if not self._is_jax:
            return self._result
        if self._on_gpu:
            _dae.synchronize_device()
        return sys.modules["jax"].dlpack.from_dlpack(self._result)


def framework_of(array: Any, name: str) -> str:
    """numpy, torch, jax, cupy, or other for what has DLPack. TypeError, naming the argument, for the rest."""
    if isinstance(array, np.ndarray):
        return "numpy"
    for framework, array_type in (("torch", "Tensor"), ("jax", "Array"), ("cupy", "ndarray")):
        module = sys.modules.get(framework)
        if module is not None and isinstance(array, getattr(module, array_type, ())):
            if framework == "torch":
                _check_tensor(module, array, name)
            return framework
    if all(hasattr(array, attribute) for attribute in ("__dlpack__", "__dlpack_device__", "shape")):
        return "other"
    raise TypeError(f"{name}: expected an array of NumPy, PyTorch, CuPy, JAX or another that has DLPack, "
                    f"got {type(array).__name__}")


def _check_tensor(torch: Any, tensor: Any, name: str) -> None:
    """Refuses what a tensor has besides values in memory: it would be lost on the way without a word."""
    if tensor.is_nested or tensor.layout is not torch.strided:
        raise TypeError(f"{name}: expected a dense tensor, got one that is "
                        f"{'nested' if tensor.is_nested else str(tensor.layout).rpartition('.')[2]}")
    if tensor.is_meta:
        raise TypeError(f"{name}: {_WITHOUT_MEMORY} a tensor of device meta")
    if tensor.requires_grad:
        raise ValueError(f"{name}: expected a tensor that requires no gradient, since none is computed: "
                         "give its detach()")
    if tensor.is_neg():
        raise ValueError(f"{name}: expected a tensor whose memory has its values, got one that is negated when it "
                         "is read: give its resolve_neg()")


def is_on_gpu(framework: str, array: Any, name: str, may_be: bool) -> bool:
    if framework == "numpy":
        return False
    if framework == "torch":  # what DLPack says of a tensor, without the time that it takes
        device = array.device
        if device.type == "cpu":
            return False
        kind, number, device = _CUDA if device.type == "cuda" else None, device.index, str(device)
    else:
        try:
            kind, number = array.__dlpack_device__()
        except Exception as error:  # a tracer of JAX
            raise TypeError(f"{name}: {_WITHOUT_MEMORY} {type(array).__name__}: {error}") from None
        if kind in (_CPU, _PINNED):
            return False
        device = f"device {number} of DLPack's type {int(kind)}"
    if not may_be or kind != _CUDA or number != 0:
        expected = "the CPU or of the first GPU, cuda:0" if may_be else "the CPU"
        raise ValueError(f"{name}: expected the memory of {expected}, got that of {device}")
    return True


def _make_out(framework: str, array: Any, dtype: str, on_gpu: bool) -> Any:
    shape = tuple(array.shape)
    if framework == "torch":
        torch = sys.modules["torch"]
        return torch.empty(shape, dtype=getattr(torch, dtype), device=array.device)
    if framework == "cupy":
        return sys.modules["cupy"].empty(shape, dtype)
    if framework == "jax":  # its arrays are never written: memory of our own becomes one
        return _dae.empty(shape, dtype, "cuda" if on_gpu else "cpu")
    if on_gpu:
        raise TypeError(f"out: expected an array to write, since {type(array).__name__} is of no known framework")
    return np.empty(shape, dtype)


def _stream(framework: str, array: Any, stream: Any) -> int:
    """The caller's stream: the one that is given, or that its framework enqueues on."""
    if stream is None:
        if framework == "torch":
            return sys.modules["torch"].cuda.current_stream(array.device).cuda_stream
        if framework == "cupy":
            return sys.modules["cupy"].cuda.get_current_stream().ptr
        return 0
    device = getattr(stream, "device_index", getattr(stream, "device_id", 0))
    if device not in (0, -1):  # CuPy's null stream is of no device
        raise ValueError(f"stream: expected one of the first GPU, cuda:0, got one of cuda:{device}")
    for attribute in ("cuda_stream", "ptr"):  # PyTorch's, CuPy's
        if hasattr(stream, attribute):
            return int(getattr(stream, attribute))
    if hasattr(stream, "__cuda_stream__"):
        return int(stream.__cuda_stream__()[1])
    raise TypeError("stream: expected a stream of PyTorch or CuPy, or another that has __cuda_stream__, "
                    f"got {type(stream).__name__}")
