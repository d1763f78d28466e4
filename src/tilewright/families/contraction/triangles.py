"""What orders of indices leave out of a contraction: the steps of k that a tile skips, and how many are left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from tilewright.prove.physics import share_of
from tilewright.records.algorithm import Contraction, Order
from tilewright.records.schedule import Schedule


def operand_orders(algorithm: Contraction) -> tuple[Order, ...]:
    """Orders of both operands: what breaks one of them is a zero factor."""
    return tuple(dict.fromkeys((*algorithm.a.orders, *algorithm.b.orders)))


def skipped_tiles(algorithm: Contraction) -> tuple[Order, ...]:
    """Orders that every output has: of a tile beyond them no element depends on the sum."""
    first, *others = algorithm.outputs
    return tuple(order for order in first.orders if all(order in other.orders for other in others))


def skips(algorithm: Contraction) -> bool:
    """Whether a program may leave out a part of k."""
    return bool(operand_orders(algorithm) or skipped_tiles(algorithm))


def begins_late(algorithm: Contraction) -> bool:
    """Whether tiles may skip the first steps of k, and not only the last ones."""
    return any(order.high == "k" for order in operand_orders(algorithm))


def is_structured(algorithm: Contraction) -> bool:
    """Whether any tensor that is read or written has an order."""
    return skips(algorithm) or any(output.orders for output in algorithm.outputs)


def orders_text(orders: Iterable[Order]) -> str:
    """``m <= k and k <= n``; empty where nothing is left out."""
    return " and ".join(
        f"{order.low}{f' + {order.gap}' if order.gap else ''} <= {order.high}" for order in dict.fromkeys(orders)
    )


def last_first(algorithm: Contraction, axis: str) -> bool:
    """Whether tiles further along ``axis``, m or n, walk more steps of k, and so are to start first."""
    orders = (*operand_orders(algorithm), *skipped_tiles(algorithm))
    return any(order.high == axis for order in orders) and not any(order.low == axis for order in orders)


def steps_of_programs(algorithm: Contraction, schedule: Schedule, lengths: tuple[int, int, int]) -> tuple[float, float]:
    """Steps of k that a program walks: on average over all programs of a launch, and the most.

    Args:
        algorithm: A contraction.
        schedule: Has the tile and the parts of k.
        lengths: Along m, n and k, each at least 1.
    """
    blocks = (schedule.block_m, schedule.block_n, schedule.block_k)
    orders = (*operand_orders(algorithm), *skipped_tiles(algorithm))
    mean, most = _steps_of_tiles(orders, lengths, blocks)
    return mean / schedule.split_k, most / schedule.split_k


def kept(orders: Sequence[Order], sizes: Mapping[str, int]) -> float:
    """Which part of an operand its orders keep, from 0 to 1."""
    return _kept(tuple(orders), tuple(max(sizes[axis], 1) for axis in "mnk")) if orders else 1.0


@lru_cache(maxsize=1024)
def _kept(orders: tuple[Order, ...], lengths: tuple[int, ...]) -> float:
    return share_of(orders, dict(zip("mnk", lengths, strict=True)))


@lru_cache(maxsize=1024)
def _steps_of_tiles(
    orders: tuple[Order, ...], lengths: tuple[int, int, int], blocks: tuple[int, int, int]
) -> tuple[float, float]:
    """Mean and most over the tiles; kept, since neither warps nor stages nor program orders matter."""
    starts = {axis: np.arange(0, length, block) for axis, length, block in zip("mn", lengths, blocks, strict=False)}
    first = {"m": starts["m"][:, None], "n": starts["n"][None, :]}
    last = {axis: first[axis] + block for axis, block in zip("mn", blocks, strict=False)}
    length_k, block_k = lengths[2], blocks[2]
    begin = np.zeros((starts["m"].size, starts["n"].size))
    end = np.full(begin.shape, float(length_k))
    for order in orders:
        if order.high == "k":
            begin = np.maximum(begin, (first[order.low] + order.gap) // block_k * block_k)
        elif order.low == "k":
            end = np.minimum(end, last[order.high] - order.gap)
        else:
            end = np.where(first[order.low] + order.gap < last[order.high], end, begin)
    steps = np.ceil(np.maximum(end - begin, 0.0) / block_k)
    return float(steps.mean()), float(steps.max())
