"""How long a run has taken, its earlier sittings included, and what is left of its time."""

from __future__ import annotations

import time
from collections.abc import Callable

CONFIRMATION_S = 45.0
"""Kept for the proof in every dtype, the comparison in a new process, and the profile of the output."""
POLISH_S = 40.0
"""Kept for a round over all fields together: it finds what the stages, one after the other, may not reach."""
STAGE_S = 20.0
"""What a stage takes, until one has been timed."""


class Clock:
    """Counts from the run's beginning, not this process's."""

    def __init__(self, limit_s: float, *, earlier_s: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        self._limit_s, self._earlier_s, self._now, self._began = limit_s, earlier_s, now, now()

    @property
    def elapsed_s(self) -> float:
        """Seconds that the run has taken so far."""
        return self._earlier_s + self._now() - self._began

    @property
    def left_s(self) -> float:
        """Seconds that are left for looking at candidates; below 0 once the rest is for the confirmation."""
        return self._limit_s - CONFIRMATION_S - self.elapsed_s

    @property
    def is_over(self) -> bool:
        """Whether no candidate should be begun any more."""
        return self.left_s <= 0
