"""A CUDA device that holds no memory and computes nothing.

Tensors live on PyTorch's meta device; a function mode makes them answer as tensors of ``cuda:0`` do. Every call of
the torch API passes through the mode, so that files that hard-code "cuda" run unchanged on any build of PyTorch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors

_META = torch.device("meta")
_ALIGNMENT_BYTES = 256
"""What PyTorch's CUDA allocator aligns each allocation to, at the least."""
_FIRST_ADDRESS = 0x7F00_0000_0000
_SHAPES = frozenset({"shape", "size", "stride"})


class NeedsValueError(RuntimeError):
    """The code asked for a number that only a run on the GPU would give."""


comparisons: list[tuple[int, int, bool]] = []
"""Comparisons of a :class:`Length`: its size, the other number, whether they were equal; oldest first."""


class Length(int):
    """A tensor's size that reports what it is compared with; made only while sizes are being inferred."""

    def __eq__(self, other: object) -> bool:
        equal = int(self) == other
        if isinstance(other, int) and not isinstance(other, bool):
            comparisons.append((int(self), int(other), equal))
        return equal

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = int.__hash__


class MemorylessCuda(TorchFunctionMode):  # type: ignore[misc, unused-ignore]
    """Maps "cuda" to tensors without memory for as long as it is active."""

    def __init__(self) -> None:
        super().__init__()
        self.all_factories = False
        """Whether tensors made with no device are memoryless too: while inputs and models are made."""
        self.observe_lengths = False
        """Whether sizes are handed out as :class:`Length`."""
        self.read: set[int] = set()
        """Storages whose shape, strides or element count was asked for."""
        self._storages: dict[int, tuple[int, Any]] = {}
        self._next_address = _FIRST_ADDRESS

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Answer for the device, or hand the call on to the meta device."""
        kwargs = dict(kwargs or {})
        first = args[0] if args else None
        name = _name(func)
        if isinstance(first, torch.Tensor) and first.is_meta:
            if name in _ANSWERS:
                return _ANSWERS[name]
            if name == "data_ptr":
                return self.address(first)
            if name in _NEED_VALUES or (name == "to" and _asks_for_cpu(args[1:], kwargs)):
                raise NeedsValueError(f"Tensor.{name}() needs values that only the GPU computes")
            if name in _SHAPES or name in ("numel", "nelement", "__len__"):
                self.read.add(storage_key(first))
        if name in ("cuda", "pin_memory", "record_stream") and isinstance(first, torch.Tensor):
            return first.to(_META) if name == "cuda" else first
        if func is torch.device:
            return func(*args, **kwargs)
        args = tuple(_mapped(arg, name) for arg in args)
        if "device" in kwargs:
            kwargs["device"] = _mapped(kwargs["device"], "to")
        if func in _device_constructors():
            if kwargs.get("device") is None and (self.all_factories or _default_is_cuda()):
                kwargs["device"] = _META
            if _is_meta(kwargs.get("device")):
                kwargs.pop("generator", None)
                kwargs.pop("pin_memory", None)
        result = func(*args, **kwargs)
        if self.observe_lengths and name in _SHAPES:
            return _observed(result)
        return result

    def address(self, tensor: torch.Tensor) -> int:
        """A made-up address: each storage has an aligned one of its own, and views stand at their offset."""
        with torch._C.DisableTorchFunction():
            storage = tensor.untyped_storage()
            if storage._cdata not in self._storages:
                # the storage is kept, so that no later one gets the same key
                self._storages[storage._cdata] = (self._next_address, storage)
                size = max(storage.nbytes(), 1)
                self._next_address += -(-size // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES
            return int(self._storages[storage._cdata][0] + tensor.storage_offset() * tensor.element_size())


def storage_key(tensor: torch.Tensor) -> int:
    """What two tensors share exactly when one is a view of the other."""
    with torch._C.DisableTorchFunction():
        return int(tensor.untyped_storage()._cdata)


@contextlib.contextmanager
def memoryless_cuda(facts: dict[str, Any]) -> Iterator[MemorylessCuda]:
    """Activate the mode, with ``torch.cuda`` answering for the target.

    Args:
        facts: the target's ``title``, ``compute_capability``, ``sm_count``, ``dram_bytes`` and so on, by the field
            names of ``records.Target``.
    """
    with contextlib.ExitStack() as stack:
        for name, value in _cuda_functions(facts).items():
            stack.enter_context(mock.patch.object(torch.cuda, name, value, create=True))
        mode = MemorylessCuda()
        stack.enter_context(mode)
        yield mode


def _name(func: Any) -> str:
    """``shape`` for the getter of ``Tensor.shape``, the function's own name for the others."""
    name = getattr(func, "__name__", "")
    if name == "__get__":
        return str(getattr(func.__self__, "__name__", ""))
    return str(name)


