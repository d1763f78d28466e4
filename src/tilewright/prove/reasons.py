"""Why a verdict is as it is, in one line: parent side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tilewright.prove.compare import Judged
from tilewright.prove.inputs import NON_FINITE
from tilewright.prove.plan import Planned, size_of
from tilewright.prove.probes import CIRCUMSTANTIAL
from tilewright.prove.trials import AGAIN

_TELLING = ("stale result", "earlier output kept", "kernels matter", "cached result", "redzones", "physics")
"""Checks that say most about what is wrong, in this order."""


def smallest(failed: Sequence[tuple[Planned, Judged]]) -> str:
    """The evidence that takes the least to look at: ordinary values, a fact, a small problem."""

    def weight(pair: tuple[Planned, Judged]) -> tuple[bool, int, bool, bool, int]:
        planned, item = pair
        name, last = item.check.name, len(_TELLING)
        rank = _TELLING.index(name) if name in _TELLING else last + (name in (*CIRCUMSTANTIAL, "bits repeat"))
        return (
            planned.distribution == NON_FINITE,
            rank,
            item.check.bound != 0.0,
            item.role != AGAIN,
            size_of(planned.problem),
        )

    planned, item = min(failed, key=weight)
    check = item.check
    where = planned.words()
    if check.bound == 0.0:
        return f"{check.detail} ({where})"
    by = f"{check.name} {check.error:.3g}, allowed {check.bound:.3g}"
    before = "" if check.original_error is None else f" (original {check.original_error:.3g})"
    return f"{by}{before}; {check.detail} ({where})"


def fail_vacuous(judged: list[tuple[Planned, Judged]], covered: set[str]) -> list[tuple[Planned, Judged]]:
    """With the checks of outputs that nothing else covers failed, if zeros or a constant would pass them."""
    result = []
    for planned, item in judged:
        if item.vacuous and item.output not in covered:
            item = replace(item, check=replace(item.check, passed=False))
        result.append((planned, item))
    return result
