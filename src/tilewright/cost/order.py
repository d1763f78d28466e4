"""The tile that each program of a grid computes, in the order in which programs start."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tilewright.records.work import TileGrid

Index: TypeAlias = NDArray[np.int64]


def tile_of_program(grid: TileGrid, program: Index) -> dict[str, Index]:
    """Return the ``m``, ``n``, ``split`` and ``batch`` coordinates of each linear program index.

    The orders are those that the Schedule names: ``grid_2d`` and ``column_major`` walk m first, ``grid_2d_swapped``
    and ``row_major`` walk n first, ``grouped`` walks GROUP_M tile rows down, then one tile column on.
    """
    per_split = grid.num_m * grid.num_n
    inside = program % per_split
    if grid.program_order in ("grid_2d", "column_major"):
        m, n = inside % grid.num_m, inside // grid.num_m
    elif grid.program_order in ("grid_2d_swapped", "row_major"):
        m, n = inside // grid.num_n, inside % grid.num_n
    elif grid.program_order == "grouped":
        m, n = _grouped(grid, inside)
    else:
        raise ValueError(f"program_order {grid.program_order!r} is none that a Schedule has")
    return {
        "m": m,
        "n": n,
        "split": program // per_split % grid.split_k,
        "batch": program // (per_split * grid.split_k),
    }


def _grouped(grid: TileGrid, inside: Index) -> tuple[Index, Index]:
    per_group = grid.group_m * grid.num_n
    first = inside // per_group * grid.group_m
    rows = np.minimum(grid.num_m - first, grid.group_m)
    return first + inside % per_group % rows, inside % per_group // rows


def program_count(grid: TileGrid) -> int:
    """Return the programs that cover every tile once."""
    return grid.num_m * grid.num_n * grid.split_k * grid.batch
