"""Whether what a model returns is an ordinary tensor with memory of its own: worker side."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import torch

_PLAIN = (torch.Tensor, torch.nn.Parameter)
_TORCH = os.path.dirname(os.path.realpath(torch.__file__)) + os.sep


def odd_tensors(outputs: Any) -> list[str]:
    """Name the leaves of ``outputs`` that are no plain tensors: a subclass, no memory, a lazy conjugate or negative.

    Args:
        outputs: what a model returned; lists, tuples and dictionaries are opened, anything else is a leaf.

    Returns:
        One line a leaf, such as ``output[1]: type Lazy``; empty where all are plain.
    """
    return [f"{name}: {fault}" for name, leaf in _leaves("output", outputs) if (fault := _fault(leaf))]


def subclasses() -> set[type]:
    """Return every class derived from ``torch.Tensor`` now."""
    found: set[type] = set()
    pending: list[type] = [torch.Tensor]
    while pending:
        children: list[type] = type.__subclasses__(pending.pop())
        for child in children:
            if child not in found:
                found.add(child)
                pending.append(child)
    return found


def foreign(classes: set[type]) -> list[str]:
    """Return the names of those classes that PyTorch's own modules do not hold."""
    return sorted(item.__qualname__ for item in classes if not _from_torch(item))


def _from_torch(item: type) -> bool:
    module = sys.modules.get(item.__module__)
    path = getattr(module, "__file__", None)
    if not isinstance(path, str) or not os.path.realpath(path).startswith(_TORCH):
        return False
    return item in vars(module).values() or "." in item.__qualname__


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if type(value) in (list, tuple) or (isinstance(value, tuple) and hasattr(value, "_fields")):
        for index, item in enumerate(value):
            yield from _leaves(f"{name}[{index}]", item)
    elif type(value) is dict:
        for key, item in value.items():
            yield from _leaves(f"{name}[{key!r}]", item)
    else:
        yield name, value


def _fault(leaf: Any) -> str:
    if not isinstance(leaf, torch.Tensor):
        plain = leaf is None or type(leaf) in (bool, int, float, complex, str)
        return "" if plain else f"type {type(leaf).__name__}"
    if type(leaf) not in _PLAIN:
        return f"type {type(leaf).__name__}"
    if leaf.is_meta or leaf.layout is not torch.strided:
        return "no memory of its own" if leaf.is_meta else f"layout {leaf.layout}"
    if leaf.numel() and leaf.untyped_storage().nbytes() == 0:
        return "no memory of its own"
    if leaf.is_conj() or leaf.is_neg():
        return "a lazy conjugate or negative, not yet computed"
    return ""
