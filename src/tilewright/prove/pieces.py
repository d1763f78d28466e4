"""The oracle in float64, in pieces where it would not fit the device: worker side.

Widened to float64 a problem of a large card takes two to four times its memory. Where slicing some axes of the inputs
slices the outputs, the reference runs on one slice after the other: each is widened alone, and its answer goes to host
memory, or to a file. Which axes those are is found by experiment on small inputs, not by reading code.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tilewright.prove.splitting import SEED, Split, find_split, find_splits, leaves, piece_of, widened

__all__ = ["Split", "find_split", "find_splits", "leaves", "pieces_needed", "run_halving", "run_in_pieces"]

Array = npt.NDArray[Any]
MEMMAP_BYTES = 1 << 28
"""Outputs from this size on go to a file, where there is a folder for them."""


def pieces_needed(
    bytes_free: int, *, split_elements: int, whole_elements: int, size: int, temporaries: float = 2.0
) -> int | None:
    """How many pieces let one of them fit ``bytes_free``; ``None`` if not even slices of length 1 do.

    Args:
        bytes_free: of the device, after the model's own parameters.
        split_elements: of all inputs and outputs that are sliced.
        whole_elements: of all that every piece holds in full.
        size: length of the sliced axes.
        temporaries: memory for intermediate results, as a multiple of a piece's own inputs and outputs.
    """
    each = 8.0 * (1.0 + temporaries)
    room = bytes_free / each - whole_elements
    if room <= 0 or size < 1:
        return None
    longest = min(size, int(room * size / split_elements)) if split_elements else size
    return math.ceil(size / longest) if longest >= 1 else None


def run_in_pieces(
    model: Callable[..., Any],
    inputs: Sequence[Any],
    split: Split | None,
    pieces: int,
    *,
    device: str | torch.device = "cpu",
    folder: Path | None = None,
) -> dict[str, Array]:
    """Run ``model`` on one slice after the other, in float64.

    Args:
        model: on ``device``, in float64.
        inputs: on any device, in their own dtypes; a slice is moved first and widened then.
        split: as found; ``None`` runs the whole at once.
        pieces: how many, at the most.
        device: where to compute.
        folder: for outputs of :data:`MEMMAP_BYTES` and more, as ``<name>.npy``; without it all stay in memory.

    Returns:
        Each output by name, floats as float64, on the host. What is no tensor becomes an array of no axes.

    Raises:
        ValueError: the split does not suit these inputs, or the pieces' answers do not suit each other.
    """
    if split is None:
        pieces, size = 1, 1
    else:
        size = split.size(inputs)
    outputs: dict[str, Array] = {}
    filled: dict[str, int] = {}
    with torch.no_grad():
        for start, stop in _bounds(size, pieces):
            given = [
                piece_of(value, None if split is None else split.inputs[i], start, stop, size, device)
                for i, value in enumerate(inputs)
            ]
            torch.manual_seed(SEED)
            answer = leaves(model(*given))
            del given
            if split is not None and answer.keys() != split.outputs.keys():
                raise ValueError(f"a piece returns {', '.join(answer)} instead of {', '.join(split.outputs)}")
            for name, value in answer.items():
                axis = None if split is None else split.outputs[name]
                part = _host(value)
                if name not in outputs:
                    outputs[name] = _room(name, part, axis, stop - start, size, folder)
                _put(name, outputs[name], part, axis, filled)
    for name, end in filled.items():
        axis = split.outputs[name] if split is not None else None
        if axis is not None and end != outputs[name].shape[axis]:
            raise ValueError(f"the pieces of {name} fill {end} of {outputs[name].shape[axis]} along axis {axis}")
    return outputs


def run_halving(
    model: Callable[..., Any],
    inputs: Sequence[Any],
    split: Split | None,
    *,
    pieces: int = 1,
    device: str | torch.device = "cuda",
    folder: Path | None = None,
) -> tuple[dict[str, Array], str]:
    """:func:`run_in_pieces`, in twice as many where the device's memory is exhausted, on the CPU at the very last.

    Args:
        model: a ``torch.nn.Module`` is moved where it is needed, and left there.
        inputs: see :func:`run_in_pieces`.
        split: see :func:`run_in_pieces`.
        pieces: to begin with, as :func:`pieces_needed` says.
        device: to compute on as long as its memory suffices.
        folder: see :func:`run_in_pieces`.

    Returns:
        The outputs, and how they were computed, in words.

    Raises:
        ValueError: see :func:`run_in_pieces`.
        MemoryError: the host's memory does not suffice either (torch says so with a RuntimeError).
    """
    most = 1 if split is None else split.size(inputs)
    count = max(1, min(pieces, most))
    while True:
        try:
            outputs = run_in_pieces(_moved(model, device), inputs, split, count, device=device, folder=folder)
            return outputs, _how(split, count, device)
        except torch.cuda.OutOfMemoryError:
            # outside this block the exception's frames would still hold the tensors
            pass
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if count >= most:
            break
        count = min(2 * count, most)
    outputs = run_in_pieces(_moved(model, "cpu"), inputs, split, count, device="cpu", folder=folder)
    return outputs, _how(split, count, "cpu")


def _bounds(size: int, pieces: int) -> list[tuple[int, int]]:
    count = max(1, min(pieces, size))
    edges = [size * i // count for i in range(count + 1)]
    return list(itertools.pairwise(edges))


def _host(value: Any) -> Array:
    if isinstance(value, torch.Tensor):
        return np.asarray(widened(value.detach()).cpu().numpy())
    return np.asarray(value)


def _room(name: str, part: Array, axis: int | None, length: int, size: int, folder: Path | None) -> Array:
    """Memory for the whole output, of which ``part`` is what a slice of ``length`` of ``size`` gives."""
    shape = list(part.shape)
    if axis is not None:
        shape[axis] = shape[axis] * size // length
    if folder is None or math.prod(shape) * part.itemsize < MEMMAP_BYTES:
        return np.empty(shape, dtype=part.dtype)
    file = folder / f"{''.join(c if c.isalnum() else '_' for c in name)}.npy"
    opened: Array = np.lib.format.open_memmap(file, mode="w+", dtype=part.dtype, shape=tuple(shape))
    return opened


def _put(name: str, whole: Array, part: Array, axis: int | None, filled: dict[str, int]) -> None:
    if axis is None:
        whole[...] = part
        return
    start = filled.get(name, 0)
    stop = start + part.shape[axis]
    expected = [*whole.shape[:axis], part.shape[axis], *whole.shape[axis + 1 :]]
    if stop > whole.shape[axis] or list(part.shape) != expected:
        raise ValueError(f"a piece of {name} has shape {part.shape}, which does not fit {whole.shape} along {axis}")
    where = (slice(None),) * axis + (slice(start, stop),)
    whole[where] = part
    filled[name] = stop


def _moved(model: Callable[..., Any], device: str | torch.device) -> Callable[..., Any]:
    return model.to(device) if isinstance(model, torch.nn.Module) else model


def _how(split: Split | None, count: int, device: str | torch.device) -> str:
    where = f"in float64 on {torch.device(device).type}"
    return where if split is None or count == 1 else f"{where} in {count} pieces along {split.words()}"
