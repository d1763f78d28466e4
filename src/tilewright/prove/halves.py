"""Rounding to bfloat16 in numpy, which has no such type. Used on both sides of the process boundary."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
LARGEST = {"f64": float(np.finfo(np.float64).max), "f32": 3.4028235e38, "f16": 65504.0, "bf16": 3.3895314e38}
"""Largest finite value of each dtype."""


def round_to_bfloat16(values: Array) -> Array:
    """Return ``values`` as float32, rounded to the nearest bfloat16, ties to even; NaN and Inf stay."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    special = (bits & np.uint32(0x7F800000)) == np.uint32(0x7F800000)
    return np.where(special, bits, rounded).astype(np.uint32).view(np.float32).reshape(np.shape(values))


def bfloat16_bits(values: Array) -> Array:
    """Return the 16 bits of each of ``values``, rounded."""
    return (round_to_bfloat16(values).view(np.uint32) >> np.uint32(16)).astype(np.uint16)


def from_bfloat16_bits(bits: Array) -> Array:
    """Return the float32 values of 16-bit patterns."""
    return (bits.astype(np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)


def round_to(values: Array, dtype: str) -> Array:
    """Return ``values`` rounded to ``dtype`` (f16, bf16, f32, f64), held in float32 (float64 for f64)."""
    if dtype == "f64":
        return values.astype(np.float64)
    if dtype == "bf16":
        return round_to_bfloat16(values)
    with np.errstate(over="ignore"):
        return values.astype(np.float16 if dtype == "f16" else np.float32).astype(np.float32)
