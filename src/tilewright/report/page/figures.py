"""Numbers of the page as people read them: a ratio or a time never without its interval."""

from __future__ import annotations

from tilewright.report import words
from tilewright.report.page.reading import Figure


def ratio(one: Figure) -> str:
    """``x3.02 [2.98, 3.06]``."""
    return f"x{one.value:.2f} {bounds(one)}"


def bounds(one: Figure) -> str:
    """``[2.98, 3.06]``."""
    return words.interval(one.low, one.high, digits=2)


def time(one: Figure) -> str:
    """``863 us [861, 866]``."""
    digits = 0 if one.value >= 99.5 else 2 if one.value < 9.95 else 1
    return f"{words.microseconds(one.value)} {words.interval(one.low, one.high, digits=digits)}"


def share(one: Figure) -> str:
    """``34.1 % [33.9, 34.3]`` of a fraction."""
    scaled = (100 * one.value, 100 * one.low, 100 * one.high)
    return f"{scaled[0]:.1f} % {words.interval(scaled[1], scaled[2], digits=1)}"


def seconds(value: float) -> str:
    """``4 min 12 s``, ``8.3 s``."""
    if value >= 60:
        return f"{int(value // 60)} min {int(value % 60)} s"
    return f"{value:.1f} s"


def plain(value: float) -> str:
    """A number of an axis or a cell, in as few digits as it needs."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.4g}"


def divided(before: Figure, after: Figure) -> Figure:
    """The widest interval that the ratio of two figures can have."""
    return Figure(value=before.value / after.value, low=before.low / after.high, high=before.high / after.low)
