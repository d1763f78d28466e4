"""Concrete inputs that a file is run on."""

from __future__ import annotations

from dataclasses import dataclass

from tilewright.records.source import TensorSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One call: ``ModelNew(*init_arguments).forward(*tensors_and_scalars)``.

    ``inputs`` follow forward's order. A Python number among forward's arguments is a TensorSpec of dtype ``python``
    with its value in ``name`` after ``=``, which keeps one list in one order.
    """

    inputs: tuple[TensorSpec, ...]
    init_arguments: tuple[int | float | bool | str | tuple[int, ...] | None, ...] = ()
    label: str = ""
    """What this problem is there for: ``even``, ``ragged``, ``size 1``, ``non-contiguous`` …"""
