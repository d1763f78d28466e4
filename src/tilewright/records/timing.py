"""Measured times, and what a comparison of two files says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Decision(StrEnum):
    """What a comparison says of the candidate."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"
    """The interval lies within the noise floor on both sides of 1."""
    AMBIGUOUS = "ambiguous"
    """Time ran out while the interval still said more than one of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A median with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedFile:
    """How long one call of a file's ``ModelNew`` took. Times are device time unless they say otherwise."""

    sha256: str
    """Of the file's text."""
    cold_us: Interval
    """The L2 cache was flushed before each call."""
    warm_us: Interval
    """The same call had just run."""
    graph_us: Interval | None
    """Replayed as a CUDA graph, warm: no host in between. ``None`` where the call cannot be captured."""
    host_us: Interval | None
    """Wall clock that the host needs to issue one call."""
    configurations: tuple[str, ...] = ()
    """What each autotuner of the file had settled on before the clock started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the GPU did while it was timed, read through NVML: smallest, median and largest of the samples."""

    sm_mhz: tuple[float, float, float]
    memory_mhz: tuple[float, float, float]
    power_w: tuple[float, float, float]
    temperature_c: tuple[float, float, float]
    throttle_reasons: tuple[str, ...]
    """Why clocks were held down at any sample, in words; empty if nothing did."""
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two files, timed in one process in random order. A ratio above 1 says that the candidate is faster."""

    baseline: TimedFile
    candidate: TimedFile
    decision: Decision
    ratio: Interval
    """The baseline's cold time over the candidate's, pair by pair: what the decision is about."""
    warm_ratio: Interval
    noise_floor: float
    """Least distance from 1 that counts, as a fraction: what the baseline differs from itself by."""
    pairs: int
    """Pairs of cold calls that the ratio rests on."""
    device: str = ""
    """The GPU's name as its driver gives it."""
    driver: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    conditions: Conditions | None = None
    """``None`` where NVML does not answer."""
    notes: tuple[str, ...] = ()
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """A quick look at one of many candidates: enough to say which of them to prove, not enough to accept one."""

    sha256: str
    time_us: Interval | None
    """Cold; ``None`` where it did not run."""
    ratio: Interval | None
    """The baseline's time over this one's, both taken in the same process."""
    error: str = ""
    """Why it did not run."""
