"""Tensors of a case: from and to the arrays that cross to the parent. Worker side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from tilewright.prove import generate

DTYPES = {
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f64": torch.float64,
    "i8": torch.int8,
    "u8": torch.uint8,
    "i16": torch.int16,
    "i32": torch.int32,
    "i64": torch.int64,
    "bool": torch.bool,
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_LARGE_BYTES, _PIECE_BYTES, _PIECE = 1 << 22, 1 << 24, 1 << 26
_SAMPLED_FROM, _SAMPLE = 1 << 25, 1 << 21
"""Elements from which a generated call's output comes back as a sample, and how many of them do."""


def flatten(name: str, value: Any, leaves: dict[str, Any]) -> None:
    """Put everything in a model's answer into ``leaves``, by its place: ``output``, ``output[0]`` …"""
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            flatten(f"{name}[{index}]", item, leaves)
    elif isinstance(value, dict):
        for key, item in value.items():
            flatten(f"{name}[{key!r}]", item, leaves)
    else:
        leaves[name] = value


def save_all(folder: Path, kind: str, values: dict[str, Any], sample_seed: int | None) -> list[dict[str, Any]]:
    """Write tensors as arrays; of very large ones of generated calls, elements at places that the seed chooses."""
    saved: list[dict[str, Any]] = []
    for index, (name, value) in enumerate(values.items()):
        if not isinstance(value, torch.Tensor):
            saved.append({"name": name, "value": repr(value)[:200]})
            continue
        plain = value.detach()
        dtype = _NAMES.get(plain.dtype, str(plain.dtype))
        file = f"{kind}_{index}.npy"
        told = {"name": name, "dtype": dtype, "file": file, "contiguous": bool(plain.is_contiguous())}
        told |= {"shape": list(plain.shape), "device": plain.device.type}
        if sample_seed is not None and plain.numel() >= _SAMPLED_FROM:
            plain = plain.reshape(-1)[generate.places(plain.numel(), _SAMPLE, sample_seed, plain.device)]
        _save(folder / file, plain.view(torch.int16) if dtype == "bf16" else plain)
        saved.append(told)
    return saved


def _save(path: Path, plain: torch.Tensor) -> None:
    """Write a tensor as ``.npy``; a large one piece by piece, through one buffer on the host."""
    if plain.numel() * plain.element_size() < _LARGE_BYTES:
        np.save(path, plain.contiguous().cpu().numpy(), allow_pickle=False)
        return
    flat = plain.contiguous().reshape(-1)
    piece = _PIECE_BYTES // flat.element_size()
    buffer = torch.empty(piece, dtype=flat.dtype)
    described = {"descr": np.lib.format.dtype_to_descr(buffer.numpy().dtype), "fortran_order": False}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, described | {"shape": tuple(plain.shape)})
        for start in range(0, flat.numel(), piece):
            part = flat[start : start + piece]
            buffer[: part.numel()].copy_(part)
            buffer[: part.numel()].numpy().tofile(file)


def load(path: Path) -> torch.Tensor:
    """The tensor that the parent wrote to ``path``; a large one lies in the file until somebody writes to it."""
    large = path.stat().st_size >= _LARGE_BYTES
    values = np.load(path, mmap_mode="c" if large else None, allow_pickle=False)
    return torch.from_numpy(np.asarray(values, order="C"))


def count_differing(one: torch.Tensor, other: torch.Tensor) -> int:
    """How many elements are not equal; NaN equals itself.

    Piece by piece: PyTorch adds up truth values as integers of eight bytes, of which a large tensor has too many.
    """
    count = 0
    for some, others in zip(one.reshape(-1).split(_PIECE), other.reshape(-1).split(_PIECE), strict=True):
        differs = some != others
        if some.is_floating_point():
            differs &= ~(some.isnan() & others.isnan())
        count += int(differs.sum())
    return count


def named(inputs: list[Any]) -> list[tuple[str, torch.Tensor]]:
    """The tensors among forward's arguments, with their names."""
    return [(f"input {i}", value) for i, value in enumerate(inputs) if isinstance(value, torch.Tensor)]


def copies(inputs: list[Any]) -> list[Any]:
    """Forward's arguments with tensors of their own."""
    return [value.clone() if isinstance(value, torch.Tensor) else value for value in inputs]


def refilled(before: list[Any], inputs: list[Any]) -> list[Any]:
    """The last call's arguments with the values of ``inputs`` in them; those of a first call as they are."""
    return [_refill(old, new) for old, new in zip(before or inputs, inputs, strict=True)]


def _refill(old: Any, new: Any) -> Any:
    """The old tensor object with the new values: same id, address and version, as a serving loop reuses buffers."""
    if not isinstance(old, torch.Tensor) or not isinstance(new, torch.Tensor) or old.shape != new.shape:
        return new
    once = tuple(slice(0, 1) if stride == 0 else slice(None) for stride in old.stride())
    old.data[once].copy_(new[once])
    return old
