"""What a measured run is asked for."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_LIMIT_S = 270.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How far a measured run goes."""

    precision: str = "no-worse"
    seed: int = 0
    limit_s: float = DEFAULT_LIMIT_S
    """Seconds for the whole run; the last of them are kept for the confirmation."""
    autotune: bool = False
    """Emit the finalists as an autotune list instead of the winner alone."""
    built: int = 16
    """Candidates that a stage writes and builds, at most."""
    proofs: int = 2
    """Candidates that a stage proves before it gives up."""
    polish_rounds: int = 5
    """Rounds of the search over all fields together after the stages, each with half as many candidates; 0: none."""
