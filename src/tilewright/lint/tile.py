"""The abstract values of a kernel: dtype and shape of a tile, and where its contents come from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import libcst as cst

from tilewright.lint.tree import UNKNOWN
from tilewright.lint.values import FLOATS, INTEGERS, DType

Dim = int | str
"""A size: a number where it is known, else the text of the expression that gives it."""


@dataclass(frozen=True, slots=True)
class Tile:
    """What is known of one value in a kernel; the default knows nothing."""

    dtype: str | None = None
    """Element dtype; of a pointer, what it points to."""
    shape: tuple[Dim, ...] | None = None
    """``()`` is a scalar, ``None`` unknown."""
    pointer: bool = False
    constant: object = UNKNOWN
    """A Python number, string, ``DType`` or ``None`` that is known when the kernel compiles."""
    items: tuple[Tile, ...] = ()
    """The parts of a tuple."""
    loaded: bool = False
    """Whether it was read from memory and only moved or converted since."""
    narrowed: frozenset[tuple[cst.Call, str]] = frozenset()
    """Casts of loaded data to float16 that it went through, with the dtype before."""
    widened: bool = False
    """Whether the last conversion was a cast to float32 that the kernel writes out."""
    holes: frozenset[tuple[cst.Call, frozenset[int]]] = frozenset()
    """Masked loads without ``other`` that it holds, with the axes along which the mask varies."""


NOTHING = Tile()


def constant_tile(value: object) -> Tile:
    """Return the tile of a compile-time value."""
    return Tile(shape=(), constant=value)


def join(left: Tile, right: Tile) -> Tile:
    """Return what holds for both of two values that meet after a branch."""
    if left == right:
        return left
    return Tile(
        dtype=left.dtype if left.dtype == right.dtype else None,
        shape=left.shape if left.shape == right.shape else None,
        pointer=left.pointer and right.pointer,
        loaded=left.loaded and right.loaded,
        narrowed=left.narrowed | right.narrowed,
        holes=left.holes & right.holes,
    )


def broadcast(left: tuple[Dim, ...] | None, right: tuple[Dim, ...] | None) -> tuple[Dim, ...] | None:
    """Return the shape of an elementwise operation, ``None`` where it is not plain."""
    if left is None or right is None:
        return None
    if not left or not right:
        return left or right
    if len(left) != len(right):
        return None
    found: list[Dim] = []
    for one, other in zip(left, right, strict=True):
        if one != other and 1 not in (one, other):
            return None
        found.append(other if one == 1 else one)
    return tuple(found)


def implied_dtype(tile: Tile) -> str | None:
    """Return the dtype, that of a bare Python number included (int is int32, float is float32)."""
    if tile.dtype is not None or tile.pointer:
        return tile.dtype
    if isinstance(tile.constant, bool):
        return "i1"
    if isinstance(tile.constant, int):
        return "i32"
    return "fp32" if isinstance(tile.constant, float) else None


def _is_number(tile: Tile) -> bool:
    return isinstance(tile.constant, (int, float)) and tile.dtype is None


def promoted(left: Tile, right: Tile, *, division: bool) -> str | None:
    """Return the dtype of an arithmetic operation, ``None`` where versions or facts leave it open."""
    for one, other in ((left, right), (right, left)):
        if _is_number(other) and one.dtype is not None:
            if one.dtype in INTEGERS and (division or isinstance(other.constant, float)):
                return "fp32"
            return one.dtype if not (division and one.dtype in ("fp16", "bf16")) else None
    if left.dtype is None or right.dtype is None:
        return None
    if left.dtype == right.dtype:
        if division:
            return left.dtype if left.dtype in ("fp32", "fp64") else None
        return left.dtype
    floats = [item for item in (left, right) if item.dtype in FLOATS]
    if len(floats) == 1:
        return floats[0].dtype if floats[0].shape not in ((), None) or floats[0].dtype in ("fp32", "fp64") else None
    if len(floats) < 2 or left.shape is None or right.shape is None or bool(left.shape) != bool(right.shape):
        return None
    dtypes = {left.dtype, right.dtype}
    return "fp64" if "fp64" in dtypes else "fp32" if "fp32" in dtypes else None


def elementwise(left: Tile, right: Tile, dtype: str | None) -> Tile:
    """Return the result of an elementwise operation of ``dtype`` on two tiles."""
    shape = broadcast(left.shape, right.shape)
    rank = len(shape) if shape is not None else None
    holes = frozenset(
        hole for side in (left, right) for hole in side.holes if side.shape is not None and len(side.shape) == rank
    )
    pointer = left.pointer or right.pointer
    base = left if left.pointer else right
    return Tile(
        dtype=base.dtype if pointer else dtype,
        shape=shape,
        pointer=pointer,
        narrowed=frozenset() if pointer else left.narrowed | right.narrowed,
        holes=frozenset() if pointer else holes,
    )


def converted(tile: Tile, dtype: str | None, node: cst.Call, *, written: bool) -> Tile:
    """Return ``tile`` cast to ``dtype``; ``written`` tells whether the call names that dtype itself."""
    narrowed = tile.narrowed
    if dtype == "fp16" and tile.loaded and tile.dtype in ("fp32", "bf16", "fp64"):
        narrowed |= {(node, tile.dtype)}
    return replace(
        tile,
        dtype=dtype,
        pointer=False,
        constant=UNKNOWN,
        items=(),
        narrowed=narrowed,
        widened=written and dtype == "fp32",
    )


def as_dtype(tile: Tile | None) -> str | None:
    """Return the dtype that a value names, if it names one."""
    return tile.constant.name if tile is not None and isinstance(tile.constant, DType) else None
