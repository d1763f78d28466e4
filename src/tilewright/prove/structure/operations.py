"""Which computations PyTorch does while a model runs: worker side.

A dispatch mode sees every operator, also those inside composite ones; a function mode sees data leave for the host,
which is no operator. Allocations, views, casts and copies are not computations and are not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

_CREATE = frozenset(
    {"empty", "empty_like", "empty_strided", "empty_permuted", "new_empty", "new_empty_strided", "zeros", "zeros_like"}
    | {"new_zeros", "ones", "ones_like", "new_ones", "full", "full_like", "new_full"}
)
_COPIES = frozenset({"_to_copy", "clone", "contiguous", "copy_", "copy", "to"})
_FREE = (
    _CREATE
    | _COPIES
    | {"arange", "linspace", "eye", "scalar_tensor", "tensor", "rand", "rand_like", "randn", "randn_like", "randint"}
    | {"randint_like", "randperm", "bernoulli", "bernoulli_", "normal_", "uniform_", "random_", "exponential_"}
    | {"fill_", "fill", "zero_", "detach", "detach_", "alias", "lift_fresh", "lift_fresh_copy", "lift", "set_"}
    | {"resize_", "_pin_memory", "pin_memory", "is_pinned", "record_stream", "as_strided"}
    | {"_unsafe_view", "_reshape_alias", "_reshape_copy", "sym_size", "sym_numel", "sym_stride", "sym_storage_offset"}
    | {"_has_compatible_shallow_copy_type", "is_same_size", "resolve_conj", "resolve_neg", "_version"}
)
_HOST = {
    torch.Tensor.numpy: "host::numpy",
    torch.Tensor.__array__: "host::numpy",
    torch.Tensor.tolist: "host::tolist",
    torch.Tensor.__dlpack__: "host::dlpack",
}


class OperationLog:
    """The computations of one call, summed by operator."""

    def __init__(self) -> None:
        self.created: set[int] = set()
        self.workspaces: set[int] = set()
        self.inside_launch: Callable[[], bool] = bool
        self._entries: dict[tuple[str, bool], list[int]] = {}

    def launched(self, values: Iterable[Any]) -> None:
        """Note that a kernel was given ``values``: what this call allocated is from now on a kernel's result."""
        for value in values:
            if isinstance(value, torch.Tensor):
                address = _address(value)
                if address in self.created:
                    self.workspaces.add(address)

    def add(self, name: str, elements: int, *, workspace: bool, factor: int) -> None:
        """Count one operation on ``elements`` elements that made ``factor`` of them into one."""
        entry = self._entries.setdefault((name, workspace), [0, 0, 0, 0])
        entry[0] = max(entry[0], elements)
        entry[1] += elements
        entry[2] += 1
        entry[3] = max(entry[3], factor)

    def told(self) -> list[dict[str, Any]]:
        """Return the operators, each with its largest operand, the sum over all its operands, and how often.

        ``workspace`` says that the largest operand was allocated by the call and filled by a kernel; ``factor`` is how
        many elements of it became one.
        """
        names = ("elements", "total", "count", "factor")
        return [
            {"op": name, "workspace": workspace, **dict(zip(names, entry, strict=True))}
            for (name, workspace), entry in sorted(self._entries.items())
        ]


class DispatchMode(TorchDispatchMode):  # type: ignore[misc]
    """Writes every operator that computes into the log."""

    def __init__(self, log: OperationLog) -> None:
        super().__init__()
        self.log = log
        self.known: dict[Any, tuple[str, str]] = {}

    def run(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator and note it."""
        result = func(*args, **(kwargs or {}))
        kind, name = self.known.get(func) or self.known.setdefault(func, _kind(func))
        if kind == "free":
            return result
        if kind == "create":
            if isinstance(result, torch.Tensor):
                self.log.created.add(_address(result))
            return result
        largest = max(_tensors((*args, *(kwargs or {}).values())), key=torch.Tensor.numel, default=None)
        workspace = largest is not None and _address(largest) in self.log.workspaces
        if kind == "copy":
            if workspace and isinstance(result, torch.Tensor):
                self.log.workspaces.add(_address(result))
            return result
        # the interpreter's own arithmetic asks for an error function while a kernel runs
        if not (self.log.inside_launch() and name == "aten::erf"):
            elements = largest.numel() if largest is not None else 0
            made = max((item.numel() for item in _tensors((result,))), default=1)
            self.log.add(name, elements, workspace=workspace, factor=-(-elements // max(made, 1)))
        return result


# Set here and not in the class, where PyTorch would wrap it in a call that imports its compiler: seconds, and patches.
DispatchMode.__torch_dispatch__ = DispatchMode.run


class FunctionMode(TorchFunctionMode):  # type: ignore[misc]
    """Notes tensors that leave for the host, where other code could compute on them."""

    def __init__(self, log: OperationLog) -> None:
        super().__init__()
        self.log = log

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the function and note it."""
        name = _HOST.get(func)
        if name is not None and not self.log.inside_launch():
            self.log.add(name, args[0].numel(), workspace=_address(args[0]) in self.log.workspaces, factor=1)
        return func(*args, **(kwargs or {}))


def _kind(func: Any) -> tuple[str, str]:
    full = func._schema.name
    space, _, base = full.partition("::")
    if space not in ("aten", "prim", "prims"):
        return "compute", full
    if base in _CREATE:
        return "create", full
    if base in _COPIES:
        return "copy", full
    if base in _FREE or func.is_view:
        return "free", full
    return "compute", full


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _address(tensor: torch.Tensor) -> int:
    try:
        return int(tensor.untyped_storage().data_ptr())
    except (RuntimeError, NotImplementedError):
        return 0
