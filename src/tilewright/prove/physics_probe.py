"""Which bytes a call must read and write, found by experiment: worker side.

What is counted here a candidate must move, so everything is counted low. An input counts by the part of its elements
that provably decides the answer: elements are drawn at random and changed one at a time, and where each of them
changes the output, a binomial bound says how large that part is at least. The experiment is a statement about the
sizes it is made at: make it at the sizes that are timed, since ``x[:, -1]`` reads a 17th of a small input and a
4096th of a large one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

PROBES = 48
"""Elements that are changed of each input."""
CHANCE = 1e-6
"""Of counting more of an input than matters."""
_SEED = 0x7068


def needed_inputs(
    call: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    also: Mapping[str, torch.Tensor] | None = None,
    probes: int = PROBES,
    seed: int = 0,
) -> dict[str, float]:
    """The part of each input that the answer depends on, as a lower bound.

    Elements are changed in place and put back. An element matters if NaN, or a large number of either sign (integers:
    other numbers that occur in their tensor), changes a bit of the output; one that does not ends the search, and the
    input counts as nothing.

    Args:
        call: the reference; it is called as ``call(*inputs)``, several times.
        inputs: its arguments; what is no tensor is passed on.
        also: other tensors that the call reads (parameters, buffers), by name.
        probes: elements to change of each tensor.
        seed: of the choice of elements.

    Returns:
        ``input 0`` … and the names of ``also`` to a part between 0 and 1. All 0 where the call changes its inputs or
        answers differently to the same ones (nothing can be learned from it).
    """
    tensors = {f"input {i}": value for i, value in enumerate(inputs) if isinstance(value, torch.Tensor)}
    tensors |= dict(also or {})
    nothing = dict.fromkeys(tensors, 0.0)
    with torch.no_grad():
        before = [value.clone() for value in tensors.values()]
        base = _answer(call, inputs)
        steady = _same(base, _answer(call, inputs))
        kept = _same(before, list(tensors.values()))
        for old, value in zip(before, tensors.values(), strict=True):
            if not kept:
                value.copy_(old)
        del before
        if not (steady and kept and base):
            return nothing
        rng = random.Random(seed)
        return {name: _part(call, inputs, value, base, probes, rng) for name, value in tensors.items()}


def written_bytes(outputs: Any, held: Sequence[Any]) -> int:
    """Bytes of memory that the call must have written to return ``outputs``.

    Args:
        outputs: what the call returned; tensors in lists, tuples and dicts are found.
        held: tensors that existed before the call (inputs, parameters, buffers): an output that lies in the memory of
            one need not have been written.
    """
    old = {value.untyped_storage().data_ptr() for value in _tensors(held)}
    most: dict[int, int] = {}
    for value in _tensors(outputs):
        place = value.untyped_storage().data_ptr()
        if place not in old:
            most[place] = max(most.get(place, 0), _distinct_bytes(value))
    return sum(most.values())


def _part(
    call: Callable[..., Any],
    inputs: Sequence[Any],
    value: torch.Tensor,
    base: list[torch.Tensor],
    probes: int,
    rng: random.Random,
) -> float:
    """Lower bound of the part of ``value`` that matters."""
    if value.numel() == 0 or probes < 1:
        return 0.0
    for _ in range(probes):
        place = tuple(rng.randrange(size) for size in value.shape)
        if not _matters(call, inputs, value, place, base, rng):
            return 0.0
    # were the part smaller than this, all draws would hit it with less than CHANCE
    return float(CHANCE ** (1.0 / probes))


def _matters(
    call: Callable[..., Any],
    inputs: Sequence[Any],
    value: torch.Tensor,
    place: tuple[int, ...],
    base: list[torch.Tensor],
    rng: random.Random,
) -> bool:
    old = value[place].clone()
    try:
        for other in _others(value, old, rng):
            value[place] = other
            if not _same(base, _answer(call, inputs)):
                return True
        return False
    finally:
        value[place] = old


def _others(value: torch.Tensor, old: torch.Tensor, rng: random.Random) -> list[Any]:
    """Values to put in the place of ``old``."""
    if value.dtype is torch.bool:
        return [not bool(old)]
    if value.is_complex():
        return [complex(float("nan"), 0.0), old + 1e4]
    if value.is_floating_point():
        return [float("nan"), 1e4, -1e4]
    # integers may be indices: only numbers of their own range are safe
    flat = value.reshape(-1)
    found = {int(flat[rng.randrange(flat.numel())]) for _ in range(16)} - {int(old)}
    return sorted(found)[:4]


def _answer(call: Callable[..., Any], inputs: Sequence[Any]) -> list[torch.Tensor]:
    torch.manual_seed(_SEED)
    return [value.detach().clone() for value in _tensors(call(*inputs))]


def _same(left: Sequence[torch.Tensor], right: Sequence[torch.Tensor]) -> bool:
    """Whether two lists of tensors hold the same values, NaN being equal to NaN."""
    if len(left) != len(right):
        return False
    for one, other in zip(left, right, strict=True):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        differ = one != other
        if one.is_floating_point() or one.is_complex():
            differ &= ~(torch.isnan(one) & torch.isnan(other))
        if bool(differ.any()):
            return False
    return True


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [leaf for item in value for leaf in _tensors(item)] if isinstance(value, list | tuple) else []


def _distinct_bytes(value: torch.Tensor) -> int:
    """Bytes of the elements of a tensor, an axis that repeats the same memory (stride 0) once; low for odd overlaps."""
    count = 1
    extent = 1
    for size, stride in zip(value.shape, value.stride(), strict=True):
        if size == 0:
            return 0
        count *= size if stride else 1
        extent += (size - 1) * abs(stride)
    return min(count, extent) * int(value.element_size())
