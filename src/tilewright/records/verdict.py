"""Whether a candidate computes what the original computes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The outcome of a proof."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One comparison. ``error`` and ``bound`` are in the measure that ``name`` states."""

    name: str
    dtype: str
    shapes: tuple[tuple[int, ...], ...]
    distribution: str
    error: float
    bound: float
    original_error: float | None
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All checks of one candidate against one original."""

    status: Status
    checks: tuple[Check, ...]
    reason: str
    """One line: the smallest evidence when refuted, what is missing when undecided."""
    unchecked: tuple[str, ...] = ()
    """What this proof could not look at, in plain words (real bfloat16 arithmetic in the interpreter, …)."""
    seed: int = 0
    elapsed_s: float = 0.0
