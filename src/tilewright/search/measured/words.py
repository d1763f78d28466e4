"""A comparison in a sentence."""

from __future__ import annotations

from tilewright.records.timing import Comparison, Decision
from tilewright.timing import ratio_words

_DECISIONS = {
    Decision.FASTER: "faster",
    Decision.SLOWER: "slower",
    Decision.SAME: "no difference beyond the noise floor",
    Decision.AMBIGUOUS: "not told apart in the time there was",
}


def comparison(one: Comparison) -> str:
    """``x1.350 [1.342, 1.361] measured over 48 pairs: faster, noise floor 1.0%``."""
    floor = f"noise floor {one.noise_floor:.1%}"
    return f"{ratio_words(one.ratio)} measured over {one.pairs} pairs: {_DECISIONS[one.decision]}, {floor}"
