"""What was measured, as JSON values. The keys are documented in docs/json.md."""

from __future__ import annotations

from math import isfinite

from tilewright.records.profile import Diagnosis, Profile
from tilewright.records.timing import Comparison, Conditions, Interval, Screening, TimedFile
from tilewright.records.trial import Measured, StageOutcome

Form = dict[str, object]


def comparison_form(one: Comparison) -> Form:
    """Two files timed against each other, in their measured times and the ratio with its interval."""
    return {
        "provenance": "measured",
        "baseline": timed_file_form(one.baseline),
        "candidate": timed_file_form(one.candidate),
        "decision": one.decision,
        "ratio": interval_form(one.ratio),
        "warm_ratio": interval_form(one.warm_ratio),
        "noise_floor_fraction": one.noise_floor,
        "pairs": one.pairs,
        "device": one.device,
        "driver": one.driver,
        "versions": one.versions,
        "conditions": None if one.conditions is None else conditions_form(one.conditions),
        "notes": one.notes,
        "elapsed_s": one.elapsed_s,
    }


def timed_file_form(one: TimedFile) -> Form:
    """The times of one file's calls."""
    return {
        "sha256": one.sha256,
        "cold_us": interval_form(one.cold_us),
        "warm_us": interval_form(one.warm_us),
        "graph_us": _maybe(one.graph_us),
        "host_us": _maybe(one.host_us),
        "configurations": one.configurations,
    }


def interval_form(one: Interval) -> Form:
    """A median with its 95 % interval."""
    return {"value": one.value, "low": one.low, "high": one.high}


def conditions_form(one: Conditions) -> Form:
    """Smallest, median and largest of each reading."""
    return {
        "sm_mhz": _reading(one.sm_mhz),
        "memory_mhz": _reading(one.memory_mhz),
        "power_w": _reading(one.power_w),
        "temperature_c": _reading(one.temperature_c),
        "throttle_reasons": one.throttle_reasons,
        "samples": one.samples,
    }


def screening_form(one: Screening) -> Form:
    """A quick look at one of many candidates."""
    return {
        "provenance": "measured",
        "sha256": one.sha256,
        "time_us": _maybe(one.time_us),
        "ratio": _maybe(one.ratio),
        "error": one.error,
    }


def measurement_form(one: Measured) -> Form:
    """All that a run found out on a GPU."""
    return {
        "provenance": "measured",
        "device": one.device,
        "stages": [stage_outcome_form(stage) for stage in one.stages],
        "comparison": None if one.comparison is None else comparison_form(one.comparison),
        "input_us": one.input_us,
        "before": None if one.before is None else profile_form(one.before),
        "after": None if one.after is None else profile_form(one.after),
        "diagnoses_after": [diagnosis_form(each) for each in one.diagnoses_after],
        "floor_us": one.floor_us,
        "notes": one.notes,
    }


def stage_outcome_form(one: StageOutcome) -> Form:
    """What became of one stage."""
    return {
        "stage": one.stage,
        "outcome": one.outcome,
        "reason": one.reason,
        "considered": one.considered,
        "built": one.built,
        "timed": one.timed,
        "proved": one.proved,
        "comparison": None if one.comparison is None else comparison_form(one.comparison),
        "profile": None if one.profile is None else profile_form(one.profile),
        "diagnoses": [diagnosis_form(each) for each in one.diagnoses],
        "elapsed_s": one.elapsed_s,
    }


def profile_form(one: Profile) -> Form:
    """Measured metrics with where they come from."""
    return {"provenance": "measured", "metrics": one.metrics, "origin": one.origin, "notes": one.notes}


def diagnosis_form(one: Diagnosis) -> Form:
    """What binds a kernel, with the evidence."""
    return {
        "kernel": one.kernel,
        "binds": one.binds,
        "summary": one.summary,
        "evidence": one.evidence,
        "stage": one.stage,
        "fields": one.fields,
    }


def _reading(values: tuple[float, float, float]) -> tuple[float, float, float] | None:
    return values if all(map(isfinite, values)) else None


def _maybe(one: Interval | None) -> Form | None:
    return None if one is None else interval_form(one)
