"""Profiler metrics and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Measured metrics: kernel name to metric name to value, in Nsight Compute's names and base units."""

    metrics: Mapping[str, Mapping[str, float]]
    origin: str
    """The file or document they were read from."""
    notes: tuple[str, ...] = ()
    """What was combined, left out or passed over, one sentence each."""
    times_ns: Mapping[str, float] = field(default_factory=dict)
    """Device time of all of a kernel's launches together, so that kernels can be weighed; of those with a time."""
    launches: Mapping[str, int] = field(default_factory=dict)
    """Kernel to how many launches its metrics were combined from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What binds one kernel, with the evidence."""

    kernel: str
    binds: str
    summary: str
    """One sentence."""
    evidence: tuple[str, ...]
    """Each a sentence with its numbers, marked measured or predicted."""
    stage: str
    """The stage that can move it."""
    fields: tuple[str, ...]
    """The Schedule fields that can move it."""
