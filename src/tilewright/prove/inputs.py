"""Values to run on: seeded, in the parent, so that untrusted code never chooses its own inputs."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from tilewright.prove.halves import Array, round_to
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
PERTURBATION = 2.0**-16
"""Relative size of the change to inputs by which conditioning is measured."""

_INTEGERS = {"i8": np.int8, "u8": np.uint8, "i16": np.int16, "i32": np.int32, "i64": np.int64}
FLOATS = ("f16", "bf16", "f32", "f64")


def values_for(
    inputs: Sequence[TensorSpec], dtypes: Sequence[str], *, distribution: str, seed: int, salt: str
) -> list[Value]:
    """One array, or Python number, for each of forward's arguments.

    Args:
        inputs: shapes and kinds.
        dtypes: the dtype each tensor is to have; floats are rounded to it and held in float32.
        distribution: one of this module's names.
        seed: of the whole proof.
        salt: what tells this call from others of the same proof.
    """
    highest = min((size for spec in inputs for size in spec.shape if size > 1), default=2)
    result: list[Value] = []
    for index, (spec, dtype) in enumerate(zip(inputs, dtypes, strict=True)):
        rng = np.random.default_rng([seed, zlib.crc32(f"{salt}/{distribution}/{index}".encode())])
        if spec.dtype == "python":
            result.append(python_value(spec))
        elif dtype == "bool":
            result.append(rng.integers(0, 2, spec.shape).astype(np.bool_))
        elif dtype in _INTEGERS:
            # indices are the usual meaning of integers: valid for the shortest dimension there is
            result.append(rng.integers(0, highest, spec.shape).astype(_INTEGERS[dtype]))
        elif dtype in FLOATS:
            result.append(round_to(_floats(rng, spec.shape, dtype, distribution, index), dtype))
        else:
            raise ValueError(f"no values for dtype {dtype!r}")
    return result


def _floats(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, distribution: str, index: int) -> Array:
    if distribution == UNIFORM:
        return rng.random(shape)
    if distribution == WIDE:
        # beyond the range of float16 wherever the dtype allows it, so that narrowing shows as Inf
        reach = 4.0 if dtype == "f16" else 20.0
        return np.asarray(np.exp2(rng.uniform(-reach, reach, shape)) * rng.choice((-1.0, 1.0), shape))
    if distribution == CANCELLING:
        if index:
            return 1.0 + 0.01 * rng.standard_normal(shape)
        parity = np.indices(shape).sum(axis=0) % 2 if shape else np.zeros(())
        return (1.0 - 2.0 * parity) * 8.0 + rng.standard_normal(shape) * 0.1
    values = np.asarray(rng.standard_normal(shape))
    if distribution == NON_FINITE and values.size and index == 0:
        flat = values.reshape(-1)
        places = rng.choice(flat.size, size=min(3, flat.size), replace=False)
        flat[places] = np.array([np.nan, np.inf, -np.inf])[: len(places)]
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
