"""Values to run on: seeded, in the parent, so that untrusted code never chooses its own inputs."""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilewright.prove.halves import LARGEST, Array, round_to
from tilewright.records.source import TensorSpec

Value = Array | int | float | bool | None
"""A tensor's values, or a Python number."""

NORMAL, SECOND, UNIFORM, WIDE, CANCELLING, NON_FINITE = (
    "normal",
    "second call",
    "uniform",
    "wide range",
    "cancelling",
    "non-finite",
)
WHOLE, MIXED = "whole numbers", "mixed scales"
TINY, HUGE, DENORMAL, ZEROS, CONSTANT, SPARSE, SCALED, FULL_RANGE = (
    "tiny",
    "huge",
    "denormal",
    "signed zeros",
    "constant rows",
    "sparse",
    "scaled",
    "integers of full range",
)
EXTREME_ROWS, EXTREME_COLUMNS = "extreme rows", "extreme columns"
REFERENCE = "reference's own"
"""Values that the reference's ``get_inputs`` made: not drawn here."""

TELLING = (NORMAL, SECOND, UNIFORM, WIDE, CANCELLING, NON_FINITE, WHOLE, MIXED)
"""What needs a problem with blocks, ragged edges and sums of some length."""
EXTREME = (TINY, HUGE, DENORMAL, ZEROS, CONSTANT, SPARSE, SCALED)
"""What a small problem shows as well as a large one."""
FOLDED = (EXTREME_ROWS, EXTREME_COLUMNS)
"""All of :data:`EXTREME` in two calls, each in rows, or columns, of its own; the budget looks at them one by one."""
REPEATED = (ZEROS, CONSTANT, SPARSE, *FOLDED)
"""What holds one value many times, so that rounding errors of sums add up instead of averaging out."""
UNSAFE_ON_DEVICE = (FULL_RANGE,)
"""Integers that lead out of bounds where they are indices, which only the interpreter survives."""

PERTURBATION = 2.0**-16
"""Relative size of the change to inputs by which conditioning is measured."""

_INTEGERS: dict[str, type[np.signedinteger[Any] | np.unsignedinteger[Any]]] = {
    "i8": np.int8,
    "u8": np.uint8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
}
FLOATS = ("f16", "bf16", "f32", "f64")
_SUBNORMAL = {
    "f16": (2.0**-24, 1023),
    "bf16": (2.0**-133, 127),
    "f32": (2.0**-149, 1 << 22),
    "f64": (2.0**-1074, 1 << 50),
}
"""Spacing of subnormals, and how many of them to use."""
_TINY = {"f16": 2.0**-10, "bf16": 2.0**-100, "f32": 2.0**-100, "f64": 2.0**-900}
"""Near the smallest normal, far enough above it for sums to keep their precision where products are flushed."""
_BOUNDARIES = (63, 64, 127, 128)
"""Where blocks end and begin."""


