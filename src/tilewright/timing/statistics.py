"""Medians with their intervals. No torch, no clock; chance comes in from outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tilewright.records.timing import Interval

if TYPE_CHECKING:
    import numpy as np

DRAWS = 2000
_TAIL = 0.025
_AT_ONCE = 1 << 21
"""Numbers drawn in one piece, so that thousands of samples do not take gigabytes."""
FEWEST = 6
"""Samples from which their range holds the median at 95 %: 1 - 2 / 2**6. With fewer, nothing does."""


def median_interval(values: Sequence[float], rng: np.random.Generator) -> Interval:
    """The median, with the 95 % percentile interval of the medians of :data:`DRAWS` resamples.

    Args:
        values: at least one; with fewer than :data:`FEWEST` the interval is their whole range.
        rng: what resamples.

    Raises:
        ValueError: no values.
    """
    import numpy as np

    if not values:
        raise ValueError("no values, no median")
    given = np.asarray(values, dtype=np.float64)
    middle = float(np.median(given))
    if given.size < FEWEST:
        return Interval(value=middle, low=float(given.min()), high=float(given.max()))
    rows = max(1, _AT_ONCE // given.size)
    medians = np.concatenate(
        [
            np.median(given[rng.integers(0, given.size, (min(rows, DRAWS - start), given.size))], axis=1)
            for start in range(0, DRAWS, rows)
        ]
    )
    low, high = np.quantile(medians, (_TAIL, 1.0 - _TAIL))
    return Interval(value=middle, low=min(float(low), middle), high=max(float(high), middle))


def ratio_interval(log_ratios: Sequence[float], rng: np.random.Generator) -> Interval:
    """The median ratio with its 95 % bootstrap interval, from logarithms of ratios."""
    found = median_interval(log_ratios, rng)
    return Interval(value=math.exp(found.value), low=math.exp(found.low), high=math.exp(found.high))


def median_bounds(values: Sequence[float], level: float) -> tuple[float, float]:
    """Bounds of the median that miss it with a chance of at most ``level``, whatever the values' distribution.

    They are two order statistics: of ``n`` independent values, the number below the median is binomial. Unlike a
    bootstrap they hold at levels far below 5 % and for few values, which is where a sequential test looks.

    Returns:
        The bounds; infinite where there are too few values for the level.
    """
    ordered, count = sorted(values), len(values)
    # in whole numbers: 2**n overflows a float from a thousand values on
    allowed = int(level / 2 * (1 << 60)) * (1 << count) >> 60
    tail, rank, combinations = 0, 0, 1
    while rank < count // 2:
        tail += combinations
        if tail > allowed:
            break
        combinations = combinations * (count - rank) // (rank + 1)
        rank += 1
    if rank == 0:
        return -math.inf, math.inf
    return ordered[rank - 1], ordered[count - rank]
