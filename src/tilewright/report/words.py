"""Numbers as people read them: always with a unit, and a prediction never without its interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite

from tilewright.cost import Comparison
from tilewright.cost.constants import RATIO_SPREAD
from tilewright.records.estimate import Estimate
from tilewright.records.source import TensorSpec

NONE = "-"
"""Stands in a table where there is nothing to say."""


def count(number: float, noun: str = "", plural: str = "") -> str:
    """``2,048 programs``: a whole number with its noun, which takes an s unless ``plural`` is given."""
    words = f"{number:,.0f}"
    if not noun:
        return words
    return f"{words} {noun if number == 1 else plural or noun + 's'}"


def microseconds(value: float) -> str:
    """``2,091 us``; three digits below 100."""
    if not isfinite(value):
        return "never"
    return f"{value:,.0f} us" if value >= 99.5 else f"{value:.3g} us"


def interval(low: float, high: float, *, digits: int = 0) -> str:
    """``[1,549, 2,823]``."""
    return f"[{low:,.{digits}f}, {high:,.{digits}f}]"


def predicted_time(estimate: Estimate) -> str:
    """``2,091 us [1,549, 2,823]``."""
    if not isfinite(estimate.time_us):
        return "does not fit an SM"
    digits = 0 if estimate.time_us >= 99.5 else 1
    return f"{microseconds(estimate.time_us)} {interval(estimate.low_us, estimate.high_us, digits=digits)}"


def ratio(comparison: Comparison) -> str:
    """``x1.20 [1.00, 1.44]``."""
    return f"x{comparison.ratio:.2f} {interval(comparison.low, comparison.high, digits=2)}"


def widened(value: float) -> Comparison:
    """A predicted ratio of two schedules with the interval that :func:`tilewright.cost.compare` gives such ratios."""
    low, high = value / RATIO_SPREAD, value * RATIO_SPREAD
    return Comparison(ratio=value, low=low, high=high, certain=low > 1.0 or high < 1.0)


def percent(fraction: float) -> str:
    """``8.33 %`` of 0.0833."""
    return f"{100 * fraction:.2f} %"


def amount(count_bytes: float) -> str:
    """``694 MB``: decimal units, three digits."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count_bytes >= size:
            return f"{count_bytes / size:.3g} {unit}"
    return f"{count_bytes:.0f} B"


def extents(shape: Sequence[int], *, by: str = "x") -> str:
    """``100x52``; ``scalar`` for no axes."""
    return by.join(map(str, shape)) or "scalar"


def tensor(spec: TensorSpec) -> str:
    """``A f32[8192, 2048]``; a Python number as ``scale=2``."""
    if spec.dtype == "python":
        return spec.name
    strides = "" if spec.strides is None else f" strides {list(spec.strides)}"
    return f"{spec.name} {spec.dtype}{list(spec.shape)}{strides}"


def listed(words: Iterable[object]) -> str:
    """``fp16, bf16 and fp32``."""
    items = [str(word) for word in words]
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else "none"


def number(value: float) -> str:
    """A measured value in as many digits as it came with, thousands set apart."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.6g}"
