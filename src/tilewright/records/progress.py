"""How far a run has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is being done, and what has been done, for whoever watches."""

    step: str
    """What is being done now, in a few words."""
    stage: str = ""
    """The stage's name; empty before the first and after the last."""
    built: int = 0
    """Candidates that were built for the target so far."""
    proved: int = 0
    timed: int = 0
    best_us: float | None = None
    """Time of the best proved file so far."""
    best_ratio: float | None = None
    """The input's time over ``best_us``."""
    provenance: str = "predicted"
    """Of the two: ``measured`` or ``predicted``."""
    elapsed_s: float = 0.0
    left_s: float | None = None
    """Until the time that the run was given ends; ``None`` where it was given none."""
