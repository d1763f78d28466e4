"""Epilogues that reduce a tile along m or n: a row's sum, softmax or norm, where one program holds the row."""

from __future__ import annotations

from tilewright.families.contraction.emit_expression import inner_expressions
from tilewright.records.algorithm import Contraction, Expression, Output, Reduce

SMALLEST_DOT_SIDE = 16
"""``tl.dot`` takes no shorter side."""


def reduced_axes(value: Expression) -> frozenset[str]:
    """The axes along which an expression reduces anything."""
    inner = frozenset().union(*map(reduced_axes, inner_expressions(value)))
    return inner | {value.axis} if isinstance(value, Reduce) else inner


def held_whole(algorithm: Contraction) -> frozenset[str]:
    """The axes that a tile has to hold from end to end."""
    return frozenset().union(*(reduced_axes(output.value) for output in algorithm.outputs))


def least_block(extent: int) -> int:
    """The block that holds an axis of that length."""
    return max(SMALLEST_DOT_SIDE, 1 << (extent - 1).bit_length())


def stored_places(output: Output) -> list[str]:
    """Those of m and n that an output has; one that it is reduced along may be missing."""
    return [axis for axis in "mn" if output.operand.strides.get(axis, "0") != "0"]
