"""What a walk through a kernel notes."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from tilewright.lint.tile import Tile


@dataclass(frozen=True, slots=True)
class Dot:
    """One ``tl.dot``."""

    node: cst.Call
    left: Tile
    right: Tile
    accumulator: Tile | None
    result: Tile


@dataclass(frozen=True, slots=True)
class Cast:
    """One conversion of a tile to a dtype."""

    node: cst.Call
    source: Tile
    target: str


@dataclass(frozen=True, slots=True)
class Clash:
    """A variable whose dtype after a loop's body is not the one it entered the loop with."""

    node: cst.CSTNode
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Reduction:
    """One ``tl.sum`` and the like; ``axis`` is ``None`` where all axes are reduced or it is not known."""

    node: cst.Call
    source: Tile
    axis: int | None


@dataclass(frozen=True, slots=True)
class Created:
    """One tile of a known or symbolic shape."""

    node: cst.CSTNode
    shape: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """One ``tl.arange``."""

    node: cst.Call
    start: object
    end: object


@dataclass(frozen=True, slots=True)
class Load:
    """One ``tl.load``."""

    node: cst.Call
    result: Tile


Event = Dot | Cast | Clash | Reduction | Created | Range | Load
