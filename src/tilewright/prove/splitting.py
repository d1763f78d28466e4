"""Find by experiment along which axes a call falls apart into calls of its own: worker side."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

TOLERANCE = 1e-12
"""Largest difference, relative to the output's largest element, between a whole float64 answer and its pieces: a sum
may be taken in another order."""
SEED = 0x7069
"""Of torch's generator before each call, so that equal calls draw equal numbers."""
_MOST_CANDIDATES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Axes along which a call falls apart into calls of its own."""

    inputs: tuple[int | None, ...]
    """Of each of forward's arguments, the axis to slice; ``None`` for those that every piece takes whole."""
    outputs: Mapping[str, int | None]
    """Of each output (``output``, ``output[1]`` …), the axis along which the pieces are laid side by side; ``None``
    for one that every piece gives whole."""

    def words(self) -> str:
        """As a proof may say it."""
        parts = [f"axis {axis} of input {i}" for i, axis in enumerate(self.inputs) if axis is not None]
        return " and ".join(parts)

    def size(self, inputs: Sequence[Any]) -> int:
        """Length of the sliced axes of ``inputs``.

        Raises:
            ValueError: they differ, so that this is no split of these inputs.
        """
        sizes = {value.shape[axis] for value, axis in zip(inputs, self.inputs, strict=True) if axis is not None}
        sizes.discard(1)
        if len(sizes) > 1:
            raise ValueError(f"{self.words()} have lengths {sorted(sizes)}, which cannot be sliced together")
        return int(sizes.pop()) if sizes else 1


def find_splits(model: Callable[..., Any], small_inputs: Sequence[Any]) -> tuple[Split, ...]:
    """Every split of ``model`` that holds on ``small_inputs``, wherever it is cut.

    Tried are, for each length, all axes of that length at once, at most one an input, and each alone. A split holds
    if, for several ways to cut, every output is the pieces' answers laid side by side, in float64.

    Args:
        model: the reference, in float64 already where it has parameters. It must answer the same twice and leave its
            parameters, buffers and inputs as they were; otherwise there is no split.
        small_inputs: tensors (floats are widened here) and numbers. Lengths that need not be equal should differ.
    """
    with torch.no_grad():
        given = [widened(value) for value in small_inputs]
        whole = _steady_answer(model, given)
        if not whole:
            return ()
        found = []
        for axes in itertools.islice(_candidates(given), _MOST_CANDIDATES):
            split = _tried(model, given, axes, whole)
            if split is not None:
                found.append(split)
        return tuple(found)


def find_split(
    model: Callable[..., Any], small_inputs: Sequence[Any], *, inputs: Sequence[Any] | None = None
) -> Split | None:
    """The split of :func:`find_splits` that leaves the least memory unsliced, or ``None`` where there is none.

    Args:
        model: see :func:`find_splits`.
        small_inputs: see :func:`find_splits`.
        inputs: those that are to be run in pieces; by default the small ones. Tensors on ``meta`` will do.
    """
    real = small_inputs if inputs is None else inputs

    def left(split: Split) -> tuple[int, int]:
        whole = sum(
            value.numel()
            for value, axis in zip(real, split.inputs, strict=True)
            if axis is None and isinstance(value, torch.Tensor)
        )
        return whole, -split.size(real)

    usable = [split for split in find_splits(model, small_inputs) if _fits(split, real)]
    return min(usable, key=left, default=None)


def leaves(value: Any, name: str = "output") -> dict[str, Any]:
    """Everything in a model's answer by its place: ``output``, ``output[0]``, ``output['y']`` …"""
    if isinstance(value, list | tuple):
        pairs: Sequence[tuple[Any, Any]] = list(enumerate(value))
    elif isinstance(value, dict):
        pairs = list(value.items())
    else:
        return {name: value}
    return {inner: leaf for key, item in pairs for inner, leaf in leaves(item, f"{name}[{key!r}]").items()}


def piece_of(
    value: Any, axis: int | None, start: int, stop: int, size: int, device: str | torch.device | None = None
) -> Any:
    """The part ``start:stop`` of ``value`` along ``axis``, which has ``size``, in float64 on ``device`` or its own."""
    if not isinstance(value, torch.Tensor):
        return value
    # an axis of length 1 is broadcast: every piece takes it
    sliced = value if axis is None or value.shape[axis] != size else value.narrow(axis, start, stop - start)
    return widened(sliced if device is None else sliced.to(device)).contiguous()


def widened(value: Any) -> Any:
    """``value``, in float64 if it is a tensor of floats."""
    if not isinstance(value, torch.Tensor):
        return value
    return value.to(torch.float64) if value.is_floating_point() else value