def values_for(
    inputs: Sequence[TensorSpec], dtypes: Sequence[str], *, distribution: str, seed: int, salt: str
) -> list[Value]:
    """One array, or Python number, for each of forward's arguments.

    Args:
        inputs: shapes and kinds; along a dimension of stride 0 all values are equal.
        dtypes: the dtype each tensor is to have; floats are rounded to it and held in float32.
        distribution: one of this module's names.
        seed: of the whole proof.
        salt: what tells this call from others of the same proof.

    Raises:
        ValueError: an unknown distribution or dtype.
    """
    if distribution not in _DRAWS and distribution != FULL_RANGE:
        raise ValueError(f"no distribution {distribution!r}: there are {', '.join((*_DRAWS, FULL_RANGE))}")
    sizes = [size for spec in inputs for size in spec.shape if size > 1]
    result: list[Value] = []
    for index, (spec, dtype) in enumerate(zip(inputs, dtypes, strict=True)):
        rng = np.random.default_rng([seed, zlib.crc32(f"{salt}/{distribution}/{index}".encode())])
        if spec.dtype == "python":
            result.append(python_value(spec))
            continue
        if dtype == "bool":
            values = rng.integers(0, 2, spec.shape).astype(np.bool_)
        elif dtype in _INTEGERS and distribution == FULL_RANGE:
            kind = np.iinfo(_INTEGERS[dtype])
            values = np.asarray(rng.integers(kind.min, kind.max, spec.shape, dtype=_INTEGERS[dtype], endpoint=True))
        elif dtype in _INTEGERS:
            # indices are the usual meaning of integers: valid for the shortest dimension there is
            values = rng.integers(0, min(sizes, default=2), spec.shape).astype(_INTEGERS[dtype])
        elif dtype in FLOATS:
            draw = Draw(rng=rng, shape=spec.shape, dtype=dtype, first=index == 0, longest=max(sizes, default=1))
            values = round_to(_DRAWS.get(distribution, _normal)(draw), dtype)
        else:
            raise ValueError(f"no values for dtype {dtype!r}")
        result.append(expanded(values, spec))
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What one float tensor is drawn from."""

    rng: np.random.Generator
    shape: tuple[int, ...]
    dtype: str
    first: bool
    """Whether this is the first argument: most extremes are its alone, so that products stay in range."""
    longest: int
    """Length of the longest sum."""


def _normal(draw: Draw) -> Array:
    return np.asarray(draw.rng.standard_normal(draw.shape))


def _uniform(draw: Draw) -> Array:
    """One-sided: no sum of these cancels."""
    return np.asarray(draw.rng.random(draw.shape))


def _wide(draw: Draw) -> Array:
    # beyond the range of float16 wherever the dtype allows it, so that narrowing shows as Inf
    reach = 4.0 if draw.dtype == "f16" else 20.0
    signs = draw.rng.choice((-1.0, 1.0), draw.shape)
    return np.asarray(np.exp2(draw.rng.uniform(-reach, reach, draw.shape)) * signs)


def _cancelling(draw: Draw) -> Array:
    if not draw.first:
        return np.asarray(1.0 + 0.01 * draw.rng.standard_normal(draw.shape))
    parity = np.indices(draw.shape).sum(axis=0) % 2 if draw.shape else np.zeros(())
    return np.asarray((1.0 - 2.0 * parity) * 8.0 + draw.rng.standard_normal(draw.shape) * 0.1)


def _whole(draw: Draw) -> Array:
    """Exact in every float dtype and in TF32, as are their products: only what holds the sum rounds, if anything."""
    reach = 32 if draw.dtype == "f16" else 64
    return np.asarray(draw.rng.integers(-reach, reach, draw.shape, endpoint=True).astype(np.float64))


def _mixed(draw: Draw) -> Array:
    """Rows and columns of very different size, whichever of them a sum runs over."""
    reach = 2 if draw.dtype == "f16" else 8
    values = _normal(draw)
    for axis in {0, len(draw.shape) - 1} if draw.shape else ():
        along = [1] * len(draw.shape)
        along[axis] = draw.shape[axis]
        values = values * np.exp2(draw.rng.integers(-reach, reach, along, endpoint=True))
    return np.asarray(values)


def _tiny(draw: Draw) -> Array:
    return _normal(draw) * (_TINY[draw.dtype] if draw.first else 1.0)


def _huge(draw: Draw) -> Array:
    # a sum of `longest` products with normal values stays 32 standard deviations below the largest value
    return _normal(draw) * (LARGEST[draw.dtype] / (32.0 * math.sqrt(draw.longest)) if draw.first else 1.0)


def _denormal(draw: Draw) -> Array:
    if not draw.first:
        return _normal(draw)
    spacing, steps = _SUBNORMAL[draw.dtype]
    return np.asarray(draw.rng.integers(-steps, steps, draw.shape, endpoint=True) * spacing)


def _zeros(draw: Draw) -> Array:
    """One value in four +0, one in four -0."""
    signs = draw.rng.choice((-1.0, 1.0), draw.shape)
    return np.where(draw.rng.random(draw.shape) < 0.5, np.copysign(0.0, signs), _normal(draw))


def _constant(draw: Draw) -> Array:
    """Rows of one value each: variances of zero, ties of every maximum."""
    if not draw.first or not draw.shape:
        return _normal(draw)
    row = draw.rng.standard_normal((*draw.shape[:-1], 1))
    return np.asarray(np.broadcast_to(row, draw.shape)).copy()


def _sparse(draw: Draw) -> Array:
    """Nine values in ten are zero."""
    return np.where(draw.rng.random(draw.shape) < 0.9, 0.0, _normal(draw)) if draw.first else _normal(draw)


def _scaled(draw: Draw) -> Array:
    """Large enough that an absolute tolerance admits nothing, and an exponential without care overflows."""
    return _normal(draw) * (2.0**4 if draw.dtype == "f16" else 2.0**10)


def _non_finite(draw: Draw) -> Array:
    """NaN, Inf and -Inf in turn in the first argument: at corners, row ends, block boundaries, and somewhere."""
    values = _normal(draw)
    if not draw.first or not values.size:
        return values
    columns = draw.shape[-1] if draw.shape else 1
    rows = values.size // columns
    marks = [(0, 0), (rows - 1, columns - 1)]
    # no more rows or columns than leave the others clean
    across, along = (_drawn_edges(draw.rng, size) for size in (rows, columns))
    marks += [(row, int(draw.rng.integers(columns))) for row in across]
    marks += [(int(draw.rng.integers(rows)), column) for column in along]
    most = max(1, min(max(rows, columns) // 4, 2 + len(across) + len(along)))
    flat = values.reshape(-1)
    for (row, column), value in zip(dict.fromkeys(marks[:most]), itertools.cycle((np.nan, np.inf, -np.inf))):
        flat[row * columns + column] = value
    return values


def _drawn_edges(rng: np.random.Generator, size: int) -> list[int]:
    """Up to three block boundaries inside ``size``, and one place of no meaning."""
    inside = [edge for edge in _BOUNDARIES if edge < size - 1]
    chosen = [] if not inside else [int(edge) for edge in rng.permutation(inside)[:3]]
    return [*chosen, int(rng.integers(size))]


def _extreme(draw: Draw, axis: int) -> Array:
    """Each row (axis 0) or column (axis -1) of the first argument from another of :data:`EXTREME`."""
    if not draw.first or not draw.shape:
        return _normal(draw)
    kinds = (NORMAL, *EXTREME)
    each = np.stack([_DRAWS[kind](draw) for kind in kinds])
    along = [1] * len(draw.shape)
    along[axis] = draw.shape[axis]
    chosen = np.arange(draw.shape[axis]).reshape(along) % len(kinds)
    return np.asarray(np.take_along_axis(each, np.broadcast_to(chosen, draw.shape)[None], axis=0)[0])


_DRAWS: dict[str, Callable[[Draw], Array]] = {
    NORMAL: _normal,
    SECOND: _normal,
    UNIFORM: _uniform,
    WIDE: _wide,
    CANCELLING: _cancelling,
    NON_FINITE: _non_finite,
    WHOLE: _whole,
    MIXED: _mixed,
    TINY: _tiny,
    HUGE: _huge,
    DENORMAL: _denormal,
    ZEROS: _zeros,
    CONSTANT: _constant,
    SPARSE: _sparse,
    SCALED: _scaled,
    EXTREME_ROWS: lambda draw: _extreme(draw, 0),
    EXTREME_COLUMNS: lambda draw: _extreme(draw, -1),
}


def expanded(values: Array, spec: TensorSpec) -> Array:
    """The first values along every dimension that has stride 0, as an expanded view has them."""
    for axis, stride in enumerate(spec.strides or ()):
        if stride == 0 and spec.shape[axis] > 1:
            values = np.repeat(np.take(values, [0], axis=axis), spec.shape[axis], axis=axis)
    return values


def python_value(spec: TensorSpec) -> int | float | bool | None:
    """The number that a spec of dtype ``python`` carries after ``=`` in its name."""
    text = spec.name.partition("=")[2].strip()
    known: dict[str, bool | None] = {"True": True, "False": False, "None": None, "": None}
    if text in known:
        return known[text]
    try:
        return int(text)
    except ValueError:
        return float(text)


def perturbed(values: Sequence[Value], seed: int) -> list[Value]:
    """Return ``values`` with each float element moved by a relative :data:`PERTURBATION`, up or down."""
    rng = np.random.default_rng([seed, 0x7072])
    result: list[Value] = []
    for value in values:
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            moved = value * (1.0 + PERTURBATION * rng.choice((-1.0, 1.0), value.shape))
            result.append(moved.astype(value.dtype))
        else:
            result.append(value)
    return result
