"""A CUDA device that is the CPU: worker side.

Kernel files name the device themselves (``device="cuda"``, ``.cuda()``, ``x.is_cuda``, ``torch.cuda.*``). Inside
:func:`cuda_on_cpu` all of that works on CPU tensors, and fresh memory holds values that show when nobody writes them.
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
import triton
from torch.overrides import TorchFunctionMode

POISON_BITS = {
    torch.float32: 0x7FC5AA5A,
    torch.float16: 0x7E5A,
    torch.bfloat16: 0x7FDA,
    torch.float64: 0x7FF8AA5A_5AAA5AAA,
}
"""Quiet NaNs with a payload that ordinary arithmetic does not make."""
_SAME_WIDTH = {2: torch.int16, 4: torch.int32, 8: torch.int64}
_PROCESSORS = 5
"""Multiprocessors of the pretended GPU: few and odd, so that persistent kernels take several unequal rounds."""

_EMPTY = {
    torch.empty,
    torch.empty_like,
    torch.empty_strided,
    torch.empty_permuted,
    torch.Tensor.new_empty,
    torch.Tensor.new_empty_strided,
}
_DEVICE_GETTER = torch.Tensor.device.__get__
_IS_CUDA_GETTER = torch.Tensor.is_cuda.__get__
_UNCHANGED = {torch.Tensor.cuda, torch.Tensor.pin_memory}


def poison(tensor: torch.Tensor) -> torch.Tensor:
    """Fill ``tensor`` with the poison of its type: a marked NaN, or the largest integer."""
    bits = POISON_BITS.get(tensor.dtype)
    if bits is not None:
        width = _SAME_WIDTH[tensor.element_size()]
        value = torch.tensor(bits, dtype=torch.int64).to(width).view(tensor.dtype)
        tensor.copy_(value.expand(tensor.shape))
    elif tensor.dtype.is_floating_point or tensor.dtype.is_complex:
        tensor.fill_(float("nan"))
    elif tensor.dtype is not torch.bool:
        tensor.fill_(torch.iinfo(tensor.dtype).max)
    return tensor


def _on_cpu(value: Any) -> Any:
    if isinstance(value, torch.device) and value.type == "cuda":
        return torch.device("cpu")
    if isinstance(value, str) and (value == "cuda" or value.startswith("cuda:")):
        return "cpu"
    return value


class _CudaOnCpu(TorchFunctionMode):  # type: ignore[misc]
    """Turns every request for a CUDA device into one for the CPU."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func == _IS_CUDA_GETTER:
            return True
        if func == _DEVICE_GETTER:
            return torch.device("cuda", 0)
        if func in _UNCHANGED:
            return args[0]
        if func is torch.Tensor.get_device:
            return 0
        if func is torch.Tensor.record_stream:
            return None
        args = tuple(_on_cpu(value) for value in args)
        if "device" in kwargs:
            device = kwargs["device"]
            # an index alone, as in device=0, means a CUDA device as well
            kwargs["device"] = "cpu" if isinstance(device, int) else _on_cpu(device)
        if kwargs.get("pin_memory"):
            kwargs["pin_memory"] = False
        result = func(*args, **kwargs)
        return poison(result) if func in _EMPTY and isinstance(result, torch.Tensor) else result


class _Stream:
    cuda_stream = 0

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def synchronize(self) -> None:
        pass

    def wait_stream(self, _: Any) -> None:
        pass


def _properties(*_: Any, **__: Any) -> types.SimpleNamespace:
    return types.SimpleNamespace(
        name="interpreter",
        major=8,
        minor=9,
        multi_processor_count=_PROCESSORS,
        total_memory=1 << 34,
        warp_size=32,
        max_threads_per_multi_processor=1536,
        regs_per_multiprocessor=65536,
        shared_memory_per_block=49152,
        shared_memory_per_block_optin=101376,
        shared_memory_per_multiprocessor=102400,
        L2_cache_size=1 << 25,
    )


class _Utils:
    def get_device_properties(self, _device: Any) -> dict[str, int]:
        return {
            "max_shared_mem": 101376,
            "multiprocessor_count": _PROCESSORS,
            "warpSize": 32,
            "max_num_regs": 65536,
            "sm_clock_rate": 1,
            "mem_clock_rate": 1,
            "mem_bus_width": 1,
        }


class _Driver:
    """The part of a Triton driver that wrappers ask questions of."""

    utils = _Utils()

    def get_current_target(self) -> Any:
        return triton.backends.compiler.GPUTarget("cuda", 89, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, _device: Any = None) -> int:
        return 0

    def set_current_device(self, _device: Any) -> None:
        pass

    def get_active_torch_device(self) -> torch.device:
        return torch.device("cuda", 0)

    def get_device_interface(self) -> Any:
        return torch.cuda

    def get_benchmarker(self) -> Any:
        return lambda call, **_: (call(), [0.0, 0.0, 0.0])[1]


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _torch_cuda() -> dict[str, Any]:
    return {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "init": _nothing,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "set_device": _nothing,
        "device": lambda *_: contextlib.nullcontext(),
        "device_of": lambda *_: contextlib.nullcontext(),
        "get_device_name": lambda *_: "interpreter",
        "get_device_capability": lambda *_: (8, 9),
        "get_device_properties": _properties,
        "is_bf16_supported": lambda *_, **__: True,
        "synchronize": _nothing,
        "empty_cache": _nothing,
        "manual_seed": _nothing,
        "manual_seed_all": _nothing,
        "current_stream": _Stream,
        "default_stream": _Stream,
        "Stream": _Stream,
        "stream": lambda *_: contextlib.nullcontext(),
    }


@contextlib.contextmanager
def cuda_on_cpu() -> Iterator[None]:
    """Make every use of CUDA in a kernel file land on the CPU inside the context."""
    with contextlib.ExitStack() as stack:
        for name, value in _torch_cuda().items():
            stack.enter_context(mock.patch.object(torch.cuda, name, value))
        stack.enter_context(mock.patch.object(torch, "set_default_device", _nothing))
        stack.enter_context(mock.patch.object(triton.runtime.driver, "_active", _Driver(), create=True))
        stack.enter_context(_CudaOnCpu())
        yield
