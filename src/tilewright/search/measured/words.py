"""Measured figures in sentences: a ratio never stands without its interval."""

from __future__ import annotations

from tilewright.records.timing import Comparison, Decision, Interval

_DECISIONS = {
    Decision.FASTER: "faster",
    Decision.SLOWER: "slower",
    Decision.SAME: "no difference beyond the noise floor",
    Decision.AMBIGUOUS: "not told apart in the time there was",
}


def ratio(one: Interval) -> str:
    """``x1.35 [1.34, 1.36]``."""
    return f"x{one.value:.3g} [{one.low:.3g}, {one.high:.3g}]" if one.value >= 10 else _precise(one)


def _precise(one: Interval) -> str:
    digits = 3 if abs(one.high - one.low) < 0.02 else 2
    return f"x{one.value:.{digits}f} [{one.low:.{digits}f}, {one.high:.{digits}f}]"


def comparison(one: Comparison) -> str:
    """``x1.35 [1.34, 1.36] measured over 48 pairs: faster``."""
    floor = f", noise floor {one.noise_floor:.1%}"
    return f"{ratio(one.ratio)} measured over {one.pairs} pairs: {_DECISIONS[one.decision]}{floor}"