_ANSWERS = {
    "device": torch.device("cuda", 0),
    "is_cuda": True,
    "is_meta": False,
    "is_cpu": False,
    "get_device": 0,
}
_NEED_VALUES = frozenset(
    {"item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__", "__contains__", "equal"}
    | {"allclose", "nonzero", "masked_select", "unique", "argwhere"}
)


def _asks_for_cpu(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    wanted = kwargs.get("device", args[0] if args else None)
    return (isinstance(wanted, str) and wanted == "cpu") or (isinstance(wanted, torch.device) and wanted.type == "cpu")


def _is_meta(device: Any) -> bool:
    return device is not None and str(device).startswith("meta")


def _mapped(value: Any, function: str) -> Any:
    """``value`` with a CUDA device replaced by meta. A bare number is a device to ``Tensor.to`` alone."""
    if isinstance(value, torch.device):
        return _META if value.type == "cuda" else value
    if isinstance(value, str) and value.split(":")[0] == "cuda":
        return _META
    if function == "to" and type(value) is int:
        return _META
    return value


def _default_is_cuda() -> bool:
    return bool(torch.get_default_device().type == "cuda")


def _observed(result: Any) -> Any:
    if isinstance(result, tuple):
        lengths = tuple(Length(size) for size in result)
        return torch.Size(lengths) if isinstance(result, torch.Size) else lengths
    return Length(result) if type(result) is int else result


class _Nothing:
    """A stream, event or device context that accepts everything and does nothing."""

    cuda_stream = 0
    device = torch.device("cuda", 0)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *_: object) -> None: ...

    def synchronize(self, *_: Any) -> None: ...

    def wait_stream(self, *_: Any) -> None: ...

    def wait_event(self, *_: Any) -> None: ...

    def record(self, *_: Any) -> None: ...

    def wait(self, *_: Any) -> None: ...

    def query(self) -> bool:
        return True

    def elapsed_time(self, *_: Any) -> float:
        raise NeedsValueError("an event's elapsed_time() needs a GPU")


class _Properties:
    """What ``torch.cuda.get_device_properties`` returns for the target."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.name = facts["title"]
        self.major, self.minor = facts["compute_capability"]
        self.total_memory = facts["dram_bytes"]
        self.multi_processor_count = facts["sm_count"]
        self.warp_size = facts["warp_size"]
        self.L2_cache_size = facts["l2_bytes"]
        self.max_threads_per_multi_processor = facts["max_threads_per_sm"]
        self.max_threads_per_block = facts["max_threads_per_block"]
        self.regs_per_multiprocessor = facts["registers_per_sm"]
        self.shared_memory_per_multiprocessor = facts["shared_bytes_per_sm"]
        self.shared_memory_per_block_optin = facts["shared_bytes_per_block"]
        self.shared_memory_per_block = min(49152, facts["shared_bytes_per_block"])


def _cuda_functions(facts: dict[str, Any]) -> dict[str, Any]:
    """Stand-ins for the functions of ``torch.cuda``."""
    capability = tuple(facts["compute_capability"])

    def answer(value: Any) -> Any:
        return lambda *_, **__: value

    values = {
        "is_available": True,
        "is_initialized": True,
        "device_count": 1,
        "current_device": 0,
        "get_device_capability": capability,
        "get_device_name": facts["title"],
        "get_device_properties": _Properties(facts),
        "is_bf16_supported": capability >= (8, 0),
        "current_stream": _Nothing(),
        "default_stream": _Nothing(),
        "memory_allocated": 0,
        "max_memory_allocated": 0,
        "memory_reserved": 0,
        "mem_get_info": (facts["dram_bytes"], facts["dram_bytes"]),
    }
    silent = {"synchronize", "set_device", "empty_cache", "init", "_lazy_init", "manual_seed", "manual_seed_all"}
    silent |= {"reset_peak_memory_stats", "set_stream"}
    contexts = ("stream", "device", "device_of", "Stream", "Event", "ExternalStream")
    # an object of its own for each name: parts of PyTorch that are imported later keep tables by object
    return (
        {name: answer(value) for name, value in values.items()}
        | {name: answer(None) for name in sorted(silent)}
        | {name: type(name, (_Nothing,), {}) for name in contexts}
    )
