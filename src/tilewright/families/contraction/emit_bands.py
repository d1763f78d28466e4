"""Write what copying a triangle takes: its elements lie in a band of diagonals, and zeros are written around it.

The main kernel then needs no mask. It reads no farther from the band than ``reach``, and copies write no farther.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tilewright.families.contraction.emit_text import factor, substitute
from tilewright.families.contraction.layouts import Placed
from tilewright.records.algorithm import Contraction
from tilewright.records.schedule import Schedule

LOW, HIGH = "band_low", "band_high"
"""Parameters of the copying kernels: ``band_low <= column - row <= band_high`` is copied."""


def reach(plan: Sequence[Schedule]) -> int:
    """Diagonals beyond the band that tiles may still hold: those on its edge, begun at a whole step of k."""
    return max(max(one.block_m, one.block_n) + one.block_k for one in plan)


def bounds(one: Placed, algorithm: Contraction, arguments: Mapping[str, str]) -> tuple[str, str]:
    """Texts of the first and the last diagonal that the wrapper passes, column less row: all of them without orders."""
    lows = [order.gap for order in one.operand.orders if order.low == one.rows]
    highs = [-order.gap for order in one.operand.orders if order.low == one.columns]
    rows, columns = (substitute(algorithm.extents[axis], arguments) for axis in (one.rows, one.columns))
    return str(max(lows)) if lows else f"-{factor(rows)}", str(min(highs)) if highs else columns


def band_text(one: Placed, algorithm: Contraction, arguments: Mapping[str, str]) -> str:
    """What the preparing function is passed for ``band``."""
    return f"[{', '.join(bounds(one, algorithm, arguments))}]" if one.operand.orders else "None"


def return_lines(row: str, column: str) -> list[str]:
    """Leave where the tile lies so far from the band that it is never read."""
    return [
        f"    diagonal = ({column} - {row}) * BLOCK",
        f"    if (diagonal + BLOCK <= {LOW} - REACH) | (diagonal - BLOCK >= {HIGH} + REACH):",
        "        return  # so far from the band that it is never read",
    ]


def mask_lines() -> list[str]:
    """Bind ``in_band``, from the offsets of the tile."""
    return [
        "    diagonals = offs_column[None, :] - offs_row[:, None]",
        f"    in_band = (diagonals >= {LOW}) & (diagonals <= {HIGH})",
    ]
