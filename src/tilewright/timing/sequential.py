"""When to stop timing, and what to say then.

Looking again and again until something shows would find differences in pure noise. So there is a fixed list of looks,
and each may err with its share of :data:`ERROR`: all looks of one comparison together err with at most that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tilewright.records.timing import Decision
from tilewright.timing.statistics import median_bounds

ERROR = 0.01
"""Chance that any look of a comparison misses the true median."""
_FIRST, _GROWTH, _COUNT = 12, 1.5, 14
LOOKS: tuple[int, ...] = tuple(int(_FIRST * _GROWTH**number) for number in range(_COUNT))
"""Blocks at which a comparison looks: 12, 18, 27 … 2335."""
LEVEL = ERROR / len(LOOKS)

LEAST_FLOOR = 0.01
"""No difference below this counts, however steady the GPU: where memory lies and which clock the GPU has settled on
move a time by some tenths of a percent, and another process has others."""
SAME_LIMIT = 0.025
"""Where the GPU differs from itself by more, SAME still means less than this: noise must not swallow what is real."""


def decide(low: float, high: float, floor: float) -> Decision | None:
    """What an interval of the ratio says, if it says one thing.

    Args:
        low: lower bound of the baseline's time over the candidate's.
        high: its upper bound.
        floor: the least distance from 1 that counts.
    """
    if low > 1.0 + floor:
        return Decision.FASTER
    if high < 1.0 - floor:
        return Decision.SLOWER
    within = min(floor, SAME_LIMIT)
    if low > 1.0 - within and high < 1.0 + within:
        return Decision.SAME
    return None


def look(log_ratios: Sequence[float], floor: float) -> Decision | None:
    """Look at the blocks so far, at the level that one look may err with."""
    low, high = median_bounds(log_ratios, LEVEL)
    return decide(_exp(low), _exp(high), floor)


def next_look(blocks: int) -> int | None:
    """The number of blocks at which to look next; ``None`` after the last look."""
    return next((count for count in LOOKS if count > blocks), None)


def _exp(value: float) -> float:
    return math.exp(value) if math.isfinite(value) else (math.inf if value > 0 else 0.0)
