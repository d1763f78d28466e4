"""Measured times and ratios as people read them: never one without its interval."""

from __future__ import annotations

from tilewright.records.timing import Interval


def ratio_words(ratio: Interval) -> str:
    """``x0.971 [0.969, 0.973]``; three digits after the point, more below a tenth."""
    digits = 3 if ratio.value >= 0.1 else 6
    return f"x{ratio.value:.{digits}f} [{ratio.low:.{digits}f}, {ratio.high:.{digits}f}]"


def time_words(time: Interval) -> str:
    """``2,612 us [2,608, 2,617]``; four digits or so."""
    digits = next((digits for least, digits in ((1000, 0), (100, 1), (10, 2)) if time.value >= least), 3)
    return f"{time.value:,.{digits}f} us [{time.low:,.{digits}f}, {time.high:,.{digits}f}]"
