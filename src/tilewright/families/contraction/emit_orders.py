"""Write what a triangle changes: which part of k a program walks, and which elements are read and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tilewright.families.contraction.emit_text import Lines, Names
from tilewright.families.contraction.triangles import operand_orders, skipped_tiles, skips
from tilewright.records.algorithm import Contraction, Order

_SIDES = {"a": {"m": "[:, None]", "k": "[None, :]"}, "b": {"k": "[:, None]", "n": "[None, :]"}}


def write_range(lines: Lines, names: Names, algorithm: Contraction, begin: str, end: str) -> tuple[str, str]:
    """Bind where a program's part of k begins, at a multiple of BLOCK_K, and where it ends.

    What is left out holds zeros, or belongs to a tile of which no element is kept.

    Args:
        lines: Gets the lines.
        names: The kernel's.
        algorithm: Its orders say what is left out.
        begin: Where the part of k begins that the program has of a matrix without structure; a multiple of BLOCK_K.
        end: Where that ends.

    Returns:
        The names of both.
    """
    if not skips(algorithm):
        return begin, end
    lines.add("", "# Only the steps of K in which this tile's operands are not all zeros.")
    lows = [] if begin == "0" else [begin]
    highs = [end]
    for order in operand_orders(algorithm):
        if order.high == "k":
            lows += ["0"] if order.gap < 0 and not lows else []
            lows.append(f"{_factor(_plus(_start(names, order.low), order.gap))} // BLOCK_K * BLOCK_K")
        else:
            highs.append(_plus(_stop(names, order.high), -order.gap))
    first = _bound(lines, names("k_begin"), "max", lows) if lows else begin
    last = names("k_end")
    kept = [f"{_plus(_start(names, one.low), one.gap)} < {_stop(names, one.high)}" for one in skipped_tiles(algorithm)]
    if highs[1:] or not kept:
        end = _bound(lines, last, "min", highs)
    for condition in kept:
        lines.add(f"{last} = tl.where({condition}, {end}, {first})")
        end = last
    return first, end


def _bound(lines: Lines, name: str, word: str, several: Sequence[str]) -> str:
    """Bind the largest or smallest of several to ``name``."""
    text = several[0]
    for other in several[1:]:
        text = f"{word}({text}, {other})"
    if text != name:
        lines.add(f"{name} = {text}")
    return name


def _factor(text: str) -> str:
    return f"({text})" if " + " in text or " - " in text else text


def load_masks(names: Names, side: str, orders: Sequence[Order], k: str) -> list[str]:
    """Masks on the tile of operand ``side`` of the step that begins at ``k``."""
    index = {"m": names("offs_m"), "n": names("offs_n"), "k": f"({k} + {names('offs_k')})"}
    return [_order(order, index, _SIDES[side]) for order in orders]


def output_mask(names: Names, orders: Sequence[Order]) -> str:
    """Which elements of the output's tile are kept; empty where all are."""
    index = {"m": names("offs_m"), "n": names("offs_n")}
    return " & ".join(_order(order, index, {"m": "[:, None]", "n": "[None, :]"}) for order in orders)


def _order(order: Order, index: Mapping[str, str], shapes: Mapping[str, str]) -> str:
    low, high = (f"{index[axis]}{shapes[axis]}" for axis in (order.low, order.high))
    return f"({_plus(low, order.gap)} <= {high})"


def _start(names: Names, axis: str) -> str:
    return f"{names(f'pid_{axis}')} * BLOCK_{axis.upper()}"


def _stop(names: Names, axis: str) -> str:
    """One more than the last index of the tile."""
    return f"{_start(names, axis)} + BLOCK_{axis.upper()}"


def _plus(text: str, gap: int) -> str:
    return text if gap == 0 else f"{text} + {gap}" if gap > 0 else f"{text} - {-gap}"
