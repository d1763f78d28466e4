"""Which kernel matters: by measured time where there is one, else by what was predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tilewright.records.profile import Diagnosis


def slowest_first(diagnoses: Sequence[Diagnosis], times_ns: Mapping[str, float]) -> tuple[Diagnosis, ...]:
    """Return the diagnoses with the kernel first that took longest; those without a time stay in order, at the end."""
    return tuple(sorted(diagnoses, key=lambda one: -times_ns.get(one.kernel, -1.0)))


def shares(times_ns: Mapping[str, float]) -> Mapping[str, float]:
    """Return each kernel's share of the time of all that were measured, 0 to 1."""
    whole = sum(times_ns.values())
    return {kernel: time / whole for kernel, time in times_ns.items()} if whole else {}
