"""What an expression is worth as far as the text tells: constants, dtypes, tensors of the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import add, floordiv, ge, gt, le, lt, mod, mul, sub, truediv

import libcst as cst

from tilewright.lint.tree import UNKNOWN

TORCH_DTYPES = {
    "float32": "fp32", "float": "fp32", "float16": "fp16", "half": "fp16", "bfloat16": "bf16", "float64": "fp64",
    "double": "fp64", "int8": "i8", "int16": "i16", "int32": "i32", "int": "i32", "int64": "i64", "long": "i64",
    "uint8": "u8", "bool": "i1", "float8_e4m3fn": "fp8e4nv", "float8_e5m2": "fp8e5",
}  # fmt: skip
"""Names under ``torch`` to Triton's short names."""

TRITON_DTYPES = {
    "float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64", "int1": "i1", "int8": "i8",
    "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
    "float8e4nv": "fp8e4nv", "float8e5": "fp8e5",
}  # fmt: skip
"""Names under ``triton.language`` to Triton's short names."""

FLOATS = ("fp16", "bf16", "fp32", "fp64")
INTEGERS = ("i1", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64")


@dataclass(frozen=True, slots=True)
class DType:
    """A dtype as a value: what ``x.dtype`` gives."""

    name: str


@dataclass(frozen=True, slots=True)
class HostTensor:
    """A tensor in a wrapper; ``dtype`` is ``None`` where it is not known."""

    dtype: str | None


_ARITHMETIC: dict[type[cst.BaseBinaryOp], Callable[[int, int], object]] = {
    cst.Add: add, cst.Subtract: sub, cst.Multiply: mul, cst.FloorDivide: floordiv, cst.Modulo: mod, cst.Divide: truediv,
    cst.Power: lambda a, b: a**b if 0 <= b <= 64 else UNKNOWN,
    cst.LeftShift: lambda a, b: a << b if 0 <= b <= 64 else UNKNOWN, cst.RightShift: lambda a, b: a >> b,
}  # fmt: skip
_ORDER: dict[type[cst.BaseCompOp], Callable[[float, float], bool]] = {
    cst.LessThan: lt, cst.LessThanEqual: le, cst.GreaterThan: gt, cst.GreaterThanEqual: ge
}  # fmt: skip


def binary(operator: cst.BaseBinaryOp, left: object, right: object) -> object:
    """Return the value of an arithmetic operation on known numbers, else ``UNKNOWN``."""
    function = _ARITHMETIC.get(type(operator))
    if function is None or not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        return UNKNOWN
    try:
        return function(left, right)  # type: ignore[arg-type]
    except (ZeroDivisionError, TypeError, ValueError, OverflowError):
        return UNKNOWN


def compare(operator: cst.BaseCompOp, left: object, right: object) -> object:
    """Return the truth of one comparison, or ``UNKNOWN``."""
    if isinstance(operator, (cst.In, cst.NotIn)):
        if left is UNKNOWN or not isinstance(right, tuple):
            return UNKNOWN
        known = any(item is not UNKNOWN and item == left for item in right)
        if not known and any(item is UNKNOWN for item in right):
            return UNKNOWN
        return known if isinstance(operator, cst.In) else not known
    if left is UNKNOWN or right is UNKNOWN or isinstance(left, HostTensor) or isinstance(right, HostTensor):
        return UNKNOWN
    if isinstance(operator, (cst.Equal, cst.Is)):
        return left == right
    if isinstance(operator, (cst.NotEqual, cst.IsNot)):
        return left != right
    function = _ORDER.get(type(operator))
    if function is None or not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        return UNKNOWN
    return function(left, right)


def truth(value: object) -> bool | None:
    """Return whether a value is true, or ``None`` where that is not known."""
    if value is UNKNOWN or isinstance(value, (HostTensor, DType)):
        return None
    return bool(value)


def logic(operator: cst.BaseBooleanOp, left: object, right: object) -> object:
    """Return ``left and right`` or ``left or right``; one known side can be enough."""
    stop = isinstance(operator, cst.Or)
    for value in (left, right):
        if truth(value) is stop:
            return value if value is left else (stop if left is UNKNOWN else value)
    return UNKNOWN if None in (truth(left), truth(right)) else right


def same(left: object, right: object) -> bool:
    """Tell whether two values are the same and known (``True`` and ``1`` differ)."""
    return left is not UNKNOWN and type(left) is type(right) and left == right


def next_power_of_2(value: object) -> object:
    """Return what ``triton.next_power_of_2`` gives."""
    if isinstance(value, int) and 0 < value < 1 << 40:
        return 1 << (value - 1).bit_length()
    return UNKNOWN
