"""Tensor descriptors that a wrapper makes and a launch passes: which there are, and what comes with them."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.families.ttir.arguments import parts
from tilewright.records.launch import Launch, TensorArgument


def described(launch: Launch) -> dict[str, int]:
    """Parameters that take a descriptor made on the host, with the number of its axes."""
    return {one.parameter: len(one.block_shape) for one in _descriptors(launch)}


def part_values(launch: Launch) -> dict[str, int]:
    """What the launch passes with its descriptors, by the names of ``ttir.arguments.parts``: lengths and strides."""
    found: dict[str, int] = {}
    for one in _descriptors(launch):
        names = parts(one.parameter, len(one.block_shape))
        found |= dict(zip(names.shape, one.shape, strict=True))
        found |= dict(zip(names.strides, one.strides, strict=False))
    return found


def unfollowed(launch: Launch) -> str:
    """What a descriptor does that a masked load does not, completing "the kernel …"; empty where none does."""
    for one in _descriptors(launch):
        if one.padding != "zero":
            return f"reads NaN beyond the ends of {one.parameter}"
        if one.rounds_to_tf32:
            return f"reads {one.parameter} through a descriptor that rounds to TF32"
    return ""


def _descriptors(launch: Launch) -> Iterator[TensorArgument]:
    return (one for one in launch.arguments if isinstance(one, TensorArgument) and one.block_shape)
