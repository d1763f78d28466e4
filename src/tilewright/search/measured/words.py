"""A comparison in a sentence."""

from __future__ import annotations

from tilewright.records.timing import Comparison, Decision, Interval
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


def none_faster(candidates: int, best: Interval | None, *, rounds: int = 0) -> str:
    """``none of 12 candidates was faster than the file before; the best, x0.981 [0.977, 0.985] measured``."""
    if candidates == 0:
        return "no candidate could be built and run"
    which = "the one candidate was not" if candidates == 1 else f"none of {candidates} candidates was"
    where = "" if not rounds else f" in {rounds} round{'' if rounds == 1 else 's'}"
    shown = "" if best is None else f"; {'it is' if candidates == 1 else 'the best,'} {ratio_words(best)} measured"
    return f"{which} faster than the file before{where}{shown}"
