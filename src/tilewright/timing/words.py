"""Measured times and ratios as people read them: never one without its interval."""

from __future__ import annotations

from tilewright.records.timing import Interval


def ratio_words(ratio: Interval) -> str:
    """``x0.971 [0.969, 0.973]``."""
    return f"x{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"


def time_words(time: Interval) -> str:
    """``2,612 us [2,608, 2,617]``; four digits or so."""
    digits = next((digits for least, digits in ((1000, 0), (100, 1), (10, 2)) if time.value >= least), 3)
    return f"{time.value:,.{digits}f} us [{time.low:,.{digits}f}, {time.high:,.{digits}f}]"
