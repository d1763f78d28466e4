"""The jobs of the interpreter's worker, by a clock that ticks when a file says so."""

from __future__ import annotations

import ticks

from tilewright.timing import jobs
from tilewright.timing.host_clock import HostClock
from tilewright.timing.host_job import begin, describe, forget, issue, load, measure, replay, warm

__all__ = ["begin", "describe", "forget", "issue", "load", "measure", "replay", "warm"]


class TickingClock(HostClock):
    """Says what ``ticks`` says."""

    def now_us(self) -> float:
        return ticks.now_us


jobs.use(TickingClock)
