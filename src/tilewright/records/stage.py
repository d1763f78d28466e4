"""An optimization stage: the Schedule fields it owns, and the rules it works under."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A metric and the value a healthy kernel reaches (``above``) or stays under (not ``above``)."""

    metric: str
    value: float | None
    above: bool
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage may change the fields it owns, and no others."""

    name: str
    position: int
    focus: str
    fields: tuple[str, ...]
    """Schedule fields this stage owns."""
    tunable: tuple[tuple[str, ...], ...]
    """Groups of fields of which ONE may be left to an autotune list in the emitted file."""
    thresholds: tuple[Threshold, ...]
    guidelines: tuple[str, ...]
    safety_rules: tuple[str, ...]
    autotune_rules: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    """What a profiler is asked for before and after the stage: few names, since each pass runs the kernel again."""
