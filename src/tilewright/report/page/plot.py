"""Scales and ticks: from values to pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

from tilewright.report.page.figures import plain
from tilewright.report.page.model import Tick

WIDE, NARROW = 720.0, 360.0
"""Widths in pixels of a drawing for a desk, and of one for a phone."""
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Values from ``low`` to ``high`` on the pixels from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value; one beyond an end is put on that end."""
        held = min(max(value, self.low), self.high)
        if self.logarithmic:
            share = (log10(held) - log10(self.low)) / (log10(self.high) - log10(self.low))
        else:
            share = (held - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def linear_ticks(scale: Scale, *, wanted: int) -> tuple[Tick, ...]:
    """About ``wanted`` ticks at round values."""
    rough = (scale.high - scale.low) / max(1, wanted)
    power = 10.0 ** floor(log10(rough))
    step = next(one * power for one in _STEPS if one * power >= rough * 0.999)
    first, last = ceil(scale.low / step - 1e-9), floor(scale.high / step + 1e-9)
    return tuple(_tick(scale, index * step) for index in range(first, last + 1))


def log_ticks(scale: Scale, *, apart: float) -> tuple[Tick, ...]:
    """Ticks at 1, 2 and 5 of each decade, at least ``apart`` pixels from each other; decades go first."""
    decades = range(floor(log10(scale.low)), ceil(log10(scale.high)) + 1)
    values = [digit * 10.0**decade for digit in (1, 5, 2) for decade in decades]
    return spaced(scale, values, apart=apart)


def spaced(scale: Scale, values: Iterable[float], *, apart: float) -> tuple[Tick, ...]:
    """Those of the values, the first ones preferred, that stand apart from each other."""
    chosen: list[Tick] = []
    for value in values:
        if not scale.low * (1 - 1e-9) <= value <= scale.high * (1 + 1e-9):
            continue
        tick = _tick(scale, value)
        if all(abs(tick.at - other.at) >= apart for other in chosen):
            chosen.append(tick)
    return tuple(sorted(chosen, key=lambda tick: tick.at))


def path(points: Sequence[tuple[float, float]]) -> str:
    """Points as SVG writes them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def steps(points: Sequence[tuple[float, float]], *, until: float) -> list[tuple[float, float]]:
    """The corners of a line that keeps each value until the next one, and the last until ``until``."""
    corners = list(points[:1])
    for (_, old), (x, new) in pairwise(points):
        corners += [(x, old), (x, new)]
    return [*corners, (until, points[-1][1])] if points else []


def _tick(scale: Scale, value: float) -> Tick:
    return Tick(at=scale.at(value), label=plain(float(f"{value:.6g}")))