def _candidates(given: Sequence[Any]) -> Iterator[tuple[int | None, ...]]:
    """Axes to slice together: for each length, at most one axis an input; those that slice most inputs first."""
    lengths = sorted({size for value in given if isinstance(value, torch.Tensor) for size in value.shape if size > 2})
    for length in lengths:
        choices: list[list[int | None]] = []
        for value in given:
            axes = [a for a, s in enumerate(value.shape) if s == length] if isinstance(value, torch.Tensor) else []
            choices.append([*axes, None])
        found = [axes for axes in itertools.product(*choices) if any(axis is not None for axis in axes)]
        found.sort(key=lambda axes: sum(axis is None for axis in axes))
        yield from found[: _MOST_CANDIDATES // max(1, len(lengths))]


def _tried(
    model: Callable[..., Any], given: Sequence[Any], axes: tuple[int | None, ...], whole: Mapping[str, Any]
) -> Split | None:
    size = next(value.shape[axis] for value, axis in zip(given, axes, strict=True) if axis is not None)
    found: dict[str, int | None] | None = None
    for cuts in _cuts(size):
        parts = []
        for start, stop in itertools.pairwise((0, *cuts, size)):
            piece = [piece_of(value, axes[i], start, stop, size) for i, value in enumerate(given)]
            try:
                answer = _answer(model, piece)
            except Exception:  # the model may say in its own way that shapes do not go together
                return None
            parts.append(answer)
        joined = _joined(parts, whole)
        if joined is None or (found is not None and joined != found):
            return None
        found = joined
    if found is None or all(axis is None for axis in found.values()):
        return None
    return Split(inputs=axes, outputs=found)


def _cuts(size: int) -> list[tuple[int, ...]]:
    """Places to cut at: near both ends, in the middle, odd and even, and twice."""
    single = sorted({1, 2, size // 2, size - 1} - {0, size})
    return [*((at,) for at in single), *([(1, size - 1)] if size > 3 else [])]


def _joined(parts: Sequence[Mapping[str, Any]], whole: Mapping[str, Any]) -> dict[str, int | None] | None:
    """For each output the axis along which ``parts`` are ``whole``; ``None`` if one has none."""
    if any(part.keys() != whole.keys() for part in parts):
        return None
    axes: dict[str, int | None] = {}
    for name, value in whole.items():
        pieces = [part[name] for part in parts]
        if all(_equal(piece, value) for piece in pieces):
            axes[name] = None
            continue
        axis = _joining_axis(pieces, value)
        if axis is None:
            return None
        axes[name] = axis
    return axes


def _joining_axis(pieces: Sequence[Any], value: Any) -> int | None:
    if not all(isinstance(item, torch.Tensor) and item.dim() == value.dim() for item in (value, *pieces)):
        return None
    for axis in range(value.dim()):
        rest = [[size for a, size in enumerate(item.shape) if a != axis] for item in (value, *pieces)]
        same_rest = all(sizes == rest[0] for sizes in rest)
        fits = same_rest and sum(item.shape[axis] for item in pieces) == value.shape[axis]
        if fits and _equal(torch.cat(list(pieces), dim=axis), value):
            return axis
    return None


def _equal(left: Any, right: Any) -> bool:
    if not (isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor)):
        return type(left) is type(right) and bool(left == right)
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    if not (left.is_floating_point() or left.is_complex()):
        return bool(torch.equal(left, right))
    scale = float(right[torch.isfinite(right)].abs().max()) if bool(torch.isfinite(right).any()) else 0.0
    return bool(torch.allclose(left, right, rtol=0.0, atol=TOLERANCE * scale, equal_nan=True))


def _steady_answer(model: Callable[..., Any], given: Sequence[Any]) -> dict[str, Any]:
    """The answer, or nothing where calls leave traces or differ."""
    held = [value for value in given if isinstance(value, torch.Tensor)]
    if isinstance(model, torch.nn.Module):
        held.extend(model.state_dict(keep_vars=True).values())
    before = [value.clone() for value in held]
    first = _answer(model, given)
    kept = all(_equal(value, old) for value, old in zip(held, before, strict=True))
    second = _answer(model, given)
    steady = first.keys() == second.keys() and all(_equal(first[name], second[name]) for name in first)
    return first if kept and steady else {}


def _answer(model: Callable[..., Any], given: Sequence[Any]) -> dict[str, Any]:
    torch.manual_seed(SEED)
    found = leaves(model(*given))
    return {name: value.clone() if isinstance(value, torch.Tensor) else value for name, value in found.items()}


def _fits(split: Split, inputs: Sequence[Any]) -> bool:
    try:
        return split.size(inputs) > 1
    except ValueError:
        return False
