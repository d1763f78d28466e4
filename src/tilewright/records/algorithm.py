"""What a kernel computes, free of tiles and launches.

Index expressions are Python integer expressions over the kernel's own run-time parameters, as text
("M", "stride_am", "K * 2"): an emitter pastes them, and any room can evaluate them with a launch's values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

IndexExpression = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """``low + gap <= high`` for the indices along two of the axes m, n and k: one side of a diagonal."""

    low: str
    high: str
    gap: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """A tensor read or written through an affine index map over named axes (``m``, ``n``, ``k``, ``b0`` …)."""

    parameter: str
    dtype: str
    strides: Mapping[str, IndexExpression]
    """Axis to stride in elements; an axis that is absent has stride 0."""
    offset: IndexExpression = "0"
    casts: tuple[str, ...] = ()
    """Dtypes the loaded value goes through before it is used, in order."""
    orders: tuple[Order, ...] = ()
    """Elements that break one of these count as 0 and are not read: a triangle of the tensor is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accumulated:
    """The finished sum over k."""

    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """An element read in the epilogue (bias, residual, scale per row, …)."""

    operand: Operand


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A scalar run-time parameter of the kernel."""

    name: str
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A literal."""

    value: float | int | bool
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """A pointwise operation; ``operation`` names one of OPERATIONS."""

    operation: str
    arguments: tuple[Expression, ...]
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce:
    """The sum, the largest or the least of ``value`` over the whole of an axis: one value for all indices along it."""

    operation: str
    """``sum``, ``max`` or ``min``; the last two drop NaN."""
    axis: str
    """``m`` or ``n``."""
    value: Expression
    dtype: str


Expression = Accumulated | Loaded | Parameter | Constant | Apply | Reduce

OPERATIONS = (
    "add", "sub", "mul", "div", "rem", "neg", "abs", "max", "min", "max_nan", "min_nan", "fma",
    "exp", "exp2", "log", "log2", "sqrt", "rsqrt", "sin", "cos", "erf", "tanh", "floor", "ceil",
    "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "xor", "where", "cast",
)  # fmt: skip
"""Every pointwise operation an epilogue may hold; ``max``/``min`` drop NaN, the ``_nan`` forms propagate it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One stored tensor: where, and the expression stored there."""

    operand: Operand
    value: Expression
    atomic: bool = False
    orders: tuple[Order, ...] = ()
    """Only elements that keep all of these hold the value; the others are 0, or stay as they are."""
    zero_outside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contraction:
    """``out[b, m, n] = value(sum over k of a[b, m, k] * b[b, k, n], …)``."""

    kernel: str
    extents: Mapping[str, IndexExpression]
    """Length of every axis, ``m``, ``n``, ``k`` and the batch axes, in this order. Where no parameter says it, the
    names ``grid_0``, ``grid_1``, ``grid_2`` stand for the programs along each axis of the input's own launch."""
    batch_axes: tuple[str, ...]
    a: Operand
    b: Operand
    accumulator_dtype: str
    input_precision: str
    """As ``tl.dot`` takes it: ``tf32``, ``tf32x3`` or ``ieee``."""
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque:
    """A kernel that no family could lift: its source is kept, only its launch can change."""

    kernel: str
    reasons: tuple[str, ...]
    """Why each family declined, in plain words."""


Algorithm = Contraction | Opaque
