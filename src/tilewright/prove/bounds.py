"""Which memory a launch may touch in the interpreter: worker side.

The interpreter dereferences what it is given. Here each access is compared with the storages of the launch's own
arguments, and of the call's inputs and the model's state (for kernels that follow pointers kept in a tensor).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from triton.runtime import interpreter as triton_interpreter
from triton.tools.tensor_descriptor import TensorDescriptor


class OutOfBoundsError(Exception):
    """A kernel touched memory that no argument of its launch owns."""


class _Memory:
    """The byte ranges that may be touched now: sorted starts and ends, and whose they are."""

    def __init__(self) -> None:
        self.lasting: dict[int, tuple[int, str]] = {}
        self.starts = np.zeros(0, dtype=np.uint64)
        self.ends = np.zeros(0, dtype=np.uint64)
        self.names: list[str] = []

    def use(self, ranges: dict[int, tuple[int, str]]) -> None:
        merged = sorted({**self.lasting, **ranges}.items())
        self.starts = np.array([start for start, _ in merged], dtype=np.uint64)
        self.ends = np.array([end for _, (end, _) in merged], dtype=np.uint64)
        self.names = [name for _, (_, name) in merged]


_memory = _Memory()


def _range_of(tensor: torch.Tensor, name: str) -> dict[int, tuple[int, str]]:
    storage = tensor.untyped_storage()
    start = storage.data_ptr()
    return {start: (start + storage.nbytes(), name)} if storage.nbytes() else {}


@contextlib.contextmanager
def lasting(tensors: Iterable[tuple[str, torch.Tensor]]) -> Iterator[None]:
    """Allow every launch inside the context to touch ``tensors`` too."""
    _memory.lasting = {}
    for name, tensor in tensors:
        _memory.lasting.update(_range_of(tensor, name))
    try:
        yield
    finally:
        _memory.lasting = {}


def check(pointers: Any, mask: np.ndarray[Any, Any], item_bytes: int, what: str) -> None:
    """Raise OutOfBoundsError if an unmasked pointer leaves the launch's storages."""
    pointers, mask = np.broadcast_arrays(np.asarray(pointers), mask)
    touched = pointers[mask]
    if touched.size == 0:
        return
    if _memory.starts.size == 0:
        raise OutOfBoundsError(f"{what} of an address, but the launch has no tensor argument")
    owner = np.searchsorted(_memory.starts, touched, side="right").astype(np.int64) - 1
    ends = _memory.ends[np.maximum(owner, 0)]
    bad = (owner < 0) | (touched + np.uint64(item_bytes) > ends)
    if not bad.any():
        return
    address, index = int(touched[bad][0]), int(owner[bad][0])
    if index < 0:
        distance, place = int(_memory.starts[0]) - address, f"before the start of {_memory.names[0]}"
    else:
        distance, place = address - int(_memory.ends[index]), f"past the end of {_memory.names[index]}"
    raise OutOfBoundsError(f"out-of-bounds {what}: {int(bad.sum())} elements, the first {distance} bytes {place}")


@contextlib.contextmanager
def watch_launches() -> Iterator[None]:
    """Take each launch's tensor arguments as the memory that it may touch."""
    executor = triton_interpreter.GridExecutor
    original = executor._init_args_hst

    def init_args(self: Any, args_dev: Any, kwargs: Any) -> Any:
        args_hst, kwargs_hst = original(self, args_dev, kwargs)
        ranges: dict[int, tuple[int, str]] = {}
        pairs = [*zip(self.arg_names, args_hst, strict=False), *kwargs_hst.items()]
        for name, value in pairs:
            _collect(name, value, ranges)
        _memory.use(ranges)
        return args_hst, kwargs_hst

    executor._init_args_hst = init_args
    try:
        yield
    finally:
        executor._init_args_hst = original


def _collect(name: str, value: Any, ranges: dict[int, tuple[int, str]]) -> None:
    if isinstance(value, tuple | list):
        for item in value:
            _collect(name, item, ranges)
    elif isinstance(value, TensorDescriptor):
        _collect(name, value.base, ranges)
    elif hasattr(value, "data_ptr"):
        tensor = getattr(value, "base", value) if not isinstance(value, torch.Tensor) else value
        ranges.update(_range_of(tensor, name))
