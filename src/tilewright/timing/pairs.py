"""Blocks of timed calls as they come in: parent side, no clock."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tilewright.timing.channel import Failed, figures

CALLS, PAIRS = 4, 2
"""Calls of a block, and pairs of them."""
ORDERS = ((0, 1, 1, 0), (1, 0, 0, 1))
"""Baseline 0, candidate 1: what changes steadily with time cancels within a block; which begins is up to chance."""


def draw_order(rng: random.Random) -> list[int]:
    """The order of one block."""
    return list(rng.choice(ORDERS))


@dataclass
class Pairs:
    """What was timed of a baseline and a candidate."""

    log_ratios: list[float] = field(default_factory=list)
    """One a block: logarithm of the baseline's time over the candidate's, of geometric means."""
    times_us: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    late: int = 0
    """Blocks left out because the host was not ahead of the device."""
    tuned: int = 0
    """Blocks left out because an autotuner ran."""

    def __len__(self) -> int:
        return len(self.log_ratios)

    @property
    def left_out(self) -> int:
        """Blocks that do not count."""
        return self.late + self.tuned

    def add(self, planned: Sequence[Mapping[str, Any]], told: object) -> None:
        """Take in what the worker tells of the first of the planned blocks.

        Raises:
            Failed: it is not usable.
        """
        if not isinstance(told, list) or not 0 < len(told) <= len(planned):
            raise Failed("", "crashed", "the worker's answer is not usable", None)
        for block, answer in zip(planned, told, strict=False):
            if not isinstance(answer, dict):
                raise Failed("", "crashed", "the worker's answer is not usable", None)
            order: list[int] = block["order"]
            times = figures(answer.get("us"), len(order))
            if answer.get("tuned") is not False:
                self.tuned += 1
            elif answer.get("ahead") is not True:
                self.late += 1
            else:
                self._take(order, times)

    def _take(self, order: Sequence[int], times: Sequence[float]) -> None:
        sums = [0.0, 0.0]
        for index, time_us in zip(order, times, strict=True):
            self.times_us[index].append(time_us)
            sums[index] += math.log(time_us) * 2 / len(order)
        self.log_ratios.append(sums[0] - sums[1])
